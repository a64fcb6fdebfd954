"""What is read of somebody else's bookings. Nothing here can hold a person's words.

Parsers are functions from bytes and a Frame to Parsed: each entry is a booking with an id that
is the same at every import, or a fault that names its line or UID.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from mqtt_schemas.base import UtcTime
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Purpose

#: Bytes. A library's year of bookings with long descriptions is a tenth of it.
MAX_SIZE = 10 * 1024 * 1024
#: Of one file, all recurrences counted.
MAX_ENTRIES = 20_000
#: What is read of an unbounded recurrence: from yesterday, so far ahead.
AHEAD = timedelta(days=400)
#: As long as a device can be blocked (domain.booking_rules); longer was a slip of the pen.
LONGEST = timedelta(days=366)
#: The contract's (mqtt_schemas.base.PartySize).
LARGEST_PARTY = 1000

T = TypeVar("T")


class Unreadable(ValueError):
    """The whole file can't be used. The text is one sentence; it quotes nothing of the file."""


class BadEntry(ValueError):
    """One entry can't be used. The text is what is wrong, without a full stop."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Frame(_Model):
    """What is known without the file.

    first, last: entries that touch this span are taken. places: the names of devices, as
    `place_key` spells them, to `site/device`. device: `site/device` of all entries, whatever the
    file says. free: what becomes of entries that the calendar's owner shows as free.
    """

    timezone: str
    first: UtcTime
    last: UtcTime
    places: dict[str, str] = {}
    device: str | None = None
    groups: tuple[str, ...] = ()
    free: Literal["skip", "block"] = "skip"

    @property
    def zone(self) -> ZoneInfo:
        """The site's zone, in which times without one are meant."""
        return ZoneInfo(self.timezone)

    def device_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the devices that are named, each once; what names none is passed over."""
        if self.device is not None:
            return (self.device,)
        found = (self.places.get(place_key(name)) for name in names)
        return tuple(dict.fromkeys(place for place in found if place is not None))

    def group_of(self, names: Iterable[str]) -> str | None:
        """Return the first target group that is named; what names none is passed over."""
        groups = {place_key(group): group for group in self.groups}
        return next((groups[key] for key in map(place_key, names) if key in groups), None)

    def touches(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Tell whether an entry touches the span."""
        return starts_at < self.last and self.first < ends_at


class Entry(_Model):
    """A booking of one device.

    uid, series: made of the source's id, with and without which occurrence of it this is, by
    `external_uid`. where: for faults, and kept nowhere.
    """

    uid: str
    series: str
    where: str
    site: str
    device: str
    starts_at: UtcTime
    ends_at: UtcTime
    target_group: str | None = None
    party_size: int | None = None
    purpose: Purpose = Purpose.TURN

    @property
    def address(self) -> Address:
        """The device's address."""
        return Address(self.site, self.device)


class Fault(_Model):
    """Why an entry can't be taken. where: a line or a UID. reason: quotes no text of the file.

    series: the entry's own, where that could be told at all.
    """

    where: str
    reason: str
    series: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}."


class Parsed(_Model):
    """What a file holds. The counts are of what was rightly passed over."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()
    cancelled: int = 0
    free: int = 0
    outside: int = 0


class Findings:
    """A Parsed that grows: an entry or fault that is found twice is there once."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.free = 0
        self.outside = 0
        self._entries: dict[str, Entry] = {}
        self._faults: dict[tuple[str, str], Fault] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        """Take entries. Raises Unreadable where they become too many."""
        for entry in entries:
            if self._entries.setdefault(entry.uid, entry) != entry:
                self.fault(entry.where, "it is there twice, and differs", series=entry.series)
        if len(self._entries) > MAX_ENTRIES:
            raise Unreadable(f"There are more than {MAX_ENTRIES} turns, recurrences counted.")

    def fault(self, where: str, reason: object, *, series: str | None = None) -> None:
        """Note what is wrong with an entry."""
        fault = Fault(where=where, reason=str(reason), series=series)
        self._faults.setdefault((where, str(reason)), fault)

    def parsed(self) -> Parsed:
        """Return all of it, by start."""
        return Parsed(
            entries=tuple(sorted(self._entries.values(), key=lambda e: (e.starts_at, e.uid))),
            faults=tuple(self._faults.values()),
            cancelled=self.cancelled,
            free=self.free,
            outside=self.outside,
        )


def external_uid(*parts: str) -> str:
    """Return the id by which an entry is found again: 32 hex digits.

    A digest, since some programs put mail addresses into their UIDs.
    """
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def place_key(name: str) -> str:
    """Return a name as names are compared: case and spaces make no difference."""
    return " ".join(name.split()).casefold()


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raise BadEntry unless a booking may have these times, both UTC."""
    if ends_at < starts_at:
        raise BadEntry("it ends before it starts")
    if ends_at == starts_at:
        raise BadEntry("it has no length: its end is its start")
    if ends_at - starts_at > LONGEST:
        raise BadEntry(f"it is longer than {LONGEST.days} days")


def at_most(items: Iterable[T], most: int, sentence: str) -> Iterator[T]:
    """Yield items. Raises Unreadable at one more than `most`."""
    for count, item in enumerate(items):
        if count >= most:
            raise Unreadable(sentence)
        yield item
