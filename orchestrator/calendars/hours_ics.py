"""PURE: opening hours of an iCalendar file (RFC 5545): each timed entry is an opening.

An entry that calls itself self-service, in its categories or its summary and in any of our
languages, is one. An entry of whole days that calls itself closed closes them. What is said
beside these words is never kept. A day without an entry is not spoken of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta, tzinfo

from icalendar import Event

from orchestrator.calendars.hours_model import Parsed, in_order
from orchestrator.calendars.ics import by_uid, say_uid
from orchestrator.calendars.ics_lines import KEPT, Block, blocks
from orchestrator.calendars.ics_series import moment_of, occurrences, read_event
from orchestrator.calendars.ics_zones import know_zones
from orchestrator.calendars.model import (
    MAX_ENTRIES,
    BadEntry,
    Findings,
    Frame,
    Unreadable,
)
from orchestrator.domain.opening_hours import (
    MIDNIGHT,
    DayHours,
    LocalSpan,
    LocalSpans,
    Source,
    overlap,
)

#: Parts of words by which an entry is known: omatoimiaika, meröppettid, self-service hours.
SELF_SERVICE = ("omatoimi", "meröppet", "self-service", "self service")
CLOSED = ("suljettu", "kiinni", "stängt", "closed")
#: An opening that is longer is a slip of the pen.
LONGEST = timedelta(days=7)

_DAY = timedelta(days=1)
_KEPT = KEPT | {"SUMMARY"}

Limit = Callable[[], AbstractContextManager[None]]


def parse(
    text: str | bytes, *, first: date, last: date, timezone: str, limit: Limit = nullcontext
) -> Parsed:
    """Return what a file says of the local days from `first` to `last`. Raises Unreadable.

    limit: makes what bounds the time of one series; it raises BadEntry within.
    """
    file = blocks(text.encode() if isinstance(text, str) else text, kept=_KEPT)
    if len(file.entries) > MAX_ENTRIES:
        raise Unreadable(f"There are more than {MAX_ENTRIES} entries in the file.")
    found = Findings()
    if file.broken is not None:
        number, reason = file.broken
        found.fault(f"line {number}", reason)
    know_zones(file.zones)
    week = _Days(first, last, timezone)
    for uid, series in by_uid(file, found).items():
        try:
            with limit():
                week.take(series, cancels=file.cancels)
        except BadEntry as error:
            found.fault(say_uid(uid, series[0].number), error)
    days = in_order(week.days(found))
    faults = found.parsed().faults
    if not days and not faults:
        raise Unreadable(f"There is no opening from {first} to {last} in the file.")
    return Parsed(days=days, faults=faults, reach=(first, last))


class _Days:
    """The days of a file, as they fill."""

    def __init__(self, first: date, last: date, timezone: str) -> None:
        begin, end = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (first, last))
        # Any zone's days lie within a day of UTC's.
        self._frame = Frame(timezone=timezone, first=begin - _DAY, last=end + 2 * _DAY)
        self._first, self._last = first, last
        self._open: dict[date, list[LocalSpan]] = defaultdict(list)
        self._closed: set[date] = set()
        self._count = 0

    def take(self, series: list[Block], *, cancels: bool) -> None:
        """Take all entries of a UID. Raises BadEntry, Unreadable."""
        zone = self._frame.zone
        taken: list[tuple[date, LocalSpans]] = []
        events = [read_event(block, zone) for block in series]
        for event in occurrences(events, self._frame):
            if cancels or str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            taken += [
                (day, spans)
                for day, spans in _days_of(event, zone, self._first, self._last)
                if self._first <= day <= self._last
            ]
            if self._count + len(taken) > MAX_ENTRIES:
                raise Unreadable(f"There are more than {MAX_ENTRIES} openings in the file.")
        self._count += len(taken)
        for day, spans in taken:
            self._open[day].extend(spans)
            if not spans:
                self._closed.add(day)

    def days(self, found: Findings) -> Iterator[DayHours]:
        """Yield the days that can be; note what is wrong with the others."""
        for day in self._open:
            spans = tuple(dict.fromkeys(self._open[day]))
            if day in self._closed and spans:
                found.fault(day.isoformat(), "one entry closes the day, another opens it")
            elif overlap(spans):
                found.fault(day.isoformat(), "two openings of the day overlap")
            else:
                yield DayHours(day, spans, Source.IMPORT)


def _days_of(
    event: Event, zone: tzinfo, first: date, last: date
) -> Iterator[tuple[date, LocalSpans]]:
    """Yield what an occurrence says of each local day; no spans: it is closed. Raises BadEntry."""
    words = _words(event)
    closed = any(word in words for word in CLOSED)
    alone = any(word in words for word in SELF_SERVICE)
    start, end = moment_of(event, "DTSTART"), moment_of(event, "DTEND")
    if isinstance(start, datetime) and isinstance(end, datetime):
        if closed:
            raise BadEntry("it closes a part of a day; let the openings end and begin there")
        yield from _timed(_local(start, zone), _local(end, zone), staffed=not alone)
        return
    if not closed and not alone:
        raise BadEntry("it is of whole days, and neither closed nor self-service: give it hours")
    spans = () if closed else (LocalSpan(0, MIDNIGHT, staffed=False),)
    day = max(start, first)
    while day < end and day <= last:
        yield day, spans
        day += _DAY


def _timed(start: datetime, end: datetime, *, staffed: bool) -> Iterator[tuple[date, LocalSpans]]:
    """Yield an opening by local days: one that goes over midnight is of both."""
    if end - start > LONGEST:
        raise BadEntry(f"it is longer than {LONGEST.days} days")
    if end <= start:
        raise BadEntry("the clocks are put back in it: it ends before it starts by the wall's")
    day = start.date()
    while day <= end.date():
        begin = _seconds(start) if day == start.date() else 0
        until = _seconds(end) if day == end.date() else MIDNIGHT
        if begin < until:
            yield day, (LocalSpan(begin, until, staffed),)
        day += _DAY


def _words(event: Event) -> str:
    """Return the words of an entry's categories and summary, for comparing."""
    said = [*getattr(event.get("CATEGORIES"), "cats", ()), event.get("SUMMARY", "")]
    return " ".join(map(str, said)).casefold()


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """Return what the clock on the wall shows. Raises BadEntry."""
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        raise BadEntry("its time is outside the years 1970 to 9999") from None


def _seconds(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
