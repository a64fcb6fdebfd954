"""The commands on bookings, the same for HTTP and for the command line."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    NotKnown,
    check_cancel,
    check_new,
    check_new_end,
    spacing,
)
from orchestrator.domain.devices import Device
from orchestrator.office import Office
from orchestrator.store import bookings
from orchestrator.store.database import Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A class of children with their teacher; the contract's own limit (mqtt_schemas.base.PartySize).
LARGEST_PARTY = 1000


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks to book. `device` is `site/device`, or `device` where that is clear."""

    device: str
    starts_at: datetime
    ends_at: datetime
    target_group: str
    party_size: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A booking as it is now, its device, and how far the change has come."""

    booking: Booking
    device: Device
    delivery: Delivery


class BookingService:
    """Adds, lists, changes and cancels bookings. Every refusal is a BookingRefused."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._database = office.database
        self._devices = office.devices

    async def add(self, order: Order) -> Change:
        """Book a turn. Raises BookingRefused, StoreFailed.

        1. Check the order. 2. In one transaction, see that there is room and take it. 3. Tell
        the device.
        """
        device = self.device(order.device)
        self._check_people(order)
        booking = Booking(
            id=secrets.token_hex(6),
            address=device.address,
            starts_at=_utc(order.starts_at),
            ends_at=_utc(order.ends_at),
            target_group=order.target_group,
            party_size=order.party_size,
        )
        desk = self._office.desk(device)

        def take(rows: Connection) -> Booking:
            others = _others(rows, desk, booking)
            check_new(desk, others, booking.starts_at, booking.ends_at)
            bookings.insert(rows, booking, created=desk.now)
            return booking

        return await self._told(device, await self._database.write(take))

    async def cancel(self, booking_id: str) -> Change:
        """Cancel a booking; a running turn ends. Raises BookingRefused, StoreFailed."""

        def cancel(rows: Connection) -> Booking:
            booking, desk = self._find(rows, booking_id)
            check_cancel(desk, booking)
            cancelled = replace(booking, state=BookingState.CANCELLED)
            bookings.change(rows, cancelled)
            return cancelled

        booking = await self._database.write(cancel)
        return await self._told(self._devices[booking.address], booking)

    async def set_end(self, booking_id: str, ends_at: datetime | timedelta) -> Change:
        """Give a booking another end, or so much more time. Raises BookingRefused, StoreFailed."""

        def change(rows: Connection) -> Booking:
            booking, desk = self._find(rows, booking_id)
            end = booking.ends_at + ends_at if isinstance(ends_at, timedelta) else _utc(ends_at)
            check_new_end(desk, booking, _others(rows, desk, booking), end)
            changed = replace(booking, ends_at=end)
            bookings.change(rows, changed)
            return changed

        booking = await self._database.write(change)
        return await self._told(self._devices[booking.address], booking)

    async def between(
        self, ends_after: datetime, starts_before: datetime, *, device: str | None = None
    ) -> list[Booking]:
        """Return the bookings that touch a span, cancelled ones too. Raises BookingRefused."""
        only = None if device is None else self.device(device).address
        first, last = _utc(ends_after), _utc(starts_before)
        found = await self._database.read(
            lambda rows: bookings.between(rows, ends_after=first, starts_before=last)
        )
        return [booking for booking in found if only is None or booking.address == only]

    def name(self, booking: Booking) -> str:
        """Return the name of a booking's device; its id where it is not served any more."""
        device = self._devices.get(booking.address)
        return device.name if device else booking.address.device

    def device(self, name: str) -> Device:
        """Return the device that somebody named. Raises NotKnown."""
        return device_named(name, self._devices)

    def _check_people(self, order: Order) -> None:
        if order.target_group not in self._office.target_groups:
            raise NotKnown(
                f"There is no target group {order.target_group!r}; "
                f"there are {', '.join(self._office.target_groups)}."
            )
        if order.party_size is not None and not 1 <= order.party_size <= LARGEST_PARTY:
            raise BookingRefused(f"A party is 1 to {LARGEST_PARTY} people, not {order.party_size}.")

    def _find(self, rows: Connection, booking_id: str) -> tuple[Booking, Desk]:
        booking = bookings.find(rows, booking_id)
        if booking is None:
            raise NotKnown(f"There is no booking {booking_id!r}.")
        device = self._devices.get(booking.address)
        if device is None:
            raise NotKnown(f"The booking's device, {booking.address}, is not served any more.")
        return booking, self._office.desk(device)

    async def _told(self, device: Device, booking: Booking) -> Change:
        return Change(
            booking, device, await self._office.deliver(booking.address, booking.starts_at)
        )


def device_named(name: str, devices: Mapping[Address, Device]) -> Device:
    """Return the device that somebody named, by its id or as site/id. Raises NotKnown."""
    found = [
        device for address, device in devices.items() if name in (str(address), address.device)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(str(device.address) for device in found)
        raise NotKnown(f"There are several devices called {name!r}: {several}.")
    names = [text for each in devices for text in (str(each), each.device)]
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise NotKnown(f"There is no device {name!r}{hint}")


def _others(rows: Connection, desk: Desk, booking: Booking) -> list[Booking]:
    """Return the device's bookings that may be in the way of one, or of what could be offered."""
    first = max(_EPOCH + spacing(desk.policy), min(desk.now, booking.starts_at))
    return bookings.of_device(rows, desk.device.address, ends_after=first - spacing(desk.policy))


def _utc(moment: datetime) -> datetime:
    """Return a time as the store keeps it. Raises BookingRefused."""
    try:
        return to_utc(moment)
    except ValueError as error:
        raise BookingRefused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
