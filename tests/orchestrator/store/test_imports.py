"""Which bookings were imported from where."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.calendars.changes import Known
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.store import bookings, imports
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW, PRINTER

HOUR = timedelta(hours=1)
FIRST = Booking("b1", PRINTER.address, NOW, NOW + HOUR)
SECOND = Booking("b2", PRINTER.address, NOW + HOUR, NOW + 2 * HOUR)


async def test_entries_are_found_again_by_their_source(database: Database) -> None:
    """With their bookings as these are now, cancelled ones too."""

    def keep(rows: sqlite3.Connection) -> list[list[Known]]:
        for booking, source in ((FIRST, "a"), (SECOND, "b")):
            bookings.insert(rows, booking, created=NOW)
            imports.keep(rows, source, "u", series="s", digest="d", booking=booking.id)
        bookings.change(rows, replace(FIRST, state=BookingState.CANCELLED))
        imports.keep(rows, "b", "u", series="s", digest="later", booking="b2")
        return [imports.known(rows, source) for source in ("a", "b", "c")]

    assert await database.write(keep) == [
        [Known("u", "s", "d", replace(FIRST, state=BookingState.CANCELLED))],
        [Known("u", "s", "later", SECOND)],
        [],
    ]


async def test_entries_are_forgotten_one_by_one_or_by_age(database: Database) -> None:
    """Their bookings stay."""

    def forget(rows: sqlite3.Connection) -> list[list[str]]:
        left = []
        for booking in (FIRST, SECOND):
            bookings.insert(rows, booking, created=NOW)
            imports.keep(rows, "a", booking.id, series="s", digest="d", booking=booking.id)
        imports.forget_old(rows, "a", SECOND.ends_at)
        left.append([each.uid for each in imports.known(rows, "a")])
        imports.forget(rows, "a", "b2")
        left.append([each.uid for each in imports.known(rows, "a")])
        assert bookings.find(rows, "b1") == FIRST
        return left

    assert await database.write(forget) == [["b2"], []]


async def test_an_entry_is_always_of_a_booking(database: Database) -> None:
    """The database refuses others."""
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(
            lambda rows: imports.keep(rows, "a", "u", series="s", digest="d", booking="none")
        )


async def test_the_last_good_reading_of_each_source_is_known(database: Database) -> None:
    """To the millisecond, the newest."""
    for at in (NOW, NOW + HOUR):
        await database.write(lambda rows, at=at: imports.set_last_good(rows, "a", at))  # type: ignore[misc] # the loop's own
    assert await database.read(imports.last_good) == {"a": NOW + HOUR}
