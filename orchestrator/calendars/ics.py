"""PURE: iCalendar (RFC 5545) -> bookings of devices.

1. Split the file into its entries; all that may name a person falls away. 2. Group them by UID.
3. Work each series out within the frame. 4. Make bookings of its occurrences.

A local time that a clock change skips is read with the offset before the change, one that comes
twice as the first (RFC 5545, section 3.3.5). Floating times are meant in the site's zone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from icalendar import Event

from orchestrator.calendars.ics_lines import Block, Blocks, blocks
from orchestrator.calendars.ics_series import moment_of, occurrences, read_event, utc_of
from orchestrator.calendars.ics_zones import know_zones
from orchestrator.calendars.model import (
    LARGEST_PARTY,
    MAX_ENTRIES,
    BadEntry,
    Entry,
    Findings,
    Frame,
    Parsed,
    Unreadable,
    check_span,
    external_uid,
)
from orchestrator.domain.bookings import Purpose

#: Letters of a UID that are told.
_SHOWN = 80
#: As a name stands in a mail address: letters, with digits at most around them.
_WORD = re.compile(r"\d*[^\W\d_]{2,}\d*")
_BETWEEN = re.compile(r"[\W_]+")
_NOWHERE = "it names no device in LOCATION or RESOURCES"
_ELSEWHERE = "line {number}: {name} is the name of no device here"

Limit = Callable[[], AbstractContextManager[None]]


def parse(data: bytes, frame: Frame, *, limit: Limit = nullcontext) -> Parsed:
    """Return a file's bookings within the frame. Raises Unreadable.

    limit: makes what bounds the time of one series; it raises BadEntry within.
    """
    file = blocks(data)
    if len(file.entries) > MAX_ENTRIES:
        raise Unreadable(f"There are more than {MAX_ENTRIES} entries in the file.")
    found = Findings()
    if file.broken is not None:
        number, reason = file.broken
        found.fault(f"line {number}", reason)
    know_zones(file.zones)
    for uid, series in by_uid(file, found).items():
        where = say_uid(uid, series[0].number)
        try:
            with limit():
                _take(_Series(uid, where, series), frame, found, cancels=file.cancels)
        except BadEntry as error:
            found.fault(where, error, series=external_uid(uid))
    return found.parsed()


class _Series:
    """All entries of one UID, in the order of the file."""

    def __init__(self, uid: str, where: str, of: list[Block]) -> None:
        self.uid = uid
        self.where = where
        self.blocks = of
        self.recurs = len(of) > 1 or any(
            of[0].first(name) for name in ("RRULE", "RDATE", "RECURRENCE-ID")
        )


def by_uid(file: Blocks, found: Findings) -> dict[str, list[Block]]:
    """Return the sound entries by UID. Of a series with a broken entry none is taken."""
    series: dict[str, list[Block]] = defaultdict(list)
    spoilt: set[str] = set()
    for block in file.entries:
        uid = block.value("UID")
        if block.broken is not None:
            where = say_uid(uid, block.number)
            found.fault(where, block.broken, series=external_uid(uid) if uid else None)
            spoilt.add(uid)
        elif not uid:
            found.fault(f"line {block.number}", "the entry that begins here has no UID")
        else:
            series[uid].append(block)
    return {uid: of for uid, of in series.items() if uid not in spoilt}


def _take(series: _Series, frame: Frame, found: Findings, *, cancels: bool) -> None:
    """Take a series into the findings. Raises BadEntry, Unreadable."""
    events = [read_event(block, frame.zone) for block in series.blocks]
    entries: list[Entry] = []
    for event in occurrences(events, frame):
        starts_at, ends_at = (
            utc_of(moment_of(event, name), frame) for name in ("DTSTART", "DTEND")
        )
        if not frame.touches(starts_at, ends_at):
            found.outside += 1
        elif cancels or str(event.get("STATUS", "")).upper() == "CANCELLED":
            found.cancelled += 1
        elif _is_free(event) and frame.free == "skip":
            found.free += 1
        else:
            check_span(starts_at, ends_at)
            entries += _entries(series, event, frame, starts_at, ends_at)
    found.add(entries)


def _entries(
    series: _Series, event: Event, frame: Frame, starts_at: datetime, ends_at: datetime
) -> Iterator[Entry]:
    """Yield an occurrence's bookings: one for each device that it names."""
    devices = frame.device_of(_places(event))
    if not devices:
        raise BadEntry(_no_device(series, frame))
    which = _recurrence(event, frame) if series.recurs else ""
    party, purpose = _party(event), _purpose(event)
    for device in devices:
        parts = (series.uid, which) if len(devices) == 1 else (series.uid, which, device)
        site, _, name = device.partition("/")
        yield Entry(
            uid=external_uid(*parts),
            series=external_uid(series.uid),
            where=series.where,
            site=site,
            device=name,
            starts_at=starts_at,
            ends_at=ends_at,
            target_group=frame.group_of(map(str, getattr(event.get("CATEGORIES"), "cats", ()))),
            party_size=party,
            purpose=purpose,
        )


def _places(event: Event) -> Iterator[str]:
    """Yield what may be a device's name: each resource, the location, and each of its parts.

    Outlook writes several rooms into one LOCATION, with semicolons or commas.
    """
    for name in ("RESOURCES", "LOCATION"):
        found = event.get(name)
        for value in found if isinstance(found, list) else [found] if found else []:
            yield from _names(str(value))


def _names(text: str) -> Iterator[str]:
    text = text.replace("\\,", ",").replace("\\;", ";")
    yield text
    yield from text.replace(";", ",").split(",")


def _no_device(series: _Series, frame: Frame) -> str:
    for block in series.blocks:
        for name in ("LOCATION", "RESOURCES"):
            line = block.first(name)
            if line is None or not line.value.strip():
                continue
            if not frame.device_of(_names(line.value)):
                return _ELSEWHERE.format(number=line.number, name=name)
    return _NOWHERE


def _recurrence(event: Event, frame: Frame) -> str:
    """Return which occurrence of its series it is: the start that its rule gave it."""
    return utc_of(moment_of(event, "RECURRENCE-ID"), frame).isoformat()


def _is_free(event: Event) -> bool:
    busy = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    return str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or busy == "FREE"


def _purpose(event: Event) -> Purpose:
    """Return what an entry is for. Away (Outlook's OOF) and, where it counts, free are blocks."""
    if _is_free(event) or str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() == "OOF":
        return Purpose.BLOCK
    said = str(event.get("X-LAITEVUORO-PURPOSE", "")).lower()
    return Purpose(said) if said in set(Purpose) else Purpose.TURN


def _party(event: Event) -> int | None:
    """Return how many people an entry of ours says. Raises BadEntry."""
    said = event.get("X-LAITEVUORO-PARTY")
    if said is None:
        return None
    text = str(said)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= LARGEST_PARTY):
        raise BadEntry(f"X-LAITEVUORO-PARTY is no number of people from 1 to {LARGEST_PARTY}")
    return int(text)


def say_uid(uid: str, number: int) -> str:
    """Return an entry as faults name it: by its UID, on one line and not endless.

    By the line where it begins, if it has no UID or one that may be a person's mail address.
    """
    if not uid or _may_be_mail(uid):
        return f"line {number}"
    shown = "".join(letter if letter.isprintable() else "?" for letter in uid)
    return f"UID {shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}"


def _may_be_mail(uid: str) -> bool:
    name, at, _ = uid.replace("%40", "@").rpartition("@")
    return bool(at) and any(map(_WORD.fullmatch, _BETWEEN.split(name)))
