"""PURE: the entries of one UID -> its occurrences, by `icalendar` and `recurring-ical-events`.

What these libraries take silently, and would book wrongly, is refused here: ends before starts,
unknown zones, rules that recur by the second.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import recurring_ical_events
from icalendar import Calendar, Event
from icalendar.error import GloballyUniqueTZIDGuessed
from icalendar.prop import vDDDTypes, vRecur

from mqtt_schemas.base import to_utc
from orchestrator.calendars.ics_lines import Block
from orchestrator.calendars.ics_zones import knows
from orchestrator.calendars.model import BadEntry, Frame

_ZONE = re.compile(r';TZID=("[^"]*"|[^;:]*)', re.IGNORECASE)
_TIMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
#: Occurrences of a rule within the hour, the day or whatever it recurs by.
_MOST_AT_ONCE = 48
#: Ours, for the length of an occurrence: the library replaces a DURATION by a DTEND.
_LENGTH = "X-LAITEVUORO-LENGTH"
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})


def read_event(block: Block, zone: tzinfo) -> Event:
    """Return an entry as the library knows it, found sound. Raises BadEntry."""
    _check_zones(block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)
        try:
            event = Event.from_ical(block.text())
        except BadEntry:  # its time is up
            raise
        except Exception:  # noqa: BLE001 - whatever a library makes of a broken file
            raise BadEntry("it can't be read") from None
    if not isinstance(event, Event):
        raise BadEntry("it can't be read")
    for name, _ in event.errors:
        raise BadEntry(f"{_line(block, name)} can't be read")
    _check_times(block, event)
    for rule in _all(event.get("RRULE")):
        _check_rule(block, rule)
        _fix_until(rule, moment_of(event, "DTSTART"), zone)
    return event


def moment_of(event: Event, name: str) -> date:
    """Return the time of a property: a date, or a datetime. Raises BadEntry."""
    found = event.get(name)
    moment = found.dt if isinstance(found, vDDDTypes) else None
    if not isinstance(moment, date):
        raise BadEntry(f"{name} is no time")
    return moment


def occurrences(events: Sequence[Event], frame: Frame) -> Iterator[Event]:
    """Yield each occurrence that may touch the frame, with DTSTART, DTEND and RECURRENCE-ID.

    An entry that does not recur is always yielded. Raises BadEntry.
    """
    if len(events) == 1 and not any(
        name in events[0] for name in ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
    ):
        event = events[0]
        event["DTEND"] = vDDDTypes(_end(event))
        yield event
        return
    calendar = Calendar()
    for event in events:
        if "DURATION" in event:
            event[_LENGTH] = event["DURATION"]
        calendar.add_component(event)
    zone = frame.zone
    try:
        found = recurring_ical_events.of(calendar).between(
            frame.first.astimezone(zone), frame.last.astimezone(zone)
        )
    except BadEntry:  # its time is up
        raise
    except Exception:  # noqa: BLE001 - two libraries work it out, with errors of their own
        raise BadEntry("its recurrence can't be worked out") from None
    moved = _moved(events, frame)
    for event in found:
        _set_end(event)
        _set_recurrence(event, moved, frame)
        yield event


def utc_of(moment: date, frame: Frame) -> datetime:
    """Return a time, or the local midnight at which a day begins, in UTC. Raises BadEntry."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=frame.zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=frame.zone)
    try:
        return to_utc(moment)
    except (ValueError, OverflowError):
        raise BadEntry("its time is outside the years 1970 to 9999") from None


def _moved(events: Sequence[Event], frame: Frame) -> dict[datetime, timedelta]:
    """Return by how much an entry moves its occurrence and all that follow (RANGE)."""
    moved = {}
    for event in events:
        found = event.get("RECURRENCE-ID")
        if found is not None and found.params.get("RANGE", "").upper() == "THISANDFUTURE":
            which = utc_of(moment_of(event, "RECURRENCE-ID"), frame)
            moved[which] = utc_of(moment_of(event, "DTSTART"), frame) - which
    return moved


def _set_end(event: Event) -> None:
    """Let a duration be exact over a clock change, where the library goes by the wall clock."""
    length = event.get(_LENGTH)
    if length is None:
        return
    start, end = moment_of(event, "DTSTART"), moment_of(event, "DTEND")
    if end - start == getattr(length, "dt", None):
        event["DTEND"] = vDDDTypes(_after(start, length))


def _set_recurrence(event: Event, moved: dict[datetime, timedelta], frame: Frame) -> None:
    """Give an occurrence that was moved with others the start that its rule gave it.

    The library gives all of them the RECURRENCE-ID of the entry that moved them.
    """
    which = utc_of(moment_of(event, "RECURRENCE-ID"), frame)
    if which in moved:
        start = utc_of(moment_of(event, "DTSTART"), frame)
        event["RECURRENCE-ID"] = vDDDTypes(start - moved[which])


def _check_zones(block: Block) -> None:
    for line in block.lines:
        match = _ZONE.search(line.text.split(":", 1)[0]) or _ZONE.match(line.text)
        if match and line.name in _TIMES and not knows(match[1]):
            raise BadEntry(f"{_line(block, line.name)} is in a time zone that is not known")


def _check_times(block: Block, event: Event) -> None:
    """Raise BadEntry unless the entry starts, and does not end before that.

    The library would let it start at its end. Of one that is off, nobody wants to know.
    """
    if "EXRULE" in event:
        raise BadEntry(f"{_line(block, 'EXRULE')} is of an old standard and can't be followed")
    if "DTSTART" not in event:
        raise BadEntry("it has no DTSTART")
    for name in ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID"):
        if isinstance(event.get(name), list):
            raise BadEntry(f"{_line(block, name)} stands more than once")
    start, end = moment_of(event, "DTSTART"), _end(event)
    off = str(event.get("STATUS", "")).upper() == "CANCELLED"
    if _comparable(end) < _comparable(start) and not off:
        raise BadEntry("it ends before it starts")


def _end(event: Event) -> date:
    """Return an entry's end. RFC 5545, section 3.6.1: a day without an end is one day."""
    start = moment_of(event, "DTSTART")
    if "DTEND" in event:
        end = moment_of(event, "DTEND")
        if isinstance(end, datetime) != isinstance(start, datetime):
            raise BadEntry("one of DTSTART and DTEND is a day, the other a time")
        return end
    if "DURATION" in event:
        try:
            return _after(start, event["DURATION"])
        except (OverflowError, ValueError):
            raise BadEntry("its end is outside the years 1970 to 9999") from None
    return start if isinstance(start, datetime) else start + timedelta(days=1)


def _after(start: date, length: object) -> date:
    """Return the end by a DURATION, which is exact over a clock change (section 3.3.6)."""
    seconds = getattr(length, "dt", None) or getattr(length, "td", None)
    if not isinstance(seconds, timedelta):
        raise BadEntry("DURATION is no length of time")
    if isinstance(start, datetime) and start.tzinfo is not None:
        return (start.astimezone(UTC) + seconds).astimezone(start.tzinfo)
    return start + seconds


def _comparable(moment: date) -> datetime:
    """Return a time for comparing with another of the same entry. Raises BadEntry.

    In UTC: of 03:30 and 03:30 on a night on which it comes twice, the second is later.
    """
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise BadEntry("its time is outside the years 1970 to 9999") from None


def _check_rule(block: Block, rule: vRecur) -> None:
    """Raise BadEntry for a rule that makes more turns than anybody books."""
    if str(rule.get("FREQ", [""])[0]).upper() in _TOO_OFTEN:
        raise BadEntry(f"{_line(block, 'RRULE')} recurs more often than hourly")
    at_once = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        at_once *= max(1, len(rule.get(name, ())))
    if at_once > _MOST_AT_ONCE:
        raise BadEntry(f"{_line(block, 'RRULE')} makes too many turns")


def _fix_until(rule: vRecur, start: date, zone: tzinfo) -> None:
    """Say in UTC until when a rule goes, as the standard asks and some programs do not.

    A mere day means up to its end; a local time is of the start's zone.
    """
    if not isinstance(start, datetime) or start.tzinfo is None:
        return
    fixed = []
    for until in rule.get("UNTIL", ()):
        if not isinstance(until, datetime):
            until = datetime.combine(until, time(23, 59, 59), start.tzinfo or zone)  # noqa: PLW2901 - the same moment, spelled out
        elif until.tzinfo is None:
            until = until.replace(tzinfo=start.tzinfo)  # noqa: PLW2901 - likewise
        fixed.append(until.astimezone(UTC))
    if fixed:
        rule["UNTIL"] = fixed


def _all(found: object) -> list[vRecur]:
    values = found if isinstance(found, list) else [found]
    return [value for value in values if isinstance(value, vRecur)]


def _line(block: Block, name: str | None) -> str:
    """Return where a property stands: `line 7: DTSTART`."""
    line = block.first(name or "")
    return f"line {line.number}: {line.name}" if line else (name or "a line")
