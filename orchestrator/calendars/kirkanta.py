"""PURE: opening hours of Kirkanta, the register of Finland's libraries (API version 4).

`GET /v4/library/ID?with=schedules&period.start=…&period.end=…` answers with one library in
`data`, `GET /v4/library?…` with a list in `items`; each has `schedules`, a day each:
`{date, closed, info, period, times: [{from, to, status}]}`. Times are local, without a zone;
status 0: closed in mid-day, 1: staffed, 2: self-service. A day's spans are never merged.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from enum import IntEnum
from typing import Any

from orchestrator.calendars.hours_model import Parsed, in_order, note_of
from orchestrator.calendars.model import MAX_SIZE, BadEntry, Fault, Unreadable
from orchestrator.domain.hours_words import clock
from orchestrator.domain.opening_hours import (
    MIDNIGHT,
    DayHours,
    LocalSpan,
    LocalSpans,
    Source,
    overlap,
)

#: Days of one answer. A library asks for a year or two.
MAX_DAYS = 4000
#: Spans of one day, closed ones counted.
MAX_SPANS = 48

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOWN = 40


class Status(IntEnum):
    """What holds in a span of a day."""

    CLOSED = 0
    STAFFED = 1
    SELF_SERVICE = 2


def parse(text: str | bytes, *, library: str | None = None) -> Parsed:
    """Return what an answer of Kirkanta says of a library's days. Raises Unreadable.

    library: which one, by its number, where the answer lists several.
    """
    if len(text) > MAX_SIZE:
        raise Unreadable(f"The file is larger than {MAX_SIZE // 1024 // 1024} MB.")
    schedules = _schedules(text, library)
    if len(schedules) > MAX_DAYS:
        raise Unreadable(f"There are more than {MAX_DAYS} days in the file.")
    named = Counter(_where(number, item) for number, item in enumerate(schedules, start=1))
    days: list[DayHours] = []
    faults: dict[str, Fault] = {}
    for number, item in enumerate(schedules, start=1):
        where = _where(number, item)
        try:
            days.append(_day(item, times=named[where]))
        except BadEntry as error:
            faults.setdefault(where, Fault(where=where, reason=str(error)))
    found = in_order(days)
    return Parsed(
        days=found,
        faults=tuple(faults.values()),
        reach=(found[0].day, found[-1].day) if found else None,
    )


def _schedules(text: str | bytes, library: str | None) -> list[Any]:
    """Return the days of the one library that is meant."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("This is no JSON.") from None
    found = answer.get("data", answer.get("items")) if isinstance(answer, dict) else None
    listed = found if isinstance(found, list) else [found]
    libraries = [each for each in listed if isinstance(each, dict)]
    if len(libraries) < len(listed):
        raise Unreadable(
            "This is no answer of Kirkanta: it has neither `data` nor `items` with libraries."
        )
    if library is not None:
        libraries = [each for each in libraries if str(each.get("id")) == library]
    if len(libraries) != 1:
        raise Unreadable(
            f"The answer holds {len(libraries)} libraries; ask for one: /v4/library/ID."
        )
    schedules = libraries[0].get("schedules")
    if not isinstance(schedules, list):
        raise Unreadable("The answer holds no opening hours; ask for it `?with=schedules`.")
    return schedules


def _where(number: int, item: object) -> str:
    """Return the date that a day gives itself, or its place in the file."""
    said = item.get("date") if isinstance(item, dict) else None
    if isinstance(said, str) and _DATE.fullmatch(said):
        return said
    return f"day number {number}"


def _day(item: object, *, times: int) -> DayHours:
    if times > 1:
        raise BadEntry("the day stands there more than once")
    if not isinstance(item, dict):
        raise BadEntry("it is no table of a day")
    said = item.get("date")
    try:
        day = date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        day = None
    if day is None or not _DATE.fullmatch(str(said)):
        raise BadEntry(f"its date, {_shown(said)}, is none")
    if not 1970 <= day.year <= 9999:
        raise BadEntry("its date is outside the years 1970 to 9999")
    spans = _spans(item.get("times"))
    closed = item.get("closed", not spans)
    if not isinstance(closed, bool):
        raise BadEntry(f"closed is true or false, not {_shown(closed)}")
    if closed and spans:
        raise BadEntry("it is closed, and has hours")
    if not closed and not item.get("times"):
        raise BadEntry("it is not closed, and has no hours")
    return DayHours(day, spans, Source.IMPORT, _note(item.get("info")))


def _spans(times: object) -> LocalSpans:
    if times is None:
        return ()
    if not isinstance(times, list) or len(times) > MAX_SPANS:
        raise BadEntry(f"times is no list of at most {MAX_SPANS} spans")
    read = [_span(each) for each in times]
    spans = [LocalSpan(begin, end) for begin, end, _ in read]
    found = overlap(spans)
    if found is not None:
        one, other = found
        raise BadEntry(f"{_say(one)} and {_say(other)} overlap")
    return tuple(
        LocalSpan(begin, end, status is Status.STAFFED)
        for begin, end, status in read
        if status is not Status.CLOSED
    )


def _span(item: object) -> tuple[int, int, Status]:
    if not isinstance(item, dict):
        raise BadEntry("a span of it is no table")
    begin, end = _seconds(item.get("from")), _seconds(item.get("to"))
    # Kirkanta's clock has no 24:00.
    end = end or MIDNIGHT
    if end <= begin:
        raise BadEntry(f"{_shown(item.get('to'))} is not after {_shown(item.get('from'))}")
    status = item.get("status")
    if type(status) is not int or status not in set(Status):
        raise BadEntry(f"status is 0, 1 or 2, not {_shown(status)}")
    return begin, end, Status(status)


def _seconds(said: object) -> int:
    found = _CLOCK.fullmatch(said.strip()) if isinstance(said, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    of_day = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or of_day > MIDNIGHT:
        raise BadEntry(f"{_shown(said)} is no time of the day")
    return of_day


def _note(info: object) -> str | None:
    """Return what is said of a day: a text, or one for each language."""
    if isinstance(info, dict):
        info = next((info[name] for name in ("fi", "sv", "en") if info.get(name)), None)
    return note_of(info) if isinstance(info, str) else None


def _say(span: LocalSpan) -> str:
    return f"{clock(span.from_)} to {clock(span.to)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
