"""The commands on bookings, the same for HTTP and for the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.bookkeeping import Bookkeeping, Change, utc, utc_later
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    WrongTime,
)
from orchestrator.domain.devices import CheckInBy, Device
from orchestrator.domain.extension import check_cancel, check_new_end
from orchestrator.domain.hours_rules import no_leave
from orchestrator.domain.naming import device_named
from orchestrator.new_codes import new_code
from orchestrator.series_service import SeriesService
from orchestrator.store import bookings
from orchestrator.store.database import Connection
from orchestrator.taking import Order, Taking, cancelled

__all__ = ["BookingService", "Change", "Order"]


class BookingService:
    """Adds, lists, changes and cancels bookings. Every refusal is a BookingRefused.

    add_series, block, cancel_series: see series_service.
    """

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database
        self._taking = Taking(books)
        series = SeriesService(books)
        self.add_series, self.block = series.add_series, series.block
        self.cancel_series = series.cancel_series

    async def add(self, order: Order) -> Change:
        """Book a turn. Raises BookingRefused, StoreFailed.

        1. Check the order. 2. In one transaction, see that there is room and take it. 3. Tell
        the device.
        """
        desks, wish = self._taking.desks(order)
        code = await self._taking.code(desks)

        def take(rows: Connection) -> Booking:
            return self._taking.take(rows, desks, order, wish, code)

        try:
            booking = await self._database.write(take)
        except WrongTime as error:
            raise await self._books.with_advice(error, desks, wish) from None
        return await self._books.told(booking, code if booking.code else None)

    async def cancel(self, booking_id: str, *, why: str | None = None) -> Change:
        """Cancel a booking; a running turn ends. Raises BookingRefused, StoreFailed."""

        def cancel(rows: Connection) -> Booking:
            booking, desk = self._books.find(rows, booking_id)
            check_cancel(desk, booking)
            return cancelled(self._books, rows, booking, desk, why)

        return await self._books.told(await self._database.write(cancel))

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
        if over_closing and (reason := no_leave(desk)):
            raise BookingRefused(f"{reason}.")
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


def _end(booking: Booking, ends_at: datetime | timedelta) -> datetime:
    if isinstance(ends_at, datetime):
        return utc(ends_at)
    return utc_later(booking.ends_at, ends_at)
