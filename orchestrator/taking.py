"""Taking a turn for an order, within a transaction: what bookings, series and others share."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.bookkeeping import Bookkeeping, Card, utc
from orchestrator.domain.booking_rules import Wish, check_new, group_of
from orchestrator.domain.bookings import Booking, BookingRefused, BookingState, Desk, NoRoom
from orchestrator.domain.devices import CheckInBy
from orchestrator.new_codes import NewCode, new_code
from orchestrator.store import bookings
from orchestrator.store.database import Connection


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


class Taking:
    """Finds the devices that an order may be for, and takes the first that would do."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office

    def desks(self, order: Order) -> tuple[list[Desk], Wish]:
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

    async def code(self, desks: Sequence[Desk]) -> NewCode | None:
        """Return a new code where one of the devices is checked in to by code."""
        if any(desk.policy.check_in is CheckInBy.CODE for desk in desks):
            return await new_code(self._office.language)
        return None

    def take(
        self,
        rows: Connection,
        desks: Sequence[Desk],
        order: Order,
        wish: Wish,
        code: NewCode | None,
        *,
        series: str | None = None,
    ) -> Booking:
        """Take the first that would do, one in service before others. Raises BookingRefused."""
        first: BookingRefused | None = None
        for desk in self._books.in_service_first(rows, desks):
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


def cancelled(
    books: Bookkeeping, rows: Connection, booking: Booking, desk: Desk, why: str | None
) -> Booking:
    """Cancel a booking in a transaction, and return it as it is then."""
    gone = replace(booking, state=BookingState.CANCELLED)
    bookings.change(rows, gone)
    books.note(rows, "booking_cancelled", booking.id, desk.now, why=why)
    return gone
