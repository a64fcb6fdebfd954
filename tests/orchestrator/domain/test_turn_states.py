"""Where a booking stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState, Purpose
from orchestrator.domain.devices import CheckInBy, Policy
from orchestrator.domain.turn_states import NOTHING_SEEN, Seen, Standing, stand

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(AtEnd.LOCK, check_in_within=900)
BOOKED = Booking(
    "b1", Address("paja", "pc-1"), NOW, NOW + timedelta(hours=1), check_in=CheckInBy.CODE
)
State = BookingState


def at(minutes: float) -> datetime:
    """Return so many minutes after the turn's start."""
    return NOW + timedelta(minutes=minutes)


def standing(
    booking: Booking, minutes: float, *, seen: Seen = NOTHING_SEEN, told: float | None = None
) -> Standing:
    """Return where it stands so many minutes after its start."""
    told_until = None if told is None else at(told)
    return stand(booking, POLICY, seen, at(minutes), told_until=told_until)


def test_who_does_not_come_loses_the_turn_when_the_time_is_up() -> None:
    """Not before, and only by a device that has told all up to then."""
    assert standing(BOOKED, 14, told=14) == Standing(State.BOOKED, NOW, at(15))
    assert standing(BOOKED, 15, told=15) == Standing(State.NO_SHOW, at(15))


@pytest.mark.parametrize("told", [None, 0, 14.9])
def test_a_device_that_is_away_is_waited_for(told: float | None) -> None:
    """Somebody may have checked in there with the code."""
    assert standing(BOOKED, 30, told=told) == Standing(State.BOOKED, NOW, overdue=True)


@pytest.mark.parametrize("sign", ["opened_at", "checked_in_at", "started_at"])
def test_who_was_seen_has_come(sign: str) -> None:
    """And has used the turn when it is over, told or not."""
    seen = replace(NOTHING_SEEN, **{sign: at(5)})  # type: ignore[arg-type] # a name of a time
    assert standing(BOOKED, 20, seen=seen) == Standing(State.CHECKED_IN, at(5), at(60))
    assert standing(BOOKED, 60, seen=seen) == Standing(State.USED, at(60))


def test_a_released_turn_whose_customer_had_come_is_theirs_again() -> None:
    """The event was under way when it was released."""
    gone = replace(BOOKED, state=State.NO_SHOW)
    assert standing(gone, 16, told=16) == Standing(State.NO_SHOW, NOW)
    seen = Seen(checked_in_at=at(14.9))
    assert standing(gone, 16, seen=seen).state is State.CHECKED_IN


def test_a_turn_without_check_in_is_a_no_show_only_when_it_is_over_and_unused() -> None:
    """It opens by itself; that is no sign of anybody."""
    booked = replace(BOOKED, check_in=CheckInBy.NONE)
    opened = Seen(opened_at=NOW)
    assert standing(booked, 59, seen=opened, told=59) == Standing(State.BOOKED, NOW, at(60))
    assert standing(booked, 60, seen=opened, told=60).state is State.NO_SHOW
    assert standing(booked, 60, seen=opened, told=59).overdue
    used = replace(opened, started_at=at(40))
    assert standing(booked, 50, seen=used).state is State.CHECKED_IN
    assert standing(booked, 60, seen=used).state is State.USED


def test_an_offer_is_held_for_its_time() -> None:
    """Then it is released, once the device has told that nobody took it up to then."""
    offer = replace(BOOKED, state=State.OFFERED, hold_until=at(10))
    assert standing(offer, 9).deadline == at(10)
    assert standing(offer, 10, told=10) == Standing(State.RELEASED, at(10))
    assert standing(offer, 10, told=9.9) == Standing(State.OFFERED, NOW, overdue=True)
    assert standing(offer, 99) == Standing(State.OFFERED, NOW, overdue=True)
    assert standing(offer, 10, seen=Seen(checked_in_at=at(9))).state is State.CHECKED_IN


def test_an_event_needs_no_check_in_and_a_block_never_changes() -> None:
    """People at an event are counted by the event."""
    event = replace(BOOKED, purpose=Purpose.EVENT)
    assert standing(event, 59, told=59) == Standing(State.BOOKED, NOW, at(60))
    assert standing(event, 60).state is State.USED
    block = replace(BOOKED, purpose=Purpose.BLOCK)
    assert standing(block, 99, told=99) == Standing(State.BOOKED, NOW)


times = st.none() | st.floats(-60, 120).map(at)


@given(
    state=st.sampled_from(State),
    purpose=st.sampled_from(Purpose),
    check_in=st.sampled_from(CheckInBy),
    seen=st.builds(Seen, opened_at=times, checked_in_at=times, started_at=times),
    now=st.floats(-60, 600).map(at),
    told=times,
    hold=times,
)
def test_standing_is_total_and_idempotent(
    *,
    state: State,
    purpose: Purpose,
    check_in: CheckInBy,
    seen: Seen,
    now: datetime,
    told: datetime | None,
    hold: datetime | None,
) -> None:
    """A deadline lies ahead, and looking again from where it came to changes nothing."""
    booking = replace(BOOKED, state=state, purpose=purpose, check_in=check_in, hold_until=hold)
    first = stand(booking, POLICY, seen, now, told_until=told)
    assert first.deadline is None or first.deadline > now
    assert not (first.overdue and first.deadline)
    again = stand(replace(booking, state=first.state), POLICY, seen, now, told_until=told)
    assert again.state is first.state
    assert again.deadline == first.deadline
    if state in (State.CANCELLED, State.RELEASED, State.USED):
        assert first.state is state
