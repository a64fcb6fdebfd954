"""What bookings are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import LIVE, Booking, BookingState, NoRoom, clash

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def booked(start: float, end: float, name: str = "b1") -> Booking:
    """Return a booking in minutes after NOW."""
    first, last = (NOW + timedelta(minutes=minutes) for minutes in (start, end))
    return Booking(name, Address("paja", "printer-1"), first, last)


def test_bookings_may_touch_and_not_overlap() -> None:
    """Of several in the way, the earliest is told."""
    known = [booked(60, 90, "b2"), booked(0, 30)]
    for start, end, found in ((30, 60, None), (29, 61, "b1"), (30, 61, "b2"), (90, 99, None)):
        other = clash(known, booked(start, end).starts_at, booked(start, end).ends_at)
        assert (other.id if other else None) == found
    wide = timedelta(minutes=5)
    assert clash(known, NOW + timedelta(minutes=34), NOW + wide * 7, spacing=wide) is not None


@pytest.mark.parametrize("state", BookingState)
def test_only_live_bookings_take_time(state: BookingState) -> None:
    """What is cancelled, released or not come to is free again."""
    booking = replace(booked(0, 30), state=state)
    assert booking.live is (state in LIVE)
    assert (clash([booking], NOW, NOW + timedelta(minutes=1)) is not None) is booking.live


def test_a_refusal_that_another_time_would_help_ends_in_one_full_stop() -> None:
    """Advice is put behind its reason."""
    refusal = NoRoom("It is booked.")
    assert (str(refusal), refusal.reason) == ("It is booked.", "It is booked")
