"""The rules of new bookings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.booking_rules import (
    Case,
    Wish,
    check_block,
    check_new,
    check_place,
    group_of,
    staffed_at,
)
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    Hours,
    NoRoom,
    WrongTime,
)
from orchestrator.domain.devices import AfterClosing, Device, Policy
from tests.orchestrator.domain.hours import Span, always, of

ADDRESS = Address("paja", "printer-1")
#: 14:00 on a Wednesday in Helsinki.
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(AtEnd.LOCK, grace=120, buffer=180, shortest=600, longest=7200, ahead=14 * 86_400)


def at(minutes: float) -> datetime:
    """Return so many minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def booked(start: float, end: float, name: str = "b1") -> Booking:
    """Return a booking in minutes after NOW."""
    return Booking(name, ADDRESS, at(start), at(end))


def case(
    start: float,
    end: float,
    *others: Booking,
    hours: Hours = always,
    policy: dict[str, Any] | None = None,
    **wish: Any,  # noqa: ANN401 - fields of a wish
) -> Case:
    """Return a wish for a printer, in minutes after NOW."""
    device = Device(ADDRESS, "printer", replace(POLICY, **(policy or {})), "Printer 1")
    desk = Desk(device, NOW, ZoneInfo("Europe/Helsinki"))
    return Case(desk, Wish(at(start), at(end), **wish), hours, others)


def reason(refused: Case) -> str:
    """Return why it is refused."""
    with pytest.raises(BookingRefused) as refusal:
        check_new(refused)
    return str(refusal.value)


def test_a_free_turn_is_taken() -> None:
    """Next to others, as long as grace and buffer (5 min) fit between."""
    check_new(case(65, 125, booked(0, 60), booked(130, 190, "b2")))


def test_an_overlap_is_refused_saying_what_is_in_the_way() -> None:
    """And what is too near, saying how much is needed between."""
    assert reason(case(30, 90, booked(0, 60))) == (
        "Printer 1 is booked from 2026-11-25 14:00 to 15:00."
    )
    assert "to 15:00 and needs 5 min between turns." in reason(case(64, 90, booked(0, 60)))
    with pytest.raises(NoRoom):
        check_new(case(30, 90, booked(0, 60)))


def test_a_cancelled_booking_needs_no_room() -> None:
    """Its time is free at once."""
    check_new(case(30, 90, replace(booked(0, 60), state=BookingState.CANCELLED)))


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (60, 60, "The end, 2026-11-25 15:00, is not after the start, 2026-11-25 15:00."),
        (60, 30, "The end, 2026-11-25 14:30, is not after the start, 2026-11-25 15:00."),
        (60, 69, "A turn on Printer 1 is at least 10 min long."),
        (60, 181, "A turn on Printer 1 is at most 2 h long."),
        (-2, 60, "The start, 2026-11-25 13:58, is in the past."),
        (14 * 1440 + 1, 14 * 1440 + 61, "Printer 1 can be booked at most 14 days ahead."),
    ],
)
def test_times_against_the_policy_are_refused(start: float, end: float, sentence: str) -> None:
    """Each with the rule that it breaks."""
    assert reason(case(start, end)) == sentence


@pytest.mark.parametrize(
    ("policy", "start", "sentence"),
    [
        ({"notice": 7200}, 118, "Printer 1 is booked at least 2 h ahead."),
        ({"grid": 1800}, 45, "Turns on Printer 1 start every 30 min."),
        ({"same_day": True}, 600, "Printer 1 is booked for the same day only."),
    ],
)
def test_when_it_may_start_is_up_to_the_policy(
    policy: dict[str, Any], start: float, sentence: str
) -> None:
    """Another time would do: so it is told which."""
    with pytest.raises(WrongTime) as refusal:
        check_new(case(start, start + 30, policy=policy))
    assert str(refusal.value) == sentence


def test_the_same_day_is_the_local_one() -> None:
    """23:30 in Helsinki is today, though it is 21:30 in UTC; midnight is not."""
    check_new(case(570, 590, policy={"same_day": True}))
    assert "same day" in reason(case(600, 660, policy={"same_day": True}))


def test_notice_and_grid_suit_those_who_hurry_a_little() -> None:
    """A form takes a moment to fill in."""
    check_new(case(119, 150, policy={"notice": 7200}))
    check_new(case(-1, 30))
    check_new(case(60, 90, policy={"grid": 1800}))


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (0, "A party is 1 to 1000 people, not 0."),
        (1001, "A party is 1 to 1000 people, not 1001."),
        (3, "Printer 1 is for at most 2 people at a time."),
    ],
)
def test_a_party_is_as_large_as_the_device_allows(size: int, sentence: str) -> None:
    """No time would help, so none is told."""
    assert reason(case(60, 90, policy={"party": 2}, party_size=size)) == sentence
    check_new(case(60, 90, policy={"party": 2}, party_size=2))


DAY = of(
    Span(at(-240), at(0), staffed=False),
    Span(at(0), at(240)),
    Span(at(300), at(360), group="koulu"),
)


@pytest.mark.parametrize(
    ("start", "end", "policy", "sentence"),
    [
        (200, 241, {}, "The library is closed then, or for a part of that time."),
        (230, 310, {}, "The library is closed then, or for a part of that time."),
        (200, 239, {"finish_before_closing": 900}, "Turns on Printer 1 end 15 min before closing."),
    ],
)
def test_a_turn_is_within_the_hours(
    start: float, end: float, policy: dict[str, Any], sentence: str
) -> None:
    """The one rule that stands in the way is told; else that it is closed."""
    assert reason(case(start, end, hours=DAY, policy=policy)) == sentence


def test_staffed_hours_are_told_from_closed_ones() -> None:
    """So that staff can explain it."""
    later = of(Span(at(0), at(60), staffed=False), Span(at(60), at(240)))
    policy = {"staffed_only": True}
    assert reason(case(30, 90, hours=later, policy=policy)) == (
        "Printer 1 is used in staffed hours only."
    )
    check_new(case(30, 90, hours=later))
    both = {"staffed_only": True, "finish_before_closing": 900}
    alone = of(Span(at(0), at(60), staffed=False))
    assert reason(case(30, 60, hours=alone, policy=both)) == (
        "Turns on Printer 1 end 15 min before closing; Printer 1 is used in staffed hours only."
    )


def test_school_days_are_named() -> None:
    """By the hour from which the device is used."""
    noon = at(60)

    def hours(policy: Policy, first: datetime, last: datetime) -> list[Span]:
        start = max(first, noon) if policy.school_days_from else first
        return [Span(start, last)] if start < last else []

    policy = {"school_days_from": time(15)}
    assert reason(case(30, 90, hours=hours, policy=policy)) == (
        "On school days Printer 1 is used from 15:00."
    )


def test_only_by_leave_of_policy_and_staff_a_turn_runs_over_closing() -> None:
    """It must begin before."""
    leave = {"after_closing": AfterClosing.STAFF}
    over: dict[str, Any] = {"start": 200, "end": 300, "hours": DAY, "over_closing": True}
    check_new(case(**over, policy=leave))
    assert reason(case(**over)) == "No turn on Printer 1 runs on after closing."
    begins_late = over | {"start": 250}
    assert reason(case(**begins_late, policy=leave)).startswith("The library is closed")


def test_hours_of_a_group_are_for_it_alone_where_they_are_exclusive() -> None:
    """Who declares none is taken for one of it."""
    youth = of(Span(at(0), at(60)), Span(at(60), at(240), group="nuoret", exclusive=True))
    assert reason(case(30, 90, hours=youth, group="aikuiset")) == (
        "At 2026-11-25 15:00 Printer 1 is for the group nuoret only."
    )
    check_new(case(60, 90, hours=youth, group="nuoret"))
    check_new(case(60, 90, hours=youth))
    assert group_of(case(30, 90, hours=youth)) == ("nuoret", True)
    check_new(case(30, 90, hours=youth))


@pytest.mark.parametrize(
    ("start", "group", "policy", "expected"),
    [
        (310, "lapset", "aikuiset", ("lapset", False)),
        (310, None, "aikuiset", ("koulu", True)),
        (10, None, "aikuiset", ("aikuiset", True)),
        (10, None, None, (None, False)),
    ],
)
def test_a_group_that_nobody_declares_is_assumed_and_marked(
    start: float, group: str | None, policy: str | None, expected: tuple[str | None, bool]
) -> None:
    """By the hour; else by the device; else it is not known."""
    wish = case(start, start + 20, hours=DAY, policy={"assumed_group": policy}, group=group)
    assert group_of(wish) == expected


def test_who_is_staffed_is_told_by_the_start() -> None:
    """For questions that are asked in self-service hours only."""
    assert staffed_at(case(10, 20, hours=DAY))
    assert not staffed_at(case(-60, 20, hours=DAY))
    assert not staffed_at(case(250, 260, hours=DAY))


def test_a_walk_in_needs_no_notice_and_no_grid() -> None:
    """It is as long as walk-ins may be, where there are any."""
    policy = {"notice": 7200, "grid": 3600, "walk_in": 1800, "shortest": 3600}
    check_new(case(7, 37, policy=policy, walk_in=True))
    assert reason(case(7, 38, policy=policy, walk_in=True)) == (
        "A turn on Printer 1 without a booking is at most 30 min long."
    )
    assert reason(case(0, 30, walk_in=True)) == "Printer 1 is not used without a booking."


def test_a_block_asks_for_nothing_but_room() -> None:
    """In no hours, for as long as a year; but never over a turn."""
    closed = of()
    check_block(case(30, 300 * 1440, hours=closed, policy={"grid": 3600}))
    with pytest.raises(NoRoom):
        check_block(case(30, 90, booked(0, 60)))
    with pytest.raises(BookingRefused, match="at most 366 days long"):
        check_block(case(30, 367 * 1440))
    with pytest.raises(BookingRefused, match="is not after the start"):
        check_block(case(30, 30))
    with pytest.raises(BookingRefused, match="is in the past"):
        check_block(case(-30, 30))


def test_a_moved_turn_needs_room_and_hours_at_its_new_place() -> None:
    """But neither notice nor grid: it was booked in time."""
    check_place(case(7, 20, policy={"grid": 3600, "notice": 7200}))
    with pytest.raises(NoRoom):
        check_place(case(7, 20, booked(0, 60)))
    with pytest.raises(WrongTime):
        check_place(case(241, 250, hours=DAY))
    with pytest.raises(BookingRefused, match="at most 1 person at a time"):
        check_place(case(7, 20, policy={"party": 1}, party_size=2))


@pytest.mark.parametrize("year", [1970, 9999])
def test_years_at_the_edge_are_refused_in_words(year: int) -> None:
    """Arithmetic there overflows; the person still gets a sentence."""
    start = datetime(year, 12, 31, 23, 0, tzinfo=UTC) if year == 9999 else NOW.replace(year=year)
    wish = Wish(start, start + timedelta(minutes=30))
    assert any(
        text in reason(replace(case(0, 60, booked(0, 60)), wish=wish))
        for text in ("in the past", "14 days ahead")
    )
