"""Checking in at the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingRefused, BookingState, Desk, Purpose
from orchestrator.domain.check_in import Answers, check_ages, check_came
from orchestrator.domain.devices import Device, Policy

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ADDRESS = Address("paja", "vr-1")
POLICY = Policy(AtEnd.LOCK, minimum_age=13, guardian_below=15, guardian_in="self_service")
DESK = Desk(Device(ADDRESS, "vr", POLICY, "VR 1"), NOW, ZoneInfo("Europe/Helsinki"))
HOUR = timedelta(hours=1)
BOOKED = Booking("b1", ADDRESS, NOW, NOW + HOUR)


@pytest.mark.parametrize(
    ("answers", "staffed", "sentence"),
    [
        (Answers(), True, "Ask first: is everybody at least 13 years old? Answer yes or no."),
        (Answers(old_enough=False), True, "VR 1 is for people who are at least 13 years old."),
        (
            Answers(old_enough=True),
            False,
            "Ask first: is everybody at least 15 years old, or has a guardian consented? ",
        ),
        (
            Answers(old_enough=True, guardian=False),
            False,
            "VR 1 below 15 years needs a guardian's consent.",
        ),
    ],
)
def test_what_is_not_asked_or_answered_with_no_is_refused(
    *, answers: Answers, staffed: bool, sentence: str
) -> None:
    """The guardian is asked for where the policy says so."""
    with pytest.raises(BookingRefused) as refusal:
        check_ages("VR 1", POLICY, answers, staffed=staffed)
    assert str(refusal.value).startswith(sentence)


def test_yes_lets_people_in() -> None:
    """And no question is asked that the policy does not ask."""
    check_ages("VR 1", POLICY, Answers(old_enough=True), staffed=True)
    check_ages("VR 1", POLICY, Answers(old_enough=True, guardian=True), staffed=False)
    check_ages("PC 1", Policy(AtEnd.LOCK), Answers(), staffed=False)
    always = replace(POLICY, minimum_age=None, guardian_in="always")
    with pytest.raises(BookingRefused):
        check_ages("VR 1", always, Answers(), staffed=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"purpose": Purpose.BLOCK}, "The device is blocked then"),
        ({"state": BookingState.CHECKED_IN}, "The customer has checked in already."),
        ({"state": BookingState.OFFERED}, "The turn is an offer to somebody in the queue"),
        ({"state": BookingState.RELEASED}, "The booking is over (released); book a new turn."),
        ({"ends_at": NOW}, "The turn ended at 2026-11-25 14:00."),
        (
            {"starts_at": NOW + 1.5 * HOUR},
            "The turn starts at 2026-11-25 15:30; check in at most 1 h before.",
        ),
    ],
)
def test_who_can_not_check_in_is_told_why(change: dict[str, Any], sentence: str) -> None:
    """Each state in its own words."""
    with pytest.raises(BookingRefused) as refusal:
        check_came(DESK, replace(BOOKED, **change))
    assert str(refusal.value).startswith(sentence)


def test_a_customer_may_come_early_and_late() -> None:
    """An hour before, and as long as the turn is held."""
    check_came(DESK, replace(BOOKED, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR))
    check_came(DESK, replace(BOOKED, starts_at=NOW - HOUR))
    check_came(DESK, replace(BOOKED, state=BookingState.NO_SHOW))
