"""PURE: when a site is open, from weekly hours, exceptions and imported days.

A local day's hours are those of the first that says anything of it: an exception that staff
configured, an imported day, the weekly hours. A day's spans are never merged: gaps in mid-day
and self-service matter. All else of the orchestrator sees Openings, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

#: The end of a day, in seconds after its beginning by the clock on the wall.
MIDNIGHT = 86_400

_DAY = timedelta(days=1)
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """A span in which a site is open, in UTC. staffed: else it is self-service."""

    starts_at: datetime
    ends_at: datetime
    staffed: bool = True


@dataclass(frozen=True, slots=True, order=True)
class LocalSpan:
    """A part of a day, in seconds by the clock on the wall; `to` is at most MIDNIGHT."""

    from_: int
    to: int
    staffed: bool = True


LocalSpans = tuple[LocalSpan, ...]

ALL_DAY: LocalSpans = (LocalSpan(0, MIDNIGHT),)


class Source(StrEnum):
    """What a day's hours come from. unknown: there are imported days, but none for this one."""

    EXCEPTION = "exception"
    IMPORT = "import"
    WEEKLY = "weekly"
    ALWAYS = "always"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DayHours:
    """The hours of one local day; no spans: closed. note: why, where anybody said so."""

    day: date
    spans: LocalSpans
    source: Source
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DatedHours:
    """Hours that hold on all days from `first` to `last` instead of the usual ones."""

    first: date
    last: date
    spans: LocalSpans
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SiteHours:
    """What is configured of a site. weekly: seven days from Monday on; None: no word of it."""

    weekly: tuple[LocalSpans, ...] | None = None
    exceptions: tuple[DatedHours, ...] = ()


NOT_CONFIGURED = SiteHours()


def hours_of_day(
    hours: SiteHours, day: date, imported: Mapping[date, DayHours], *, importing: bool
) -> DayHours:
    """Return the hours of a local day.

    importing: whether any day was ever imported. If so, a day of which nobody says anything is
    closed: hours that are not known allow nothing. If not, a site without hours is always open.
    """
    for exception in hours.exceptions:
        if exception.first <= day <= exception.last:
            return DayHours(day, exception.spans, Source.EXCEPTION, exception.name)
    if day in imported:
        return imported[day]
    if hours.weekly is not None:
        return DayHours(day, hours.weekly[day.weekday()], Source.WEEKLY)
    if importing:
        return DayHours(day, (), Source.UNKNOWN)
    return DayHours(day, ALL_DAY, Source.ALWAYS)


def openings(days: Iterable[DayHours], zone: tzinfo) -> list[Opening]:
    """Return the openings of local days, in their order; none is empty."""
    found = (
        Opening(at(day.day, span.from_, zone), at(day.day, span.to, zone), span.staffed)
        for day in days
        for span in day.spans
    )
    return [opening for opening in found if opening.starts_at < opening.ends_at]


def overlap(spans: Iterable[LocalSpan]) -> tuple[LocalSpan, LocalSpan] | None:
    """Return two spans of a day of which one begins before the other has ended, or None."""
    ordered = sorted(spans)
    for earlier, later in pairwise(ordered):
        if later.from_ < earlier.to:
            return earlier, later
    return None


def local_days(first: datetime, last: datetime, zone: tzinfo) -> Iterator[date]:
    """Yield the local days that a span of time touches."""
    day, end = local_day(first, zone), local_day(last, zone)
    while day <= end:
        yield day
        if day == date.max:
            return
        day += _DAY


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the day that it is locally; at the very ends of the calendar, the UTC one."""
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


@lru_cache(maxsize=8192)
def at(day: date, seconds: int, zone: tzinfo) -> datetime:
    """Return the first moment, in UTC, at which the clocks of a local day show a time or later.

    Where they are put forward over it, that is the moment of the change; where they are put
    back, the first of the two. So what follows on each other locally does so in UTC too.
    """
    if seconds >= MIDNIGHT:
        if day == date.max:
            return _LAST
        day, seconds = day + _DAY, seconds - MIDNIGHT
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=seconds)
    first, second = (wall.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    try:
        if first >= second:
            return _bounded(_less(wall, first))
        return _bounded(_change(_less(wall, second), _less(wall, first), zone))
    except OverflowError:
        return _FIRST if day.year < 1970 else _LAST


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the second between two moments at which clocks are put forward."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _less(wall: datetime, offset: timedelta) -> datetime:
    return wall.replace(tzinfo=UTC, fold=0) - offset


def _bounded(moment: datetime) -> datetime:
    return min(max(moment, _FIRST), _LAST)
