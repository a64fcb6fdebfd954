"""Bookings of other systems: read, compared with what is booked of them, and kept as they say.

1. Read the file in a process of its own. 2. In one transaction, compare, and write what differs.
3. Have the devices planned anew. The library's own system has decided on lengths and notice, so
only room is asked for: no two bookings of a device overlap.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.calendars import reading
from orchestrator.calendars.changes import Changes, Edit, Known, changes
from orchestrator.calendars.model import AHEAD, Entry, Fault, Frame, Parsed, Unreadable, place_key
from orchestrator.calendars.reading import Format, Job, Read
from orchestrator.domain.booking_rules import Case, Wish, group_of
from orchestrator.domain.bookings import BookedBy, Booking, BookingRefused, BookingState, Purpose
from orchestrator.domain.devices import Device
from orchestrator.domain.naming import device_named
from orchestrator.hours_of import hours_of
from orchestrator.office import Office
from orchestrator.store import audit, bookings, imports
from orchestrator.store.database import Connection

_DAY = timedelta(days=1)
#: An entry whose booking ended so long ago is not spoken of again.
REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where bookings come from, and how its words are meant.

    name: whose bookings these are; importing it again changes those. device: of all entries.
    places: names of devices there, to ours. site: whose devices are meant, where given.
    """

    name: str
    device: str | None = None
    places: Mapping[str, str] | None = None
    site: str | None = None
    free: Literal["skip", "block"] = "skip"
    format: Format | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an import did, or would do. done: whether it was; else nothing was changed.

    cancelled, free, outside, past: entries that were rightly passed over.
    """

    done: bool
    added: int
    changed: int
    removed: int
    same: int
    cancelled: int
    free: int
    outside: int
    past: int
    faults: tuple[Fault, ...]

    def say(self, *, dry_run: bool = False) -> str:
        """Return it in a sentence or two, for the person who asked."""
        would = "would be " if dry_run else ""
        counts = (
            f"{_count(self.added, 'booking')} {would}added, {self.changed} changed, "
            f"{self.removed} cancelled; {self.same} as before."
        )
        if not self.faults:
            return counts
        bad = f"{_count(len(self.faults), 'entry', 'entries')} can't be taken"
        if not self.done and not dry_run:
            return f"Nothing was changed: {bad}."
        return f"{counts} {bad}."


class ImportService:
    """Takes the bookings of other systems. Every refusal is a BookingRefused."""

    def __init__(self, office: Office, read: Read = reading.read) -> None:
        self._office = office
        self._read = read

    async def take(
        self, data: bytes, source: Source, *, partial: bool = False, dry_run: bool = False
    ) -> Outcome:
        """Make the bookings of a source what its file says. Raises BookingRefused, StoreFailed.

        partial: where entries are faulty, take the others; else nothing is changed.
        """
        now = to_utc(self._office.now())
        job = Job(frame=self._frame(source, now), format=source.format)
        try:
            parsed = await self._read(data, job)
        except Unreadable as error:
            raise BookingRefused(str(error)) from None

        def compare(rows: Connection) -> Changes:
            return self._compare(rows, source.name, parsed, now)

        # Looked at beside the writer first: most imports find nothing to do, and hold up nobody.
        found = await self._office.database.read(compare)
        taken = (partial or not found.faults) and not dry_run
        if not taken or found.nothing:
            return _outcome(parsed, found, done=taken)

        def keep(rows: Connection) -> tuple[Changes, set[Address]]:
            found = compare(rows)
            if found.faults and not partial:
                return found, set()
            return found, self._keep(rows, source.name, found, now)

        found, touched = await self._office.database.write(keep)
        self._office.replan(touched)
        return _outcome(parsed, found, done=partial or not found.faults)

    def _frame(self, source: Source, now: datetime) -> Frame:
        """Return what the parsers need to know. Raises NotKnown."""
        zone = self._office.zone
        assert isinstance(zone, ZoneInfo)  # noqa: S101 - as configured
        devices = self._office.devices
        device = source.device and str(device_named(source.device, devices).address)
        places = self._names(source.site)
        for name, meant in (source.places or {}).items():
            places[place_key(name)] = str(device_named(meant, devices).address)
        return Frame(
            timezone=zone.key,
            first=now - _DAY,
            last=now + AHEAD,
            places=places,
            device=device or None,
            groups=tuple(self._office.target_groups),
            free=source.free,
        )

    def _names(self, site: str | None) -> dict[str, str]:
        """Return the devices by all names that mean just one of them."""
        named: dict[str, set[str]] = {}
        for address, device in self._office.devices.items():
            if site in (None, address.site):
                for name in (str(address), address.device, device.name):
                    named.setdefault(place_key(name), set()).add(str(address))
        return {name: meant.pop() for name, meant in named.items() if len(meant) == 1}

    def _compare(self, rows: Connection, source: str, parsed: Parsed, now: datetime) -> Changes:
        known = imports.known(rows, source)
        own = {each.booking.id for each in known}
        first = min((entry.starts_at for entry in parsed.entries), default=now)
        others = {
            address: [
                booking
                for booking in bookings.of_device(rows, address, ends_after=first)
                if booking.id not in own
            ]
            for address in {entry.address for entry in parsed.entries}
        }
        return changes(parsed, known, others, now)

    def _keep(self, rows: Connection, source: str, found: Changes, now: datetime) -> set[Address]:
        """Write what is to be done; return the devices that have to do with it."""
        touched = {
            *(self._add(rows, source, edit, now) for edit in found.add),
            *(address for edit in found.change for address in self._change(rows, source, edit)),
            *(_remove(rows, source, known) for known in found.remove),
        }
        if touched:
            imports.forget_old(rows, source, now - REMEMBERED)
            imports.set_last_good(rows, source, now)
            _record(rows, source, found, now)
        return touched

    def _add(self, rows: Connection, source: str, edit: Edit, now: datetime) -> Address:
        entry = edit.entry
        policy = self._office.devices[entry.address].policy
        booking = Booking(
            id=secrets.token_hex(6),
            address=entry.address,
            starts_at=entry.starts_at,
            ends_at=entry.ends_at,
            by=BookedBy.IMPORT,
            check_in=policy.check_in,
        )
        booking = self._told(rows, edit, booking)
        bookings.insert(rows, booking, created=now)
        _note(rows, source, edit, booking)
        return booking.address

    def _change(self, rows: Connection, source: str, edit: Edit) -> Iterable[Address]:
        assert edit.known is not None  # noqa: S101 - what makes it a change
        before = edit.known.booking
        booking = self._told(rows, edit, before)
        if booking != before:
            bookings.change(rows, booking)
        _note(rows, source, edit, booking)
        return before.address, booking.address

    def _told(self, rows: Connection, edit: Edit, booking: Booking) -> Booking:
        """Return a booking as its entry says it; the group of who declares none is assumed."""
        entry = edit.entry
        group, assumed = entry.target_group, False
        device = self._office.devices[entry.address]
        if entry.purpose is not Purpose.BLOCK and group is None:
            group, assumed = self._assumed(rows, device, entry)
        return replace(
            booking,
            address=entry.address,
            starts_at=entry.starts_at,
            ends_at=entry.ends_at,
            target_group=group,
            group_assumed=assumed,
            party_size=entry.party_size,
            purpose=entry.purpose,
        )

    def _assumed(self, rows: Connection, device: Device, entry: Entry) -> tuple[str | None, bool]:
        """Return the group that is assumed of who declares none, and whether one is."""
        if not device.policy.periods:
            return device.policy.assumed_group, device.policy.assumed_group is not None
        wish = Wish(entry.starts_at, entry.ends_at)
        hours = hours_of(rows, self._office, device)
        return group_of(Case(self._office.desk(device), wish, hours))


def source_of_file(name: str) -> str:
    """Return the source that a file is: by its name, which may be a person's and is not kept."""
    return f"file-{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _remove(rows: Connection, source: str, known: Known) -> Address:
    bookings.change(rows, replace(known.booking, state=BookingState.CANCELLED))
    imports.forget(rows, source, known.uid)
    return known.booking.address


def _note(rows: Connection, source: str, edit: Edit, booking: Booking) -> None:
    entry = edit.entry
    imports.keep(
        rows,
        source,
        entry.uid,
        series=entry.series,
        digest=edit.digest,
        booking=booking.id,
    )


def _record(rows: Connection, source: str, found: Changes, now: datetime) -> None:
    counts = {
        "added": len(found.add),
        "changed": len(found.change),
        "removed": len(found.remove),
        "faults": len(found.faults),
    }
    entry = audit.Entry(
        at=now, role="import", what="bookings_imported", target=source, details=counts
    )
    audit.record(rows, entry)


def _outcome(parsed: Parsed, found: Changes, *, done: bool) -> Outcome:
    return Outcome(
        done=done,
        added=len(found.add),
        changed=len(found.change),
        removed=len(found.remove),
        same=found.same,
        cancelled=parsed.cancelled,
        free=parsed.free,
        outside=parsed.outside,
        past=found.past,
        faults=tuple(found.faults),
    )
