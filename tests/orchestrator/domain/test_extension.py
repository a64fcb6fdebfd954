"""More time for a turn, or less."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    Hours,
    NoRoom,
    Purpose,
    WrongTime,
    clash,
    spacing,
)
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.extension import Denied, Running, check_cancel, check_new_end, grant
from tests.orchestrator.domain.hours import Span, always, of

ADDRESS = Address("paja", "printer-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(
    AtEnd.LOCK,
    grace=120,
    buffer=180,
    shortest=600,
    longest=7200,
    extension=900,
    extension_in_last=1800,
)
DESK = Desk(Device(ADDRESS, "printer", POLICY, "Printer 1"), NOW, ZoneInfo("Europe/Helsinki"))


def at(minutes: float) -> datetime:
    """Return so many minutes after NOW, which is 14:00 in Helsinki."""
    return NOW + timedelta(minutes=minutes)


def booked(start: float, end: float, name: str = "b1") -> Booking:
    """Return a booking in minutes after NOW."""
    return Booking(name, ADDRESS, at(start), at(end))


def running(
    turn: Booking,
    *others: Booking,
    hours: Hours = always,
    waiting: int = 0,
    **policy: Any,  # noqa: ANN401 - fields of a policy
) -> Running:
    """Return a turn at a desk."""
    device = replace(DESK.device, policy=replace(POLICY, **policy))
    return Running(replace(DESK, device=device), turn, hours, others, waiting)


def test_a_running_turn_is_extended_into_free_time() -> None:
    """Its own booking is not in its way."""
    turn = booked(-30, 30)
    check_new_end(running(turn, turn, booked(95, 120, "b2")), at(90))


def test_a_turn_of_the_longest_length_can_still_be_extended_by_staff() -> None:
    """The longest length bounds each extension, not their sum."""
    full = booked(-60, 60)
    check_new_end(running(full), at(180))
    with pytest.raises(BookingRefused, match="extended by at most 2 h at a time"):
        check_new_end(running(full), at(181))


def test_a_turn_that_has_not_begun_is_as_long_as_any() -> None:
    """Nobody books two hours, and then two more."""
    later = booked(60, 120)
    check_new_end(running(later), at(180))
    with pytest.raises(BookingRefused, match="A turn on Printer 1 is at most 2 h long"):
        check_new_end(running(later), at(181))
    with pytest.raises(BookingRefused, match="A turn on Printer 1 is at least 10 min long"):
        check_new_end(running(later), at(69))


def test_a_block_is_as_long_as_any_block() -> None:
    """It runs on after closing, but not for ever."""
    blocked = replace(booked(-60, 60), purpose=Purpose.BLOCK)
    closed = of(Span(at(-60), at(60)))
    check_new_end(running(blocked, hours=closed), at(365 * 1440))
    with pytest.raises(BookingRefused, match="A block is at most 366 days long"):
        check_new_end(running(blocked, hours=closed), at(366 * 1440))


def test_an_extension_into_the_next_booking_is_refused_with_what_would_go() -> None:
    """The latest end keeps grace and buffer."""
    turn = booked(-30, 30)
    with pytest.raises(NoRoom) as refusal:
        check_new_end(running(turn, booked(60, 120, "b2")), at(70))
    assert str(refusal.value) == (
        "Printer 1 is booked from 2026-11-25 15:00 to 16:00; it can be extended to 14:55."
    )
    with pytest.raises(NoRoom, match="needs 5 min between turns; it can be extended to 14:55"):
        check_new_end(running(turn, booked(60, 120, "b2")), at(60))
    with pytest.raises(NoRoom, match="it can't be extended"):
        check_new_end(running(turn, booked(35, 60, "b2")), at(40))


def test_nobodys_turn_is_extended_while_others_wait() -> None:
    """But by staff who knows and says so; shorter is always fine."""
    turn = booked(-30, 30)
    with pytest.raises(NoRoom, match="2 people wait in the queue for a device like Printer 1"):
        check_new_end(running(turn, waiting=2), at(40))
    with pytest.raises(NoRoom, match="Somebody waits in the queue"):
        check_new_end(running(turn, waiting=1), at(40))
    check_new_end(running(turn, waiting=1), at(40), although_waiting=True)
    check_new_end(running(turn, waiting=1), at(20))


def test_a_turn_is_extended_up_to_closing_and_beyond_only_by_leave() -> None:
    """The leave may have been given before."""
    turn, hours = booked(-30, 30), of(Span(at(-60), at(45)))
    with pytest.raises(WrongTime) as refusal:
        check_new_end(running(turn, hours=hours), at(60))
    assert str(refusal.value) == (
        "Printer 1 can't be used until 2026-11-25 15:00; it can be extended to 14:45."
    )
    check_new_end(running(turn, hours=hours), at(45))
    check_new_end(running(turn, hours=hours), at(60), over_closing=True)
    check_new_end(running(replace(turn, over_closing=True), hours=hours), at(60))
    with pytest.raises(WrongTime, match="it can't be extended"):
        check_new_end(running(booked(-30, 45), hours=hours), at(60))


def test_a_turn_is_shortened_to_now_but_not_into_the_past() -> None:
    """What has been used has been used."""
    turn = booked(-30, 30)
    check_new_end(running(turn), at(0))
    with pytest.raises(BookingRefused, match="is in the past"):
        check_new_end(running(turn), at(-5))
    with pytest.raises(BookingRefused, match="it starts at 2026-11-25 15:00"):
        check_new_end(running(booked(60, 120)), at(60))


@pytest.mark.parametrize(
    ("at_end", "reopens"),
    [(AtEnd.LOCK, True), (AtEnd.PAUSE_JOB, True), (AtEnd.END, False), (AtEnd.FINISH_JOB, False)],
)
def test_a_turn_that_is_over_reopens_only_after_lock_or_pause(
    *, at_end: AtEnd, reopens: bool
) -> None:
    """Elsewhere the customer's work is gone, and the agent would say too_late."""
    over = replace(booked(-60, -3), state=BookingState.USED)
    if reopens:
        check_new_end(running(over, at_end=at_end), at(30))
        return
    with pytest.raises(BookingRefused, match="The turn ended at 2026-11-25 13:57; book a new one"):
        check_new_end(running(over, at_end=at_end), at(30))


def test_what_is_over_is_neither_cancelled_nor_extended() -> None:
    """It is said instead of doing nothing."""
    with pytest.raises(BookingRefused, match="The turn ended at"):
        check_cancel(DESK, booked(-60, 0))
    gone = replace(booked(60, 120), state=BookingState.CANCELLED)
    with pytest.raises(BookingRefused, match="cancelled already"):
        check_cancel(DESK, gone)
    with pytest.raises(BookingRefused, match="is cancelled; make a new one"):
        check_new_end(running(gone), at(90))
    for state in (BookingState.NO_SHOW, BookingState.RELEASED):
        released = replace(gone, state=state)
        with pytest.raises(BookingRefused, match="released already"):
            check_cancel(DESK, released)
        with pytest.raises(BookingRefused, match="was released; book a new one"):
            check_new_end(running(released), at(90))
    check_cancel(DESK, booked(-60, 1))


def test_who_asks_at_the_device_gets_one_step() -> None:
    """Or as much of it as there is room for, if that is a minute."""
    turn = booked(-30, 20)
    assert grant(running(turn), 0) == at(35)
    assert grant(running(turn), 600) == at(30)
    assert grant(running(turn, booked(32, 60, "b2")), 900) == at(27)
    assert grant(running(turn, hours=of(Span(at(-60), at(31)))), 900) == at(31)
    assert grant(running(turn, longest=55 * 60), 900) == at(25)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (running(booked(-30, 20), extension=0), Denied.NOT_OFFERED),
        (running(replace(booked(-30, 20), purpose=Purpose.EVENT)), Denied.NOT_OFFERED),
        (running(booked(-30, 32)), Denied.NOT_YET),
        (running(booked(-30, 0)), Denied.OVER),
        (running(replace(booked(-30, 20), state=BookingState.CANCELLED)), Denied.OVER),
        (running(booked(-30, 20), waiting=1), Denied.QUEUE),
        (running(booked(-30, 20), booked(25, 60, "b2")), Denied.BOOKED),
        (running(booked(-30, 20), hours=of(Span(at(-60), at(20)))), Denied.CLOSING),
        (running(booked(-100, 20)), Denied.LONGEST),
    ],
)
def test_a_wish_that_is_not_granted_is_answered_with_why(asked: Running, why: Denied) -> None:
    """One code word each, for the notice at the device."""
    assert grant(asked, 900) is why


@given(
    others=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 90)), max_size=5),
    opened=st.lists(st.tuples(st.integers(-120, 200), st.integers(1, 200)), max_size=3),
    end=st.integers(1, 120),
    step=st.integers(1, 7200),
    waiting=st.integers(0, 1),
    new_end=st.integers(-100, 400),
    although=st.booleans(),
)
def test_an_extension_never_takes_time_from_a_booking_or_from_someone_waiting(
    *,
    others: list[tuple[int, int]],
    opened: list[tuple[int, int]],
    end: int,
    step: int,
    waiting: int,
    new_end: int,
    although: bool,
) -> None:
    """Neither the customer's wish nor staff's hand; and never past closing."""
    turn = booked(-30, end)
    room = spacing(POLICY)
    later = [booked(end + 5 + a, end + 5 + a + b, f"o{a}") for a, b in others]
    hours = of(*(Span(at(a), at(a + b)) for a, b in opened))
    asked = running(turn, *later, hours=hours, waiting=waiting, extension=step)
    granted = [grant(asked, 0)]
    try:
        check_new_end(asked, at(new_end), although_waiting=although)
    except BookingRefused:
        pass
    else:
        granted += [at(new_end)]
        assert not (waiting and new_end > end and not although)
    for until in granted:
        if isinstance(until, Denied) or until <= turn.ends_at:
            continue
        assert clash(later, turn.starts_at, until, spacing=room) is None
        moment = turn.ends_at
        while moment < until:
            assert any(at(a) <= moment < at(a + b) for a, b in opened)
            moment += timedelta(minutes=1)
    assert not (waiting and isinstance(granted[0], datetime))
