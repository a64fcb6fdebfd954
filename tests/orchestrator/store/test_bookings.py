"""Bookings as rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.store import bookings
from orchestrator.store.database import Database

NOW = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
PC, VR = Address("paja", "pc-1"), Address("paja", "vr-1")
HOUR = timedelta(hours=1)
FIRST = Booking("b1", PC, NOW, NOW + HOUR, "nuoret", 2)
SECOND = Booking("b2", PC, NOW + HOUR, NOW + 2 * HOUR)
ELSEWHERE = Booking("b3", VR, NOW, NOW + HOUR, "lapset")


async def test_bookings_come_back_as_they_were_kept(tmp_path: Path) -> None:
    """To the millisecond, in UTC, with group and party or without."""
    database = Database.open(tmp_path / "store.db")
    try:
        for booking in (SECOND, FIRST, ELSEWHERE):
            await database.write(partial(bookings.insert, booking=booking, created=NOW))
        assert await database.read(lambda rows: bookings.find(rows, "b1")) == FIRST
        assert await database.read(lambda rows: bookings.find(rows, "b9")) is None
        found = await database.read(lambda rows: bookings.of_device(rows, PC, ends_after=NOW))
        assert found == [FIRST, SECOND]
        later = await database.read(
            lambda rows: bookings.of_device(rows, PC, ends_after=NOW + HOUR)
        )
        assert later == [SECOND]
    finally:
        database.close()


async def test_a_cancelled_booking_is_listed_but_not_planned(tmp_path: Path) -> None:
    """It stays for the record."""
    database = Database.open(tmp_path / "store.db")
    try:
        await database.write(lambda rows: bookings.insert(rows, FIRST, created=NOW))
        gone = replace(FIRST, state=BookingState.CANCELLED, ends_at=NOW + HOUR / 2)
        await database.write(lambda rows: bookings.change(rows, gone))
        assert not await database.read(lambda rows: bookings.of_device(rows, PC, ends_after=NOW))
        listed = await database.read(
            lambda rows: bookings.between(rows, ends_after=NOW, starts_before=NOW + HOUR)
        )
        assert listed == [gone]
    finally:
        database.close()
