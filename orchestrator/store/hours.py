"""Imported opening hours as rows, and a site's openings. Functions of a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from mqtt_schemas.base import ms_from_utc
from orchestrator.domain.opening_hours import (
    NOT_CONFIGURED,
    DayHours,
    LocalSpan,
    Opening,
    SiteHours,
    Source,
    hours_of_day,
    local_days,
    openings,
)

#: Days of hours that are worked out at once; who asks for more is told of these.
MAX_DAYS = 800
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Changed:
    """What an import did, in days: new, other than before, taken back, as before."""

    added: int
    changed: int
    removed: int
    same: int

    @property
    def any(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.added or self.changed or self.removed)


def of_site(
    rows: sqlite3.Connection,
    site: str,
    first: datetime,
    last: datetime,
    *,
    hours: SiteHours = NOT_CONFIGURED,
    zone: tzinfo,
) -> list[Opening] | None:
    """Return a site's openings around a span; None where it has no hours at all: always open.

    Whole openings, of all local days from the one before `first` to the second after `last`: so
    closing can be told from midnight. At most MAX_DAYS days.
    """
    importing = has_import(rows, site)
    if not importing and hours == NOT_CONFIGURED:
        return None
    days = _around(first, last, zone)
    found = imported(rows, site, days[0], days[-1]) if importing else {}
    each = (hours_of_day(hours, day, found, importing=importing) for day in days)
    return openings(each, zone)


def days_of_site(
    rows: sqlite3.Connection, site: str, first: date, last: date, *, hours: SiteHours
) -> list[DayHours]:
    """Return the hours of each local day from `first` to `last`, at most MAX_DAYS."""
    last = first + min(last - first, (MAX_DAYS - 1) * _DAY)
    importing = has_import(rows, site)
    found = imported(rows, site, first, last) if importing else {}
    return [
        hours_of_day(hours, first + count * _DAY, found, importing=importing)
        for count in range((last - first).days + 1)
    ]


def has_import(rows: sqlite3.Connection, site: str) -> bool:
    """Tell whether any day of a site was ever imported and not taken back."""
    found = rows.execute("SELECT 1 FROM imported_hours WHERE site = ? LIMIT 1", (site,))
    return found.fetchone() is not None


def imported(rows: sqlite3.Connection, site: str, first: date, last: date) -> dict[date, DayHours]:
    """Return the imported hours of the days from `first` to `last`."""
    found = rows.execute(
        "SELECT day, spans, note FROM imported_hours WHERE site = ? AND day BETWEEN ? AND ?",
        (site, first.isoformat(), last.isoformat()),
    )
    days = (_day(*row) for row in found)
    return {each.day: each for each in days}


def replace(
    rows: sqlite3.Connection,
    site: str,
    days: Iterable[DayHours],
    *,
    reach: tuple[date, date],
    source: str,
    at: datetime,
    whole: bool = True,
) -> Changed:
    """Let the imported days from `reach[0]` to `reach[1]` be these.

    whole: and no others; else days that are not among them stay as they were.
    """
    first, last = reach
    before = imported(rows, site, first, last)
    now = {each.day: each for each in days if first <= each.day <= last}
    gone = [day for day in before if day not in now] if whole else []
    new = [each for day, each in now.items() if before.get(day) != each]
    rows.executemany(
        "DELETE FROM imported_hours WHERE site = ? AND day = ?",
        [(site, day.isoformat()) for day in gone],
    )
    rows.executemany(
        "INSERT OR REPLACE INTO imported_hours (site, day, spans, note, source, at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (site, each.day.isoformat(), _spans(each), each.note, source, ms_from_utc(at))
            for each in new
        ],
    )
    added = sum(each.day not in before for each in new)
    return Changed(
        added=added, changed=len(new) - added, removed=len(gone), same=len(now) - len(new)
    )


def _around(first: datetime, last: datetime, zone: tzinfo) -> list[date]:
    days: list[date] = []
    for day in local_days(first, last, zone):
        days.append(day)
        if len(days) == MAX_DAYS:
            break
    before = [days[0] - _DAY] if days[0] > date.min else []
    after = [days[-1] + n * _DAY for n in (1, 2) if (date.max - days[-1]).days >= n]
    return [*before, *days, *after]


def _spans(day: DayHours) -> str:
    return json.dumps([[span.from_, span.to, span.staffed] for span in day.spans])


def _day(day: str, spans: str, note: str | None) -> DayHours:
    found = tuple(LocalSpan(*span) for span in json.loads(spans))
    return DayHours(date.fromisoformat(day), found, Source.IMPORT, note)
