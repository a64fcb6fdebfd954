"""The times of a series."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.series import MOST, Every, occurrences

HELSINKI = ZoneInfo("Europe/Helsinki")


def starts(first: str, every: Every, times: int) -> list[str]:
    """Return the starts of a series by the clock on the wall, or what is wrong with them."""
    found = occurrences(datetime.fromisoformat(first).astimezone(UTC), every, times, HELSINKI)
    return [
        each.problem or f"{each.starts_at.astimezone(HELSINKI):%m-%d %H:%M%z}"
        if each.starts_at
        else str(each.problem)
        for each in found
    ]


def test_a_series_keeps_the_hour_on_the_wall() -> None:
    """Also after the clocks were changed."""
    assert starts("2026-10-23T18:00+03:00", Every.WEEK, 2) == [
        "10-23 18:00+0300",
        "10-30 18:00+0200",
    ]
    assert starts("2026-03-27T18:00+02:00", Every.DAY, 4)[-1] == "03-30 18:00+0300"
    assert starts("2026-12-23T18:00+02:00", Every.TWO_WEEKS, 2)[-1] == "01-06 18:00+0200"


def test_a_turn_at_no_hour_or_at_two_is_told() -> None:
    """The others of the series have one."""
    gap = starts("2026-03-28T03:30+02:00", Every.DAY, 3)
    assert gap[0] == "03-28 03:30+0200"
    assert "does not exist" in gap[1]
    assert gap[2] == "03-30 03:30+0300"
    twice = starts("2026-10-24T03:30+03:00", Every.DAY, 2)
    assert "comes twice" in twice[1]


@pytest.mark.parametrize("times", [-1, 0, 1, MOST + 1, 10**9])
def test_a_series_has_a_bounded_number_of_turns(times: int) -> None:
    """One is none."""
    with pytest.raises(BookingRefused, match="A series has 2 to 104 turns"):
        starts("2026-11-25T18:00+02:00", Every.DAY, times)


def test_a_series_ends_with_the_calendar() -> None:
    """In words."""
    with pytest.raises(BookingRefused, match="after the year 9999"):
        starts("9999-12-20T18:00+02:00", Every.WEEK, 3)
