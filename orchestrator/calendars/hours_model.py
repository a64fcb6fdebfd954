"""What is read of a library's opening hours that are kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from pydantic import BaseModel, ConfigDict

from orchestrator.calendars.model import Fault
from orchestrator.domain.opening_hours import DayHours

#: Letters of what a source says of a day that are kept.
LONGEST_NOTE = 120


class Parsed(BaseModel):
    """What a file holds, by day. Spans of a day are in order and do not overlap.

    reach: the first and the last day that the file speaks of: within it, imported days that a
    file without faults does not name are no more. None where it names no day. A fault's `where`
    is a date, a line or a UID. outside: days that are not kept, being too long ago or too far
    ahead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: tuple[DayHours, ...] = ()
    faults: tuple[Fault, ...] = ()
    reach: tuple[date, date] | None = None
    outside: int = 0


def within(parsed: Parsed, first: date, last: date) -> Parsed:
    """Return what is said of the days from `first` to `last`; the others are counted."""
    days = tuple(day for day in parsed.days if first <= day.day <= last)
    reach = parsed.reach
    if reach is not None:
        reach = max(reach[0], first), min(reach[1], last)
        reach = reach if reach[0] <= reach[1] else None
    gone = len(parsed.days) - len(days)
    return parsed.model_copy(
        update={"days": days, "reach": reach, "outside": parsed.outside + gone}
    )


def in_order(days: Iterable[DayHours]) -> tuple[DayHours, ...]:
    """Return days by their date, each with its spans by their begin."""
    return tuple(replace(day, spans=tuple(sorted(day.spans))) for day in sorted(days, key=_date))


def note_of(text: str) -> str | None:
    """Return what a source says of a day as one line that is not endless; None where nothing."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:LONGEST_NOTE] or None


def _date(day: DayHours) -> date:
    return day.day
