"""Would a print be done in time? As the desk asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.plan import AtEnd
from orchestrator.domain.bookings import Booking, BookingRefused, Purpose
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.opening_hours import LocalSpan, SiteHours
from orchestrator.domain.print_fit import Why
from orchestrator.print_fit_service import PrintFitService
from orchestrator.store import bookings
from orchestrator.store.database import Connection, Database
from orchestrator.web.print_fit import print_fit_view
from tests.orchestrator.fakes import NOW, PRINTER, FakeClock, office

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HELSINKI = ZoneInfo("Europe/Helsinki")
#: Open from 10 to 20 on every day. NOW is 14:00.
WEEK = SiteHours(weekly=((LocalSpan(10 * 3600, 20 * 3600),),) * 7)
OPEN = {PRINTER.address.site: WEEK}
ENDS = Policy(AtEnd.END, grid=1800, shortest=1800, longest=8 * 3600, buffer=600)


class Desk:
    """A service on a real store, of one printer."""

    def __init__(
        self, database: Database, policy: Policy, hours: Mapping[str, SiteHours] = OPEN
    ) -> None:
        device: Device = replace(PRINTER, policy=policy)
        self.database = database
        made = office(database, now=FakeClock().now, devices={device.address: device})
        self.service = PrintFitService(replace(made, hours=hours))

    async def book(
        self, starts_in: timedelta, length: timedelta, purpose: Purpose = Purpose.TURN
    ) -> None:
        """Keep a booking."""
        begins = NOW + starts_in
        name, ends = str(starts_in), begins + length
        booking = Booking(name, PRINTER.address, begins, ends, purpose=purpose)
        await self.database.write(lambda rows: bookings.insert(rows, booking, created=NOW))

    async def ask(self, length: timedelta) -> str:
        """Return what the desk is told."""
        return print_fit_view(await self.service.judge("printer-1", length), HELSINKI).message


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return a store."""
    made = Database.open(tmp_path / "laitevuoro.db")
    yield made
    made.close()


def finished(rows: Connection) -> None:
    """Let three prints have taken half as long again as estimated."""
    rows.executemany(
        "INSERT INTO prints VALUES ('paja', 'printer-1', ?, ?, 1000, 1500)",
        [(str(number), ms_from_utc(NOW)) for number in range(3)],
    )


async def test_a_print_is_held_against_the_running_turn(database: Database) -> None:
    """The sentence names when it is done, by when it must be, and where it would fit."""
    desk = Desk(database, ENDS)
    await desk.book(-HOUR, 2.5 * HOUR)
    assert await desk.ask(1 * HOUR) == (
        "It fits: done at about 2026-11-25 15:06, before the turn ends (15:30)."
    )
    assert await desk.ask(2 * HOUR) == (
        "It does not fit: done at about 2026-11-25 16:12, after the turn ends (15:30)."
        " It would fit in a turn of 132 min at 2026-11-25 16:00."
    )


async def test_what_prints_took_on_the_device_is_taken_into_account(database: Database) -> None:
    """Two hours by the slicer are three here."""
    desk = Desk(database, ENDS)
    await desk.book(-HOUR, 3.5 * HOUR)
    await database.write(finished)
    found = await desk.service.judge("paja/printer-1", 2 * HOUR)
    assert (found.ratio_percent, found.needs) == (150, 3 * HOUR)
    assert found.now is not None
    assert not found.now.fits


async def test_without_a_turn_only_the_next_one_is_told(database: Database) -> None:
    """Nobody may begin a print now; tomorrow there is a day's room."""
    desk = Desk(database, ENDS)
    await desk.book(HOUR, 5 * HOUR)
    assert await desk.ask(5 * HOUR) == (
        "No turn runs now. It would fit in a turn of 330 min at 2026-11-26 10:00."
    )
    assert await desk.ask(9 * HOUR) == "No turn runs now. No free turn is long enough for it."


async def test_a_print_without_a_booking_has_a_walk_ins_length(database: Database) -> None:
    """Or less, up to the next booking and closing."""
    desk = Desk(database, replace(ENDS, walk_in=2 * 3600))
    found = await desk.service.judge("printer-1", HOUR)
    assert found.now is not None
    assert (found.now.limit.at, found.now.limit.why) == (NOW + 2 * HOUR, Why.TURN)
    await desk.book(1.5 * HOUR, HOUR)
    found = await desk.service.judge("printer-1", 1.5 * HOUR)
    assert found.now is not None
    assert (found.now.limit.at, found.now.limit.why) == (NOW + 80 * MINUTE, Why.BOOKING)


async def test_nobody_begins_a_print_on_a_device_that_is_blocked(database: Database) -> None:
    """Whatever a walk-in may: the first turn after it is told."""
    desk = Desk(database, replace(ENDS, walk_in=2 * 3600))
    await desk.book(-HOUR, 2 * HOUR, purpose=Purpose.BLOCK)
    assert await desk.ask(HOUR) == (
        "No turn runs now. It would fit in a turn of 66 min at 2026-11-25 15:30."
    )


async def test_a_print_that_may_run_on_has_until_closing(database: Database) -> None:
    """And then none is free today."""
    desk = Desk(database, replace(ENDS, at_end=AtEnd.FINISH_JOB))
    await desk.book(-HOUR, 2 * HOUR)
    assert await desk.ask(5 * HOUR) == (
        "It fits: done at about 2026-11-25 19:30, before the library closes (20:00)."
    )


async def test_a_library_without_hours_never_closes(database: Database) -> None:
    """Then nothing limits a print that may run on."""
    policy = replace(ENDS, at_end=AtEnd.FINISH_JOB)
    desk = Desk(database, policy, hours={})
    await desk.book(-HOUR, 2 * HOUR)
    assert await desk.ask(5 * HOUR) == "It fits: done at about 2026-11-25 19:30."


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=8)])
async def test_a_length_that_can_not_be_is_refused(database: Database, length: timedelta) -> None:
    """In one sentence."""
    with pytest.raises(BookingRefused, match="at most 7 days"):
        await Desk(database, ENDS).service.judge("printer-1", length)
