"""Several turns at once: series, and blocks of devices."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.bookkeeping import Bookkeeping, Change, utc, utc_later
from orchestrator.domain.booking_rules import Wish, check_block
from orchestrator.domain.bookings import Booking, BookingRefused, NoRoom, NotKnown, Purpose
from orchestrator.domain.devices import Device
from orchestrator.domain.naming import device_named
from orchestrator.domain.series import Every, occurrences
from orchestrator.store import bookings
from orchestrator.store.database import Connection
from orchestrator.taking import Order, Taking, cancelled

#: Of a series' refusals, so many are spelt out in a sentence.
SPELT_OUT = 5


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """A series as it was booked. refused: when, by the clock on the wall, and why not."""

    series: str
    changes: tuple[Change, ...]
    refused: tuple[tuple[datetime, str], ...]
    code: str | None


class SeriesService:
    """Books series and blocks, and cancels what is left. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database
        self._taking = Taking(books)

    async def add_series(
        self, order: Order, every: Every, times: int, *, partial: bool = False
    ) -> SeriesChange:
        """Book a turn again and again; all of them, or with `partial` those that can be had.

        Raises BookingRefused, StoreFailed.
        """
        desks, wish = self._taking.desks(order)
        dates = occurrences(wish.starts_at, every, times, self._office.zone)
        code, series = await self._taking.code(desks), secrets.token_hex(6)
        refused: list[tuple[datetime, str]] = []

        def take(rows: Connection) -> list[Booking]:
            made: list[Booking] = []
            for date in dates:
                if date.starts_at is None:
                    refused.append((date.wall, date.problem or ""))
                    continue
                begin = date.starts_at
                try:
                    end = utc_later(begin, wish.length)
                    each = replace(wish, starts_at=begin, ends_at=end)
                    made.append(self._taking.take(rows, desks, order, each, code, series=series))
                except BookingRefused as error:
                    refused.append((date.wall, str(error)))
            if not made or (refused and not partial):
                raise NoRoom(_series_refused(refused, len(dates)))
            return made

        made = await self._database.write(take)
        words = code.words if code and any(booking.code for booking in made) else None
        return SeriesChange(series, await self._told(made), tuple(refused), words)

    async def block(
        self, devices: Sequence[str], starts_at: datetime, ends_at: datetime, *, why: str | None
    ) -> tuple[Change, ...]:
        """Keep devices free of turns, all of them or none. Raises BookingRefused, StoreFailed."""
        named = {each.address: each for each in self._named(devices)}
        if not named:
            raise BookingRefused("Name the devices to block.")
        wish = Wish(utc(starts_at), utc(ends_at))
        series = secrets.token_hex(6)

        def take(rows: Connection) -> list[Booking]:
            made: list[Booking] = []
            taken: list[str] = []
            for device in named.values():
                desk = self._office.desk(device)
                try:
                    check_block(self._books.case(rows, desk, wish))
                except NoRoom as error:
                    taken.append(error.reason)
                    continue
                booking = Booking(
                    id=secrets.token_hex(6),
                    address=device.address,
                    starts_at=wish.starts_at,
                    ends_at=wish.ends_at,
                    purpose=Purpose.BLOCK,
                    series=series,
                )
                bookings.insert(rows, booking, created=desk.now)
                self._books.note(
                    rows, "blocked", booking.id, desk.now, why=why, device=str(device.address)
                )
                made.append(booking)
            if taken:
                raise NoRoom("; ".join(taken))
            return made

        return await self._told(await self._database.write(take))

    async def cancel_series(self, series: str, *, why: str | None = None) -> tuple[Change, ...]:
        """Cancel what is left of a series, or of a block. Raises BookingRefused, StoreFailed."""

        def cancel(rows: Connection) -> list[Booking]:
            found = bookings.of_series(rows, series)
            if not found:
                raise NotKnown(f"There is no series {series!r}.")
            now, served = self._office.now(), self._office.devices
            left = [
                each
                for each in found
                if each.live and each.ends_at > now and each.address in served
            ]
            if not left:
                raise BookingRefused("Nothing is left of the series.")
            return [
                cancelled(self._books, rows, each, self._books.desk_of(each), why) for each in left
            ]

        return await self._told(await self._database.write(cancel))

    async def _told(self, changed: Sequence[Booking]) -> tuple[Change, ...]:
        """Tell all devices at once: how far each change has come differs by device and by time."""
        async with asyncio.TaskGroup() as group:
            told = [group.create_task(self._books.told(booking)) for booking in changed]
        return tuple(task.result() for task in told)

    def _named(self, names: Sequence[str]) -> list[Device]:
        return [device_named(name, self._office.devices) for name in names]


def _series_refused(refused: Sequence[tuple[datetime, str]], times: int) -> str:
    spelt = "; ".join(
        f"{wall:%Y-%m-%d %H:%M}: {reason.removesuffix('.')}" for wall, reason in refused[:SPELT_OUT]
    )
    more = f"; and {len(refused) - SPELT_OUT} more" if len(refused) > SPELT_OUT else ""
    return f"{len(refused)} of {times} turns can't be booked: {spelt}{more}"
