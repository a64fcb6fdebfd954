"""Policies in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd, OutsideTurns
from orchestrator.domain.devices import (
    AfterClosing,
    CheckInBy,
    Misfit,
    Per,
    Period,
    Policy,
    Quota,
)
from orchestrator.domain.policy_words import days_in_words, in_words, period_in_words

PLAIN = Policy(AtEnd.LOCK)


def said(policy: Policy) -> str:
    """Return all that is said of a policy."""
    return "\n".join(in_words(policy))


def test_what_is_not_regulated_is_not_spoken_of() -> None:
    """A clerk reads what there is to know."""
    assert list(in_words(PLAIN)) == [
        "Turns of 1 min to 8 h, starting at any minute.",
        "It is booked at most 366 days ahead; it is not used without a booking.",
        "A turn opens by itself, without check-in.",
        "No more time is offered.",
        "The customer is warned 10 min, 5 min and 1 min before the end.",
        "At the end the device is locked.",
        "Turns end at closing, at the latest.",
        "Outside turns it is closed; when the device has heard nothing for days it is closed.",
        "A turn that becomes free is held 10 min for the first in the queue.",
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"grid": 3600, "shortest": 3600, "longest": 3600}, "Turns of 1 h, starting on the hour."),
        ({"grid": 1800, "buffer": 900}, "starting every 30 min from midnight, with 15 min kept"),
        ({"same_day": True, "notice": 7200}, "for the same day and at least 2 h before the start"),
        ({"walk_in": 1800}, "without a booking it is used at most 30 min."),
        ({"outside_turns": OutsideTurns.OPEN}, "It is booked at most 366 days ahead.\n"),
        ({"party": 1}, "At most 1 person at a time."),
        ({"minimum_age": 13}, "staff asks whether everybody is 13 or older; only yes or no is"),
        (
            {"guardian_below": 15, "guardian_in": "self_service"},
            "whether who is under 15 has a guardian's consent in self-service hours; only yes",
        ),
        ({"check_in": CheckInBy.CODE}, "with its code, at the device or at the desk; after 15 min"),
        ({"check_in": CheckInBy.STAFF, "check_in_within": 600}, "after 10 min without check-in it"),
        ({"extension": 900}, "If nobody waits, 15 min more is offered in the last 10 min, up to"),
        ({"extension": 900, "extension_in_last": 0}, "15 min more is offered at any time"),
        (
            {"warn_before": (), "grace": 60},
            "offered.\nAt the end, after 1 min of grace, the device is loc",
        ),
        ({"at_end": AtEnd.FINISH_JOB}, "a job that runs is finished, and no other begins."),
        (
            {"at_end": AtEnd.PAUSE_JOB, "print_misfit": Misfit.REFUSE},
            "A print that would not be done by the end of its turn is refused.",
        ),
        ({"finish_before_closing": 900}, "Turns end 15 min before closing, at the latest."),
        ({"after_closing": AfterClosing.STAFF}, "at closing; staff may let one run on after it."),
        ({"staffed_only": True}, "It is used in staffed hours only."),
        (
            {"staffed_only": True, "school_days_from": time(12)},
            "It is used in staffed hours only, on school days from 12:00.",
        ),
        (
            {"periods": (Period((0, 1, 2), time(14), time(0), "nuoret", exclusive=True),)},
            "It is for nuoret only: mon-wed from 14:00 to 24:00.",
        ),
        (
            {"periods": (Period((5,), time(10), time(12, 30), "perheet"),)},
            "Who declares no group is taken for perheet: sat from 10:00 to 12:30.",
        ),
        ({"assumed_group": "aikuiset"}, "Who declares no group is taken for aikuiset."),
        (
            {"quotas": (Quota(1, Per.DAY), Quota(2, Per.WEEK, "days"))},
            "A customer gets at most 1 turn a day and 2 days a week, of all devices",
        ),
        ({"offer": 300}, "A turn that becomes free is held 5 min for"),
    ],
)
def test_each_rule_has_its_words(changed: dict[str, Any], sentence: str) -> None:
    """As a clerk would say it."""
    assert sentence not in said(PLAIN)
    assert sentence in said(replace(PLAIN, **changed))


def test_of_an_attended_device_nothing_is_said_that_takes_an_agent() -> None:
    """Nobody there warns, ends or observes a use but staff."""
    assert list(in_words(PLAIN, attended=True)) == [
        "Turns of 1 min to 8 h, starting at any minute.",
        "It is booked at most 366 days ahead; it is not used without a booking.",
        "Staff begins and ends each turn.",
        "If nobody waits, staff may give more time, up to the next booking or closing.",
        "The desk sees 10 min before the end that it is near.",
        "A turn that nobody has ended at its end counts up to its end, until staff says otherwise.",
        "Turns end at closing, at the latest.",
        "Nothing observes it: what is counted is what staff says.",
        "A turn that becomes free is held 10 min for the first in the queue.",
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"check_in": CheckInBy.CODE}, "ends each turn; after 15 min without check-in it is rel"),
        ({"check_in": CheckInBy.STAFF}, "ends each turn; after 15 min without check-in it is rel"),
        ({"warn_before": (60, 120)}, "The desk sees 2 min before the end"),
        ({"grace": 120}, "that nobody has ended 2 min after its end counts up to its end"),
    ],
)
def test_an_attended_device_has_its_own_words(changed: dict[str, Any], sentence: str) -> None:
    """For what its policy still rules."""
    assert sentence not in "\n".join(in_words(PLAIN, attended=True))
    assert sentence in "\n".join(in_words(replace(PLAIN, **changed), attended=True))


@pytest.mark.parametrize(
    "changed",
    [
        {"outside_turns": OutsideTurns.OPEN, "after_expiry": OutsideTurns.OPEN},
        {"at_end": AtEnd.PAUSE_JOB, "print_misfit": Misfit.REFUSE},
        {"extension": 900},
    ],
)
def test_what_only_an_agent_does_changes_no_word_of_an_attended_device(
    changed: dict[str, Any],
) -> None:
    """Whatever it inherits."""
    own = replace(PLAIN, **changed)
    assert list(in_words(own, attended=True)) == list(in_words(PLAIN, attended=True))


@given(
    st.builds(
        Policy,
        at_end=st.sampled_from(AtEnd),
        outside_turns=st.sampled_from(OutsideTurns),
        after_expiry=st.sampled_from([OutsideTurns.OPEN, OutsideTurns.CLOSED]),
        warn_before=st.lists(st.integers(0, 9999), max_size=3).map(tuple),
        grid=st.integers(0, 86_400),
        walk_in=st.integers(0, 9999),
        check_in=st.sampled_from(CheckInBy),
    ),
    st.booleans(),
)
def test_every_policy_can_be_said(policy: Policy, attended: bool) -> None:  # noqa: FBT001 - drawn
    """Sentences, whatever its values are."""
    for sentence in in_words(policy, attended=attended):
        assert sentence.endswith(".")
        assert "  " not in sentence


@given(st.sets(st.integers(0, 6), min_size=1))
def test_days_are_said_as_they_may_be_written(days: set[int]) -> None:
    """Each run of days by its first and last."""
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    found: set[int] = set()
    for part in days_in_words(days).split(", "):
        first, _, last = part.partition("-")
        found |= set(range(names.index(first), names.index(last or first) + 1))
    assert found == days


def test_a_period_is_said_in_short() -> None:
    """For a table."""
    period = Period((0, 4, 5), time(14), time(17), "nuoret", exclusive=True)
    assert period_in_words(period) == "mon, fri-sat 14:00–17:00 nuoret only"
