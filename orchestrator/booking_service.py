"""The commands on bookings, the same for HTTP and for the command line."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.bookkeeping import Bookkeeping, Card, Change, utc, utc_later
from orchestrator.domain.booking_rules import Wish, check_block, check_new, group_of
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    NoRoom,
    NotKnown,
    Purpose,
    WrongTime,
)
from orchestrator.domain.devices import CheckInBy, Device
from orchestrator.domain.extension import check_cancel, check_new_end
from orchestrator.domain.naming import device_named
from orchestrator.domain.series import Every, occurrences
from orchestrator.new_codes import NewCode, new_code
from orchestrator.store import bookings
from orchestrator.store.database import Connection

__all__ = ["BookingService", "Change", "Order"]

#: Of a series' refusals, so many are spelt out in a sentence.
SPELT_OUT = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks to book: a device, or any of a `kind`.

    device: `site/device`, or `device` where that is clear; kind likewise. target_group: None
    where nobody declared one. over_closing: staff lets the turn run on after closing.
    """

    device: str | None
    starts_at: datetime
    ends_at: datetime
    target_group: str | None = None
    party_size: int | None = None
    kind: str | None = None
    over_closing: bool = False
    card: Card = field(default_factory=Card)
    why: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """A series as it was booked. refused: when, by the clock on the wall, and why not."""

    series: str
    changes: tuple[Change, ...]
    refused: tuple[tuple[datetime, str], ...]
    code: str | None


class BookingService:
    """Adds, lists, changes and cancels bookings. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database

    async def add(self, order: Order) -> Change:
        """Book a turn. Raises BookingRefused, StoreFailed.

        1. Check the order. 2. In one transaction, see that there is room and take it. 3. Tell
        the device.
        """
        desks, wish = self._desks(order)
        code = await self._code(desks)

        def take(rows: Connection) -> Booking:
            return self._take(rows, desks, order, wish, code)

        try:
            booking = await self._database.write(take)
        except WrongTime as error:
            raise await self._books.with_advice(error, desks, wish) from None
        return await self._books.told(booking, code if booking.code else None)

    async def add_series(
        self, order: Order, every: Every, times: int, *, partial: bool = False
    ) -> SeriesChange:
        """Book a turn again and again; all of them, or with `partial` those that can be had.

        Raises BookingRefused, StoreFailed.
        """
        desks, wish = self._desks(order)
        dates = occurrences(wish.starts_at, every, times, self._office.zone)
        code, series = await self._code(desks), secrets.token_hex(6)
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
                    made.append(self._take(rows, desks, order, each, code, series=series))
                except BookingRefused as error:
                    refused.append((date.wall, str(error)))
            if not made or (refused and not partial):
                raise NoRoom(_series_refused(refused, len(dates)))
            return made

        made = await self._database.write(take)
        changes = tuple([await self._books.told(booking) for booking in made[:1]])
        self._office.replan({booking.address for booking in made})
        device = self._office.devices
        later = tuple(
            Change(booking, device[booking.address], changes[0].delivery) for booking in made[1:]
        )
        words = code.words if code and any(booking.code for booking in made) else None
        return SeriesChange(series, changes + later, tuple(refused), words)

    async def block(
        self, devices: Sequence[str], starts_at: datetime, ends_at: datetime, *, why: str | None
    ) -> tuple[Change, ...]:
        """Keep devices free of turns, all of them or none. Raises BookingRefused, StoreFailed."""
        named = {each.address: each for each in map(self.device, devices)}
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

        made = await self._database.write(take)
        async with asyncio.TaskGroup() as group:
            told = [group.create_task(self._books.told(booking)) for booking in made]
        return tuple(task.result() for task in told)

    async def cancel(self, booking_id: str, *, why: str | None = None) -> Change:
        """Cancel a booking; a running turn ends. Raises BookingRefused, StoreFailed."""

        def cancel(rows: Connection) -> Booking:
            booking, desk = self._books.find(rows, booking_id)
            check_cancel(desk, booking)
            return self._cancelled(rows, booking, desk, why)

        return await self._books.told(await self._database.write(cancel))

    async def cancel_series(self, series: str, *, why: str | None = None) -> tuple[Change, ...]:
        """Cancel what is left of a series, or of a block. Raises BookingRefused, StoreFailed."""

        def cancel(rows: Connection) -> list[Booking]:
            found = bookings.of_series(rows, series)
            if not found:
                raise NotKnown(f"There is no series {series!r}.")
            now = self._office.now()
            left = [each for each in found if each.live and each.ends_at > now]
            if not left:
                raise BookingRefused("Nothing is left of the series.")
            return [self._cancelled(rows, each, self._books.desk_of(each), why) for each in left]

        gone = await self._database.write(cancel)
        self._office.replan({booking.address for booking in gone})
        first = await self._books.told(gone[0])
        devices = self._office.devices
        return (
            first,
            *(Change(each, devices[each.address], first.delivery) for each in gone[1:]),
        )

    async def set_end(
        self,
        booking_id: str,
        ends_at: datetime | timedelta,
        *,
        although_waiting: bool = False,
        over_closing: bool = False,
        why: str | None = None,
    ) -> Change:
        """Give a booking another end, or so much more time. Raises BookingRefused, StoreFailed."""

        def change(rows: Connection) -> Booking:
            return self.change_end(
                rows,
                booking_id,
                ends_at,
                although_waiting=although_waiting,
                over_closing=over_closing,
                why=why,
            )

        return await self._books.told(await self._database.write(change))

    def change_end(
        self,
        rows: Connection,
        booking_id: str,
        ends_at: datetime | timedelta,
        *,
        although_waiting: bool = False,
        over_closing: bool = False,
        why: str | None = None,
    ) -> Booking:
        """Give a booking another end within a transaction. Raises BookingRefused."""
        booking, desk = self._books.find(rows, booking_id)
        end = _end(booking, ends_at)
        case = self._books.running(rows, desk, booking, end)
        if over_closing:
            _check_leave(desk)
        check_new_end(case, end, although_waiting=although_waiting, over_closing=over_closing)
        changed = replace(booking, ends_at=end, over_closing=booking.over_closing or over_closing)
        if booking.state is BookingState.USED and end > desk.now:
            changed = replace(changed, state=BookingState.CHECKED_IN)
        bookings.change(rows, changed)
        self._books.note(
            rows,
            "end_changed",
            booking.id,
            desk.now,
            why=why,
            seconds=round((end - booking.ends_at).total_seconds()),
            although_waiting=case.waiting if although_waiting else None,
            over_closing=int(over_closing) or None,
        )
        return changed

    async def new_code(self, booking_id: str) -> Change:
        """Give a booking another check-in code; the old one opens nothing any more."""
        code = await new_code(self._office.language)

        def change(rows: Connection) -> Booking:
            booking, desk = self._books.find(rows, booking_id)
            if booking.check_in is not CheckInBy.CODE:
                raise BookingRefused(f"{desk.device.name} is not checked in to by code.")
            if booking.state not in (BookingState.BOOKED, BookingState.OFFERED):
                raise BookingRefused("The booking needs no code any more.")
            changed = replace(booking, code=code.hashed)
            bookings.change(rows, changed)
            self._books.note(rows, "code_renewed", booking.id, desk.now)
            return changed

        return await self._books.told(await self._database.write(change), code)

    async def between(
        self, ends_after: datetime, starts_before: datetime, *, device: str | None = None
    ) -> list[Booking]:
        """Return the bookings that touch a span, cancelled ones too. Raises BookingRefused."""
        only = None if device is None else self.device(device).address
        first, last = utc(ends_after), utc(starts_before)
        found = await self._database.read(
            lambda rows: bookings.between(rows, ends_after=first, starts_before=last)
        )
        return [booking for booking in found if only is None or booking.address == only]

    def name(self, booking: Booking) -> str:
        """Return the name of a booking's device; its id where it is not served any more."""
        device = self._office.devices.get(booking.address)
        return device.name if device else booking.address.device

    def device(self, name: str) -> Device:
        """Return the device that somebody named. Raises NotKnown."""
        return device_named(name, self._office.devices)

    def _desks(self, order: Order) -> tuple[list[Desk], Wish]:
        """Return the devices that would do, and what is wanted of them. Raises BookingRefused."""
        devices = self._books.devices(device=order.device, kind=order.kind)
        self._books.check_group(order.target_group)
        wish = Wish(
            utc(order.starts_at),
            utc(order.ends_at),
            group=order.target_group,
            party_size=order.party_size,
            over_closing=order.over_closing,
        )
        return [self._office.desk(device) for device in devices], wish

    async def _code(self, desks: Sequence[Desk]) -> NewCode | None:
        """Return a new code where one of the devices is checked in to by code."""
        if any(desk.policy.check_in is CheckInBy.CODE for desk in desks):
            return await new_code(self._office.language)
        return None

    def _take(
        self,
        rows: Connection,
        desks: Sequence[Desk],
        order: Order,
        wish: Wish,
        code: NewCode | None,
        *,
        series: str | None = None,
    ) -> Booking:
        """Take the first of the devices that would do. Raises BookingRefused."""
        first: BookingRefused | None = None
        for desk in desks:
            case = self._books.case(rows, desk, wish)
            try:
                check_new(case)
            except BookingRefused as error:
                first = first or error
                continue
            group, assumed = group_of(case)
            by = desk.policy.check_in
            booking = Booking(
                id=secrets.token_hex(6),
                address=desk.device.address,
                starts_at=wish.starts_at,
                ends_at=wish.ends_at,
                target_group=group,
                party_size=wish.party_size,
                group_assumed=assumed,
                kind=order.kind and desk.device.kind,
                series=series,
                over_closing=wish.over_closing,
                check_in=by,
                code=code.hashed if code and by is CheckInBy.CODE else None,
            )
            self._books.count(rows, desk, booking, order.card)
            bookings.insert(rows, booking, created=desk.now)
            self._books.note(
                rows,
                "booking_added",
                booking.id,
                desk.now,
                why=order.why,
                device=str(booking.address),
                over_closing=int(wish.over_closing) or None,
            )
            return booking
        if len(desks) > 1 and isinstance(first, NoRoom):
            start = desks[0].say(wish.starts_at)
            raise NoRoom(f"No {desks[0].device.kind} is free at {start}")
        raise first or BookingRefused("There is no such device.")

    def _cancelled(
        self, rows: Connection, booking: Booking, desk: Desk, why: str | None
    ) -> Booking:
        cancelled = replace(booking, state=BookingState.CANCELLED)
        bookings.change(rows, cancelled)
        self._books.note(rows, "booking_cancelled", booking.id, desk.now, why=why)
        return cancelled


def _end(booking: Booking, ends_at: datetime | timedelta) -> datetime:
    if isinstance(ends_at, datetime):
        return utc(ends_at)
    return utc_later(booking.ends_at, ends_at)


def _check_leave(desk: Desk) -> None:
    if desk.policy.after_closing != "staff":
        raise BookingRefused(f"No turn on {desk.device.name} runs on after closing.")


def _series_refused(refused: Sequence[tuple[datetime, str]], times: int) -> str:
    spelt = "; ".join(
        f"{wall:%Y-%m-%d %H:%M}: {reason.removesuffix('.')}" for wall, reason in refused[:SPELT_OUT]
    )
    more = f"; and {len(refused) - SPELT_OUT} more" if len(refused) > SPELT_OUT else ""
    return f"{len(refused)} of {times} turns can't be booked: {spelt}{more}"
