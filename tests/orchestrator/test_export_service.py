"""Bookings for other systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.export_service import ExportService
from orchestrator.store import bookings
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW, PC, PRINTER, FakeClock, office

HOUR = timedelta(hours=1)
TURN = Booking("b1", PRINTER.address, NOW + HOUR, NOW + 2 * HOUR)


async def kept(database: Database, *made: Booking) -> None:
    """Keep bookings."""
    for booking in made:
        await database.write(lambda rows, b=booking: bookings.insert(rows, b, created=NOW))  # type: ignore[misc] # the loop's own


async def test_what_is_live_in_a_span_is_told(database: Database) -> None:
    """Of all devices, or of one."""
    service = ExportService(office(database, now=FakeClock().now))
    await kept(
        database,
        TURN,
        replace(TURN, id="b2", address=PC.address),
        replace(TURN, id="b3", state=BookingState.CANCELLED),
    )
    assert (await service.between(NOW, NOW + 3 * HOUR)).bookings == 2
    assert (await service.between(NOW, NOW + 3 * HOUR, device="printer-1")).bookings == 1
    assert (await service.between(NOW, NOW + HOUR)).bookings == 0


async def test_a_feed_has_the_same_tag_while_its_bookings_are_the_same(database: Database) -> None:
    """All day long; another one once they are not."""
    clock = FakeClock()
    service = ExportService(office(database, now=clock.now))
    await kept(database, TURN)
    first = await service.feed(PRINTER.address)
    clock.pass_by(9 * 3600)
    second = await service.feed(PRINTER.address)
    assert first is not None
    assert second is not None
    assert (first.tag, first.bookings) == (second.tag, 1)
    await kept(database, replace(TURN, id="b2", starts_at=NOW + 30 * HOUR, ends_at=NOW + 31 * HOUR))
    third = await service.feed(PRINTER.address)
    assert third is not None
    assert third.tag != first.tag
    assert await service.feed(Address("paja", "none")) is None
