"""Rules by which bookings are made, changed and refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    NoRoom,
    check_cancel,
    check_new,
    check_new_end,
    clash,
    nearest_free,
)
from orchestrator.domain.devices import Device, Policy

ADDRESS = Address("paja", "printer-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(AtEnd.LOCK, grace=120, buffer=180, shortest=600, longest=7200, ahead=14 * 86_400)
DESK = Desk(Device(ADDRESS, "printer", POLICY, "Printer 1"), NOW, ZoneInfo("Europe/Helsinki"))


def at(minutes: float) -> datetime:
    """Return so many minutes after NOW, which is 14:00 in Helsinki."""
    return NOW + timedelta(minutes=minutes)


def booked(start: float, end: float, name: str = "b1") -> Booking:
    """Return a booking in minutes after NOW."""
    return Booking(name, ADDRESS, at(start), at(end))


def test_a_free_turn_is_taken() -> None:
    """Next to others, as long as grace and buffer (5 min) fit between."""
    check_new(DESK, [booked(0, 60), booked(130, 190, "b2")], at(65), at(125))


def test_an_overlap_is_refused_with_the_nearest_free_turn() -> None:
    """One sentence: what is in the way and what would go."""
    with pytest.raises(NoRoom) as refusal:
        check_new(DESK, [booked(0, 60)], at(30), at(90))
    assert str(refusal.value) == (
        "Printer 1 is booked from 2026-11-25 14:00 to 15:00; "
        "the nearest free turn of 1 h starts at 15:05."
    )


def test_too_little_time_between_is_refused_saying_how_much_is_needed() -> None:
    """Without an overlap the reason would otherwise be a riddle."""
    with pytest.raises(NoRoom, match="to 15:00 and needs 5 min between turns; the nearest"):
        check_new(DESK, [booked(0, 60)], at(64), at(90))


def test_a_cancelled_booking_needs_no_room() -> None:
    """Its time is free at once."""
    check_new(DESK, [replace(booked(0, 60), state=BookingState.CANCELLED)], at(30), at(90))


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (60, 60, "The end, 2026-11-25 15:00, is not after the start, 2026-11-25 15:00."),
        (60, 30, "is not after the start"),
        (60, 69, "A turn on Printer 1 is at least 10 min long."),
        (60, 181, "A turn on Printer 1 is at most 2 h long."),
        (-2, 60, "The start, 2026-11-25 13:58, is in the past."),
        (14 * 1440 + 1, 14 * 1440 + 61, "Printer 1 can be booked at most 14 days ahead."),
    ],
)
def test_times_against_the_policy_are_refused(start: float, end: float, sentence: str) -> None:
    """Each with the rule that it breaks."""
    with pytest.raises(BookingRefused, match=sentence):
        check_new(DESK, [], at(start), at(end))


def test_a_start_within_the_last_minute_is_now() -> None:
    """Filling in a form takes a moment."""
    check_new(DESK, [], at(-1), at(30))


@pytest.mark.parametrize("year", [1970, 9999])
def test_years_at_the_edge_are_refused_in_words(year: int) -> None:
    """Arithmetic there overflows; the person still gets a sentence."""
    start = datetime(year, 12, 31, 23, 0, tzinfo=UTC) if year == 9999 else NOW.replace(year=year)
    with pytest.raises(BookingRefused, match=r"in the past|14 days ahead"):
        check_new(DESK, [booked(0, 60)], start, start + timedelta(minutes=30))


spans = st.lists(
    st.tuples(st.integers(-120, 600), st.integers(1, 120)).map(
        lambda pair: booked(pair[0], pair[0] + pair[1])
    ),
    max_size=8,
)


@given(
    bookings=spans,
    start=st.integers(0, 600),
    length=st.integers(1, 120),
    room=st.integers(0, 20),
    second=st.integers(0, 59),
)
def test_the_nearest_free_turn_is_free_and_the_nearest(
    *, bookings: list[Booking], start: int, length: int, room: int, second: int
) -> None:
    """No whole minute nearer to the wish would do; also where others have odd seconds."""
    bookings = [
        replace(b, starts_at=b.starts_at + timedelta(seconds=second)) for b in bookings if b
    ]
    bookings = [b for b in bookings if b.starts_at < b.ends_at]
    spacing, whole = timedelta(minutes=room), timedelta(minutes=length)

    def free(moment: datetime) -> bool:
        return moment >= NOW and clash(bookings, moment, moment + whole, spacing=spacing) is None

    found = nearest_free(bookings, at(start), whole, spacing=spacing, now=NOW)
    assert free(found)
    assert found.second == 0
    distance = int(abs((found - at(start)).total_seconds()) // 60)
    assert not any(free(at(start + sign * step)) for step in range(distance) for sign in (-1, 1))


def test_a_running_turn_is_extended_into_free_time() -> None:
    """Its own booking is not in its way."""
    running = booked(-30, 30)
    check_new_end(DESK, running, [running, booked(95, 120, "b2")], at(90))


def test_a_turn_of_the_longest_length_can_still_be_extended() -> None:
    """When nobody waits; the longest length bounds each extension, not their sum."""
    full = booked(-60, 60)
    check_new_end(DESK, full, [full], at(180))
    with pytest.raises(BookingRefused, match="extended by at most 2 h at a time"):
        check_new_end(DESK, full, [full], at(181))


def test_an_extension_into_the_next_booking_is_refused_with_what_would_go() -> None:
    """The latest end keeps grace and buffer."""
    running = booked(-30, 30)
    with pytest.raises(NoRoom) as refusal:
        check_new_end(DESK, running, [running, booked(60, 120, "b2")], at(70))
    assert str(refusal.value) == (
        "Printer 1 is booked from 2026-11-25 15:00 to 16:00; it can be extended to 14:55."
    )
    with pytest.raises(NoRoom, match="it can be extended to 14:55"):
        check_new_end(DESK, running, [running, booked(60, 120, "b2")], at(60))


def test_no_extension_is_offered_where_there_is_none() -> None:
    """The turn fills its time already."""
    running = booked(-30, 30)
    with pytest.raises(NoRoom, match="it can't be extended"):
        check_new_end(DESK, running, [running, booked(35, 60, "b2")], at(40))


def test_a_turn_is_shortened_to_now_but_not_into_the_past() -> None:
    """What has been used has been used."""
    running = booked(-30, 30)
    check_new_end(DESK, running, [running], at(0))
    with pytest.raises(BookingRefused, match="is in the past"):
        check_new_end(DESK, running, [running], at(-5))


def test_a_new_end_is_after_the_start_and_not_too_far() -> None:
    """The two other ways to get it wrong."""
    later = booked(60, 120)
    with pytest.raises(BookingRefused, match="it starts at 2026-11-25 15:00"):
        check_new_end(DESK, later, [later], at(60))
    with pytest.raises(BookingRefused, match="extended by at most 2 h at a time"):
        check_new_end(DESK, later, [later], at(241))


@pytest.mark.parametrize(
    ("at_end", "reopens"),
    [(AtEnd.LOCK, True), (AtEnd.PAUSE_JOB, True), (AtEnd.END, False), (AtEnd.FINISH_JOB, False)],
)
def test_a_turn_that_is_over_reopens_only_after_lock_or_pause(
    at_end: AtEnd,
    reopens: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    """Elsewhere the customer's work is gone, and the agent would say too_late."""
    desk = replace(DESK, device=replace(DESK.device, policy=replace(POLICY, at_end=at_end)))
    over = booked(-60, -3)
    if reopens:
        check_new_end(desk, over, [over], at(30))
        return
    with pytest.raises(BookingRefused, match="The turn ended at 2026-11-25 13:57; book a new one"):
        check_new_end(desk, over, [over], at(30))


def test_an_ended_or_cancelled_booking_is_not_cancelled() -> None:
    """Cancelling says so instead of doing nothing."""
    with pytest.raises(BookingRefused, match="The turn ended at"):
        check_cancel(DESK, booked(-60, 0))
    gone = replace(booked(60, 120), state=BookingState.CANCELLED)
    with pytest.raises(BookingRefused, match="cancelled already"):
        check_cancel(DESK, gone)
    with pytest.raises(BookingRefused, match="is cancelled; make a new one"):
        check_new_end(DESK, gone, [gone], at(90))
    check_cancel(DESK, booked(-60, 1))
