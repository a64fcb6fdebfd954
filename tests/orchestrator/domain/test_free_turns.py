"""The free turns nearest to a wish."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.booking_rules import Case, Wish, check_new
from orchestrator.domain.bookings import Booking, BookingRefused, Desk, Hours
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.free_turns import nearest, say_free, search_span
from tests.orchestrator.domain.hours import Span, always, of

ADDRESS = Address("paja", "printer-1")
HELSINKI = ZoneInfo("Europe/Helsinki")
#: 14:00 in Helsinki.
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(AtEnd.LOCK, grace=120, buffer=180, shortest=600, longest=7200, ahead=14 * 86_400)


def at(minutes: float, now: datetime = NOW) -> datetime:
    """Return so many minutes later."""
    return now + timedelta(minutes=minutes)


def case(
    start: float,
    end: float,
    *others: Booking,
    hours: Hours = always,
    policy: Policy = POLICY,
    now: datetime = NOW,
) -> Case:
    """Return a wish in minutes after now."""
    desk = Desk(Device(ADDRESS, "printer", policy, "Printer 1"), now, HELSINKI)
    return Case(desk, Wish(at(start, now), at(end, now)), hours, others)


def booked(start: float, end: float, now: datetime = NOW) -> Booking:
    """Return a booking in minutes after now."""
    return Booking(f"b{start}", ADDRESS, at(start, now), at(end, now))


def minutes(found: list[datetime], now: datetime = NOW) -> list[float]:
    """Return starts in minutes after now."""
    return [(start - now).total_seconds() / 60 for start in found]


def test_the_nearest_are_before_and_after_what_is_in_the_way() -> None:
    """Nearest first; with the room that turns need between them."""
    assert minutes(nearest(case(130, 190, booked(120, 180)))) == [185, 55, 250]


def test_starts_are_on_the_grid_and_in_time() -> None:
    """Whatever the notice leaves of today."""
    policy = replace(POLICY, grid=1800, notice=3600)
    assert minutes(nearest(case(65, 95, booked(60, 90), policy=policy))) == [120, 180, 240]


def test_hours_bound_what_is_offered() -> None:
    """A turn ends before closing; the next is tomorrow."""
    hours = of(Span(at(0), at(100)), Span(at(1000), at(1070)))
    assert minutes(nearest(case(60, 120, hours=hours))) == [40, 1005 - 5]


def test_the_same_day_ends_at_local_midnight() -> None:
    """No start is offered after it."""
    policy = replace(POLICY, same_day=True)
    assert all(start < at(600) for start in nearest(case(900, 960, policy=policy)))
    assert nearest(case(900, 960, policy=policy))


def test_a_wish_too_far_ahead_is_answered_with_the_last_that_can_be_had() -> None:
    """The edge of what can be booked."""
    [first, *_] = nearest(case(30 * 1440, 30 * 1440 + 60))
    assert minutes([first]) == [14 * 1440]


def test_where_nothing_is_free_that_is_said() -> None:
    """No search without end."""
    assert nearest(case(60, 120, booked(-100, 50 * 1440))) == []
    assert nearest(case(60, 120, hours=of())) == []


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [
        ([], "no turn of 1 h is free within 14 days of it"),
        ([65], "the nearest free turn of 1 h starts at 15:05"),
        ([65, 15], "the nearest free turns of 1 h start at 15:05 and 14:15"),
        (
            [65, 1500, 15],
            "the nearest free turns of 1 h start at 15:05, 2026-11-26 15:00 and 14:15",
        ),
    ],
)
def test_what_is_free_is_said_in_words(starts: list[float], sentence: str) -> None:
    """The date only where it is another."""
    desk = case(0, 60).desk
    found = [(at(start), desk) for start in starts]
    assert say_free(desk, found, timedelta(hours=1), wanted=NOW) == sentence


def test_another_device_is_named() -> None:
    """The own one is understood."""
    desk = case(0, 60).desk
    other = replace(desk, device=Device(Address("paja", "printer-2"), "printer", POLICY, "P 2"))
    text = say_free(desk, [(at(0), other), (at(65), desk)], timedelta(hours=1), wanted=NOW)
    assert text == "the nearest free turns of 1 h start at 14:00 (P 2) and 15:05"


spans = st.lists(st.tuples(st.integers(-120, 900), st.integers(1, 120)), max_size=8)
#: An ordinary day, and the nights when the clocks go forward and back.
days = st.sampled_from(
    [NOW, datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 21, tzinfo=UTC)]
)


@settings(max_examples=60)
@given(
    taken=spans,
    opened=spans,
    start=st.integers(0, 600),
    length=st.integers(10, 120),
    grid=st.sampled_from([0, 900, 1800, 3600]),
    notice=st.sampled_from([0, 3600]),
    now=days,
)
def test_every_wish_is_allowed_or_refused_and_what_is_offered_can_be_had(
    *,
    taken: list[tuple[int, int]],
    opened: list[tuple[int, int]],
    start: int,
    length: int,
    grid: int,
    notice: int,
    now: datetime,
) -> None:
    """And nothing nearer could: each minute between is tried, over both clock changes."""
    policy = replace(POLICY, grid=grid, notice=notice)
    hours = of(*(Span(at(a, now), at(a + b, now)) for a, b in opened))
    wish = case(
        start,
        start + length,
        *(booked(a, a + b, now) for a, b in taken),
        hours=hours,
        policy=policy,
        now=now,
    )

    def allowed(minute: int) -> bool:
        begin = at(minute, now)
        moved = replace(wish.wish, starts_at=begin, ends_at=begin + wish.wish.length)
        try:
            check_new(replace(wish, wish=moved))
        except BookingRefused:
            return False
        return True

    found = [round(each) for each in minutes(nearest(wish), now)]
    assert all(allowed(minute) for minute in found)
    near = min((abs(minute - start) for minute in found), default=2000)
    first = max(notice // 60, start - near + 1)
    assert not any(allowed(minute) for minute in range(first, min(start + near, 1100)))


def test_ten_thousand_bookings_are_looked_through_in_bounded_time() -> None:
    """All day and night, for months: the answer still comes at once."""
    others = [booked(15 * n, 15 * n + 12) for n in range(10_000)]
    wish = case(600, 660, *others)
    before = perf_counter()
    assert nearest(wish) == []
    assert perf_counter() - before < 2


@pytest.mark.parametrize("year", [1970, 9999])
def test_a_search_stays_within_the_years_that_there_are(year: int) -> None:
    """Whatever was asked for."""
    start = datetime(year, 12, 31, 23, tzinfo=UTC) if year == 9999 else NOW.replace(year=year)
    wish = replace(case(0, 60), wish=Wish(start, start + timedelta(minutes=30)))
    first, last = search_span(wish)
    assert NOW <= first <= last
    assert all(NOW <= found <= last for found in nearest(wish))
