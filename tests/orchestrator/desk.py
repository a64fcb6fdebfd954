"""A desk with a few devices: services over a real store, and what they told the devices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.check_in_service import CheckInService
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import CheckInBy, Device, Policy
from orchestrator.domain.opening_hours import SiteHours
from orchestrator.move_service import MoveService
from orchestrator.store import audit, bookings
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW, FakeClock, office

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GAME = Policy(AtEnd.LOCK, buffer=300, longest=7200, walk_in=1800, party=4, check_in=CheckInBy.CODE)


def game(number: int, **policy: Any) -> Device:  # noqa: ANN401 - fields of a policy
    """Return a gaming PC."""
    name = f"game-{number}"
    return Device(Address("paja", name), "game", replace(GAME, **policy), f"Game {number}")


class DeskOf:
    """The services of a desk. waiting: how many stand in the queue."""

    def __init__(
        self,
        database: Database,
        *devices: Device,
        hours: Mapping[str, SiteHours] | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.told: list[Address] = []
        self.replanned: set[Address] = set()
        self.waiting = 0
        self.database = database
        self.office = office(
            database,
            now=self.clock.now,
            deliver=self.deliver,
            devices={device.address: device for device in devices},
            replan=self.replan,
            hours=hours,
        )
        books = Bookkeeping(self.office, lambda _, __, ___: self.waiting)
        self.bookings = BookingService(books)
        self.check_ins = CheckInService(books)
        self.moves = MoveService(books)

    async def deliver(self, address: Address, _: datetime | None) -> Delivery:
        """Note who is told."""
        self.told.append(address)
        return Delivery.IN_FORCE

    def replan(self, addresses: Collection[Address]) -> None:
        """Note who is told later."""
        self.replanned |= set(addresses)

    async def live(self) -> list[Booking]:
        """Return all live bookings."""
        found = await self.bookings.between(NOW - 99 * HOUR, NOW + 9999 * HOUR)
        return [booking for booking in found if booking.live]

    async def find(self, name: str) -> Booking:
        """Return a booking as it is kept."""
        booking = await self.database.read(lambda rows: bookings.find(rows, name))
        assert booking is not None
        return booking

    async def noted(self) -> list[str]:
        """Return what stands in the audit log."""
        found = await self.database.read(lambda rows: audit.between(rows, NOW, NOW + 9999 * HOUR))
        return [entry.what for entry in found]


def order(start: timedelta = HOUR, length: timedelta = HOUR, **other: Any) -> Order:  # noqa: ANN401 - fields of an order
    """Return an order for any game PC in an hour."""
    place: dict[str, Any] = {} if "device" in other else {"device": None, "kind": "game"}
    return Order(starts_at=NOW + start, ends_at=NOW + start + length, **(place | other))
