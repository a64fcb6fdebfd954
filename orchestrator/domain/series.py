"""PURE: the times of a series: the same clock on the wall, also after the clocks have changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.local_time import InvalidTime, at_wall, to_local

#: Two school years of weeks.
MOST = 104


class Every(StrEnum):
    """How far the turns of a series are apart."""

    DAY = "day"
    WEEK = "week"
    TWO_WEEKS = "two_weeks"


_DAYS = {Every.DAY: 1, Every.WEEK: 7, Every.TWO_WEEKS: 14}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One turn of a series. starts_at None: no such time; `problem` says why."""

    wall: datetime
    starts_at: datetime | None
    problem: str | None = None


def occurrences(
    starts_at: datetime, every: Every, times: int, zone: tzinfo
) -> tuple[Occurrence, ...]:
    """Return when the turns of a series start, the first at `starts_at`.

    Raises BookingRefused for a series that is none, or without end.
    """
    if not 2 <= times <= MOST:
        raise BookingRefused(f"A series has 2 to {MOST} turns, not {times}.")
    first = to_local(starts_at, zone).replace(tzinfo=None, fold=0)
    found = [Occurrence(first, starts_at)]
    for number in range(1, times):
        try:
            wall = first + timedelta(days=number * _DAYS[every])
            found.append(Occurrence(wall, at_wall(wall, zone)))
        except OverflowError:
            raise BookingRefused("The series goes on after the year 9999.") from None
        except InvalidTime as error:
            found.append(Occurrence(wall, None, str(error)))
    return tuple(found)
