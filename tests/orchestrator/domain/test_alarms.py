"""Where what a device does is not what its plan says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Basis
from mqtt_schemas.messages import Checkpoint, Phase, Status, TurnNow
from mqtt_schemas.plan import AtEnd, OutsideTurns, Plan, Turn
from orchestrator.domain.alarms import (
    ENDING,
    NONE_PENDING,
    TAKING_UP,
    TRIES_USED_UP,
    TRYING,
    Alarm,
    Kind,
    Pending,
    Seen,
    Severity,
    judge,
)
from tests.mqtt_schemas import strategies
from tests.orchestrator.fakes import NOW, PC, PRINTER, status

MIDNIGHT = NOW.replace(hour=0)
SECOND = timedelta(seconds=1)
ENDED = NOW - timedelta(minutes=10)


def plan(at_end: AtEnd = AtEnd.LOCK, *, ends_at: datetime = ENDED, grace: int = 60) -> Plan:
    """Return a plan of one turn that ended ten minutes ago."""
    turn = Turn(
        id="t", starts_at=ends_at - timedelta(hours=1), ends_at=ends_at, grace=grace, at_end=at_end
    )
    return Plan(
        issuer="main",
        revision=1,
        digest="0" * 64,
        issued_at=NOW,
        valid_until=NOW + timedelta(days=4),
        after_expiry=OutsideTurns.CLOSED,
        outside_turns=OutsideTurns.CLOSED,
        turns=(turn,),
    )


def session(basis: Basis, *, length: timedelta, turn: str | None = None) -> Checkpoint:
    """Return a session that has gone on for so long."""
    return Checkpoint(
        session="s",
        turn=turn,
        basis=basis,
        at_ms=0,
        active_ms=round(length.total_seconds() * 1000),
        idle_ms=0,
    )


def reported(**changes: object) -> Status:
    """Return a status as of NOW with fields changed."""
    return status().model_copy(update=changes)


def seen(
    told: Status | None,
    *,
    wanted: Plan | None = None,
    online: bool = True,
    in_force: bool = True,
    uncounted: int = 0,
) -> Seen:
    """Return the printer as it is known."""
    return Seen(PRINTER.address, online, told, wanted, in_force, MIDNIGHT, uncounted)


def kinds(of: Seen, now: datetime = NOW, before: Pending = NONE_PENDING) -> list[Kind]:
    """Return the kinds of alarm at one device."""
    return [alarm.kind for alarm in judge([of], before, now).alarms]


def test_a_device_that_does_what_it_should_raises_none() -> None:
    """Free, in its turn, or not heard of at all."""
    running = plan(ends_at=NOW + timedelta(hours=1))
    used = reported(session=session(Basis.TURN, length=SECOND, turn="t"))
    assert kinds(seen(None)) == []
    assert kinds(seen(status(), wanted=running)) == []
    assert kinds(seen(used, wanted=running)) == []


def test_use_on_a_closed_device_is_an_alarm_while_it_goes_on() -> None:
    """Since it began; but not before its agent had time to end it."""
    young = reported(session=session(Basis.OUTSIDE, length=ENDING - SECOND))
    assert kinds(seen(young)) == []
    old = reported(session=session(Basis.OUTSIDE, length=ENDING + SECOND))
    [alarm] = judge([seen(old)], NONE_PENDING, NOW).alarms
    assert alarm == Alarm(PRINTER.address, Kind.USE_OUTSIDE, NOW - ENDING - SECOND)
    assert alarm.severity is Severity.WARNING
    assert kinds(seen(old, online=False)) == []


def test_use_outside_of_today_stays_known() -> None:
    """Its agent ended it within seconds; staff learns of it nevertheless."""
    [alarm] = judge([seen(None, uncounted=3)], NONE_PENDING, NOW).alarms
    assert (alarm.kind, alarm.since, alarm.count) == (Kind.USED_OUTSIDE, MIDNIGHT, 3)
    assert alarm.severity is Severity.NOTE


def test_a_blocked_device_does_not_obey() -> None:
    """Also when it is not heard of any more: nothing says that it obeys by now."""
    blocked = reported(
        blocked="does_not_lock", session=session(Basis.BLOCKED, length=timedelta(minutes=3))
    )
    for online in (True, False):
        [alarm] = judge([seen(blocked, online=online)], NONE_PENDING, NOW).alarms
        assert alarm.kind is Kind.NOT_OBEYED
        assert alarm.reason == "does_not_lock"
        assert alarm.since == NOW - timedelta(minutes=3)
        assert alarm.severity is Severity.CRITICAL


@pytest.mark.parametrize("at_end", AtEnd)
def test_a_use_that_goes_on_past_its_turn_is_not_obeyed_where_the_turn_ends_it(
    at_end: AtEnd,
) -> None:
    """A job may finish, and a turn that only tells ends nothing."""
    used = reported(session=session(Basis.TURN, length=SECOND, turn="t"))
    over_at = ENDED + timedelta(seconds=60)
    obeys = at_end in (AtEnd.FINISH_JOB, AtEnd.NOTIFY)
    late = seen(used, wanted=plan(at_end))
    assert kinds(late, over_at + TRYING - SECOND) == []
    alarms = judge([late], NONE_PENDING, over_at + TRYING).alarms
    expected = Alarm(PRINTER.address, Kind.NOT_OBEYED, over_at, "t", "use_goes_on")
    assert alarms == (() if obeys else (expected,))


def test_a_plan_that_is_not_carried_out_is_an_alarm_after_a_while() -> None:
    """Since it was first seen, however often it is looked at; taken up, it is forgotten."""
    apart = seen(status(), wanted=plan(), in_force=False)
    first = judge([apart], NONE_PENDING, NOW)
    assert first.alarms == ()
    later = judge([apart], first.pending, NOW + TAKING_UP)
    assert [(alarm.kind, alarm.since) for alarm in later.alarms] == [(Kind.PLAN_NOT_IN_FORCE, NOW)]
    agreed = judge([seen(status(), wanted=plan())], later.pending, NOW + TAKING_UP)
    assert agreed.alarms == ()
    again = judge([apart], agreed.pending, NOW + TAKING_UP + SECOND)
    assert again.alarms == ()
    away = seen(status(), wanted=plan(), in_force=False, online=False)
    assert judge([away], first.pending, NOW + TAKING_UP).alarms == ()


def test_a_code_that_was_guessed_at_is_an_alarm() -> None:
    """Only staff can open that turn now, so staff must know."""
    guessed = reported(problems=(TRIES_USED_UP,), turn=TurnNow(id="t", phase=Phase.AWAITING))
    first = judge([seen(guessed)], NONE_PENDING, NOW)
    [alarm] = judge([seen(guessed)], first.pending, NOW + SECOND).alarms
    assert (alarm.kind, alarm.turn, alarm.since) == (Kind.CODE_TRIES_USED_UP, "t", NOW)


def test_what_is_critical_comes_first() -> None:
    """Then warnings, then notes; by device within each."""
    blocked = reported(blocked="does_not_end")
    noted = replace(seen(None, uncounted=1), address=PC.address)
    alarms = judge([noted, seen(blocked, uncounted=1)], NONE_PENDING, NOW).alarms
    assert [(alarm.address, alarm.severity) for alarm in alarms] == [
        (PRINTER.address, Severity.CRITICAL),
        (PC.address, Severity.NOTE),
        (PRINTER.address, Severity.NOTE),
    ]


@given(
    told=st.none() | strategies.statuses,
    wanted=st.none() | strategies.plans,
    online=st.booleans(),
    in_force=st.booleans(),
    now=strategies.times,
)
def test_any_status_and_plan_can_be_judged(
    told: Status | None,
    wanted: Plan | None,
    online: bool,  # noqa: FBT001 - drawn
    in_force: bool,  # noqa: FBT001 - drawn
    now: datetime,
) -> None:
    """Total, never since the future, and the same again for the same."""
    of = Seen(PRINTER.address, online, told, wanted, in_force, now, 1)
    judged = judge([of], NONE_PENDING, now)
    assert all(alarm.since <= now for alarm in judged.alarms)
    assert judge([of], judged.pending, now) == judged
    assert len({alarm.kind for alarm in judged.alarms}) == len(judged.alarms)
