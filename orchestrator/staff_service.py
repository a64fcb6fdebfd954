"""What staff says of a device: out of service, back, cleared, a notice, end now.

Each word is in the audit log, takes effect as a revision of the device's plan, and is answered
with how far that has come.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mqtt_schemas.base import Outcome, to_utc
from mqtt_schemas.topics import Address
from orchestrator.attended_service import AttendedService
from orchestrator.bookkeeping import Bookkeeping, Change, utc
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import Booking, BookingRefused, NotKnown, Purpose
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.naming import device_named
from orchestrator.domain.notices import notice as new_notice
from orchestrator.domain.staff_words import MOST_NOTICES, REASONS, StaffWords
from orchestrator.staff_codes import code_of_today
from orchestrator.store import bookings, staff_words
from orchestrator.store.database import Connection
from orchestrator.store.staff_words import DayCode

_LEAST = timedelta(seconds=1)

#: What is to hold, and the audit log's words for it.
_Change = tuple[StaffWords, str, dict[str, str]]
#: (what holds, now) -> what changes, or None.
_Say = Callable[[StaffWords, datetime], _Change | None]


@dataclass(frozen=True, slots=True)
class Said:
    """What staff says of a device now, and how far the newest of it has come."""

    device: Device
    words: StaffWords
    delivery: Delivery


class StaffService:
    """Takes staff's words. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping, attended: AttendedService) -> None:
        self._books = books
        self._office = books.office
        self._attended = attended

    async def out(self, device: str, reason: str, *, why: str | None = None) -> Said:
        """Take a device out of service. `why` is kept in the audit log only. Raises BookingRefused.

        Its turns leave the plan until it is back, so one that runs ends at once, unless it was
        moved before. At an attended device, which has no plan, staff ends it.
        """
        if reason not in REASONS:
            raise BookingRefused(f"A device is out of service for {', '.join(REASONS)}.")

        def say(words: StaffWords, _: datetime) -> _Change | None:
            if words.out_of_service == reason:
                return None
            after = replace(words, out_of_service=reason)
            return after, "out_of_service", {"reason": reason}

        return await self._say(device, say, why=why)

    async def back(self, device: str, *, why: str | None = None) -> Said:
        """Put a device back into service. Raises BookingRefused, StoreFailed."""

        def say(words: StaffWords, _: datetime) -> _Change | None:
            if words.out_of_service is None:
                return None
            return replace(words, out_of_service=None), "back_in_service", {}

        return await self._say(device, say, why=why)

    async def clear(self, device: str, *, session: str | None = None) -> Said:
        """Tell that a finished part was taken off a device: by default the one that it told of.

        Raises BookingRefused, StoreFailed.
        """
        found = self._device(device)
        part = session or self._office.to_clear(found.address)
        if part is None:
            raise BookingRefused(f"{found.name} has told of nothing that is to be cleared.")

        def say(words: StaffWords, _: datetime) -> _Change | None:
            if words.cleared == part:
                return None
            return replace(words, cleared=part), "cleared", {"session": part}

        return await self._say(device, say)

    async def notice(
        self, device: str, phrase: str, until: datetime, *, seconds: int | None = None
    ) -> Said:
        """Have a device show a phrase until a time. Raises BookingRefused, StoreFailed."""
        last = utc(until)

        def say(words: StaffWords, now: datetime) -> _Change | None:
            if len(words.notices) >= MOST_NOTICES:
                raise BookingRefused(f"At most {MOST_NOTICES} notices are shown at a time.")
            new = new_notice(secrets.token_hex(6), phrase, last, now, seconds=seconds)
            after = replace(words, notices=(*words.notices, new))
            return after, "notice_added", {"notice": new.id, "phrase": phrase}

        return await self._say(device, say)

    async def withdraw(self, device: str, notice: str) -> Said:
        """Take a notice back. Raises BookingRefused, StoreFailed."""

        def say(words: StaffWords, _: datetime) -> _Change | None:
            left = tuple(each for each in words.notices if each.id != notice)
            if left == words.notices:
                raise NotKnown(f"There is no notice {notice!r}.")
            return replace(words, notices=left), "notice_withdrawn", {"notice": notice}

        return await self._say(device, say)

    async def end_now(self, device: str, *, why: str | None = None) -> Change:
        """End the turn that runs at a device, at once and without grace. Raises BookingRefused."""
        found = self._device(device)
        if found.kind == ATTENDED:
            return await self._attended.end(device, outcome=Outcome.STAFF, why=why)

        def end(rows: Connection) -> Booking:
            now = to_utc(self._office.now())
            booking = _running(rows, found, now)
            end = min(booking.ends_at, max(now, booking.starts_at + _LEAST))
            ended = replace(booking, ends_at=end)
            bookings.change(rows, ended)
            words = staff_words.of_device(rows, found.address).at(now)
            staff_words.keep(rows, found.address, replace(words, ended=booking.id))
            self._books.note(
                rows,
                "ended_now",
                booking.id,
                now,
                why=why,
                device=str(found.address),
                seconds=round((end - booking.ends_at).total_seconds()),
            )
            return ended

        return await self._books.told(await self._office.database.write(end))

    async def listed(self) -> list[tuple[Device, StaffWords]]:
        """Return what staff says of devices now; those of which nothing is said are left out."""
        now = to_utc(self._office.now())
        said = await self._office.database.read(staff_words.everything)
        found = [
            (device, said[address].at(now))
            for address, device in sorted(self._office.devices.items())
            if address in said
        ]
        return [(device, words) for device, words in found if words.out_of_service or words.notices]

    async def code(self, site: str) -> DayCode:
        """Return a site's staff code of today. Who saw it is in the audit log, by role.

        Raises BookingRefused, StoreFailed.
        """
        sites = sorted({address.site for address in self._office.devices})
        if site not in sites:
            raise NotKnown(f"There is no site {site!r}; there are {', '.join(sites)}.")
        code = await code_of_today(self._office, site)
        now = to_utc(self._office.now())
        await self._office.database.write(
            lambda rows: self._books.note(rows, "staff_code_shown", site, now)
        )
        return code

    def _device(self, name: str) -> Device:
        return device_named(name, self._office.devices)

    async def _say(self, name: str, say: _Say, *, why: str | None = None) -> Said:
        device = self._device(name)
        address = device.address

        def keep(rows: Connection) -> StaffWords:
            now = to_utc(self._office.now())
            words = staff_words.of_device(rows, address).at(now)
            change = say(words, now)
            if change is None:
                return words
            after, what, details = change
            staff_words.keep(rows, address, after)
            self._books.note(rows, what, str(address), now, why=why, **details)
            return after

        words = await self._office.database.write(keep)
        return Said(device, words, await self._tell(address))

    async def _tell(self, address: Address) -> Delivery:
        delivery = await self._office.deliver(address, None)
        kind = self._office.devices[address].kind
        return Delivery.AT_DESK if kind == ATTENDED else delivery


def _running(rows: Connection, device: Device, now: datetime) -> Booking:
    """Return the booking whose turn runs at a device, its grace included. Raises BookingRefused."""
    since = now - timedelta(seconds=device.policy.grace)
    for booking in bookings.of_device(rows, device.address, ends_after=since):
        if booking.starts_at <= now and booking.purpose is not Purpose.BLOCK:
            return booking
    raise BookingRefused(f"No turn runs at {device.name}.")
