"""Bookings of other systems, kept as these say."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.calendars import reading
from orchestrator.calendars.model import Parsed, Unreadable
from orchestrator.calendars.reading import Job
from orchestrator.domain.bookings import (
    BookedBy,
    Booking,
    BookingRefused,
    BookingState,
    NotKnown,
    Purpose,
)
from orchestrator.domain.devices import CheckInBy, Device
from orchestrator.import_service import ImportService, Source, source_of_file
from orchestrator.store import audit, bookings
from orchestrator.store.database import Database
from tests.orchestrator.calendars.frames import PERSONAL, calendar, fixture
from tests.orchestrator.fakes import DEVICES, NOW, PC, PRINTER, FakeClock, office

HOUR = timedelta(hours=1)
ONE = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z\nLOCATION:Printer 1"
TWO = "UID:2\nDTSTART:20261126T110000Z\nDTEND:20261126T120000Z\nLOCATION:Printer 1"
SOURCE = Source(name="respa")
VR = Device(Address("paja", "vr-1"), "vr", PC.policy, "VR station")


async def in_this_process(data: bytes, job: Job) -> Parsed:
    """Read a file without the child, which test_reading.py has."""
    return reading.parse(data, job, limited=False)


class World:
    """A service with a real store, and what it had planned anew."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock()
        self.planned: list[Address] = []
        self.devices = {**DEVICES, VR.address: VR}
        self.service = ImportService(
            office(database, now=self.clock.now, devices=self.devices, replan=self.note),
            in_this_process,
        )

    def note(self, addresses: Collection[Address]) -> None:
        """Note which devices are to be planned anew."""
        self.planned += sorted(addresses)

    async def bookings(self) -> list[Booking]:
        """Return all bookings, cancelled ones too."""
        return await self.database.read(
            lambda rows: bookings.between(
                rows, ends_after=NOW - 9 * HOUR, starts_before=NOW + timedelta(days=500)
            )
        )

    async def audit(self) -> list[audit.Entry]:
        """Return what was done."""
        return await self.database.read(
            lambda rows: audit.between(rows, NOW - HOUR, NOW + timedelta(days=99))
        )


@pytest.fixture
def world(database: Database) -> World:
    """Return a service with nothing booked."""
    return World(database)


async def test_entries_become_bookings(world: World) -> None:
    """Of the import, with no check-in code yet, and their devices are planned anew."""
    outcome = await world.service.take(calendar(ONE, TWO), SOURCE)
    assert (outcome.done, outcome.added, outcome.faults) == (True, 2, ())
    assert outcome.say() == "2 bookings added, 0 changed, 0 cancelled; 0 as before."
    made = await world.bookings()
    assert [(each.address, each.by, each.state, each.purpose) for each in made] == [
        (PRINTER.address, BookedBy.IMPORT, BookingState.BOOKED, Purpose.TURN)
    ] * 2
    assert world.planned == [PRINTER.address]
    (entry,) = await world.audit()
    assert (entry.role, entry.what, entry.target) == ("import", "bookings_imported", "respa")
    assert entry.details == {"added": 2, "changed": 0, "removed": 0, "faults": 0}


async def test_an_equal_import_writes_nothing(world: World, tmp_path: Path) -> None:
    """Not a byte, and no device is planned anew."""
    await world.service.take(calendar(ONE, TWO), SOURCE)
    world.planned.clear()
    before = await world.database.write(lambda rows: rows.total_changes)
    outcome = await world.service.take(calendar(TWO, ONE), SOURCE)
    assert await world.database.write(lambda rows: rows.total_changes) == before
    assert (outcome.same, outcome.added, world.planned) == (2, 0, [])


async def test_only_what_changed_is_changed(world: World) -> None:
    """A moved entry keeps its booking, a new one gets one, a missing one's is cancelled."""
    third = "UID:3\nDTSTART:20261127T100000Z\nDURATION:PT1H\nLOCATION:VR station"
    await world.service.take(calendar(ONE, TWO), SOURCE)
    first, second = await world.bookings()
    moved = ONE.replace("Printer 1", "VR station")
    outcome = await world.service.take(calendar(moved, third), SOURCE)
    assert (outcome.added, outcome.changed, outcome.removed) == (1, 1, 1)
    made = {each.id: each for each in await world.bookings()}
    assert made[first.id] == replace(first, address=VR.address)
    assert made[second.id] == replace(second, state=BookingState.CANCELLED)
    assert set(world.planned[1:]) == {PRINTER.address, VR.address}
    # What comes back is a booking of its own.
    outcome = await world.service.take(calendar(moved, third, TWO), SOURCE)
    assert (outcome.added, outcome.same) == (1, 2)


async def test_sources_do_not_touch_each_other(world: World) -> None:
    """What one no longer has, another may still have."""
    await world.service.take(calendar(ONE), SOURCE)
    outcome = await world.service.take(calendar(TWO), Source(name="other"))
    assert (outcome.added, outcome.removed) == (1, 0)
    outcome = await world.service.take(calendar(ONE), Source(name="third"))
    assert [str(fault) for fault in outcome.faults] == ["UID 1: its device is booked otherwise."]


async def test_with_a_fault_nothing_is_changed_unless_asked_for(world: World) -> None:
    """With --partial, the good ones are taken."""
    broken = "UID:9\nDTSTART:20261126T100000Z\nDTEND:20261126T090000Z\nLOCATION:Printer 1"
    outcome = await world.service.take(calendar(ONE, broken), SOURCE)
    assert (outcome.done, outcome.added) == (False, 1)
    assert outcome.say() == "Nothing was changed: 1 entry can't be taken."
    assert await world.bookings() == []
    assert await world.audit() == []
    outcome = await world.service.take(calendar(ONE, broken), SOURCE, partial=True)
    assert (outcome.done, outcome.added) == (True, 1)
    assert [str(fault) for fault in outcome.faults] == ["UID 9: it ends before it starts."]
    assert len(await world.bookings()) == 1


async def test_a_booking_of_an_entry_that_broke_stays(world: World) -> None:
    """With --partial too: nobody cancelled it."""
    await world.service.take(calendar(ONE, TWO), SOURCE)
    broken = ONE.replace("T110000Z", "T090000Z")
    outcome = await world.service.take(calendar(broken), SOURCE, partial=True)
    assert (outcome.removed, len(outcome.faults)) == (1, 1)
    states = [each.state for each in await world.bookings()]
    assert states == [BookingState.BOOKED, BookingState.CANCELLED]


async def test_a_dry_run_changes_nothing(world: World) -> None:
    """And says what would be done."""
    outcome = await world.service.take(calendar(ONE, TWO), SOURCE, dry_run=True)
    assert (outcome.done, outcome.added) == (False, 2)
    said = outcome.say(dry_run=True)
    assert said == "2 bookings would be added, 0 changed, 0 cancelled; 0 as before."
    assert await world.bookings() == []


async def test_a_table_is_imported_for_one_device(world: World) -> None:
    """Whatever its lines name."""
    table = b"laite;alku;loppu\nx;2026-11-26 10:00;2026-11-26 11:00\n"
    await world.service.take(table, Source(name="csv", device="vr-1"))
    assert [each.address for each in await world.bookings()] == [VR.address]


async def test_places_are_mapped(world: World) -> None:
    """Names there to devices here; a name that two sites use means neither."""
    entry = ONE.replace("Printer 1", "Huone 7")
    places = {"huone 7": "printer-1"}
    outcome = await world.service.take(calendar(entry), replace(SOURCE, places=places))
    assert outcome.added == 1
    entry = TWO.replace("Printer 1", "pc-1")
    outcome = await world.service.take(calendar(entry), SOURCE, dry_run=True)
    assert len(outcome.faults) == 1
    outcome = await world.service.take(calendar(entry), replace(SOURCE, site="sivu"), dry_run=True)
    assert (outcome.added, outcome.faults) == (1, ())
    for wrong in (replace(SOURCE, device="x9"), replace(SOURCE, places={"a": "x9"})):
        with pytest.raises(NotKnown, match="There is no device 'x9'"):
            await world.service.take(calendar(entry), wrong)


async def test_an_unreadable_file_is_refused(world: World) -> None:
    """In its own sentence."""
    with pytest.raises(BookingRefused, match="This is no table of bookings"):
        await world.service.take(b"<html>", SOURCE)


async def test_policy_of_lengths_does_not_apply(world: World) -> None:
    """The other system has decided on it; the group is assumed, and check-in is as here."""
    policy = replace(
        VR.policy, longest=60, notice=9, assumed_group="nuoret", check_in=CheckInBy.CODE
    )
    world.devices[VR.address] = replace(VR, policy=policy)
    long = ONE.replace("Printer 1", "vr-1").replace("T11", "T23")
    await world.service.take(calendar(long), SOURCE)
    (made,) = await world.bookings()
    assert made.ends_at - made.starts_at == 13 * HOUR
    assert (made.target_group, made.group_assumed) == ("nuoret", True)
    assert (made.check_in, made.code) == (CheckInBy.CODE, None)


@pytest.mark.parametrize("name", ["outlook.ics", "google.ics", "nextcloud.ics", "bookings.csv"])
async def test_nothing_personal_is_stored_logged_or_told(
    world: World,
    name: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in the database's bytes, nor in logs, nor in the answer; not the file's name either."""
    source = Source(name=source_of_file("Example Person's calendar.ics"))
    with caplog.at_level("DEBUG"):
        outcome = await world.service.take(fixture(name), source, partial=True)
    assert outcome.added > 0
    world.database.close()
    kept = b"".join(
        path.read_bytes()
        for path in world.database.path.parent.glob(f"{world.database.path.name}*")
    )
    uids = b"040000008200E0", b"google.com", b"6b0d8f0e-"
    assert [word for word in (*(each.encode() for each in PERSONAL), *uids) if word in kept] == []
    told = "".join([*capfd.readouterr(), caplog.text, repr(outcome), outcome.say()])
    assert [word for word in PERSONAL if word in told] == []


async def test_ten_thousand_bookings_take_bounded_time(world: World) -> None:
    """And the second time nothing."""
    starts = [f"{NOW + n * HOUR / 2:%Y-%m-%dT%H:%M}Z" for n in range(1, 10_002)]
    rows = "".join(
        f"printer-1,{first},{last},{first}\n" for first, last in itertools.pairwise(starts)
    )
    table = f"device,start,end,id\n{rows}".encode()
    outcome = await world.service.take(table, SOURCE)
    assert (outcome.added, outcome.faults) == (10_000, ())
    outcome = await world.service.take(table, SOURCE)
    assert (outcome.same, outcome.faults) == (10_000, ())


async def test_old_entries_are_forgotten(world: World) -> None:
    """A week after their bookings ended, at the next change."""
    await world.service.take(calendar(ONE), SOURCE)
    world.clock.pass_by(9 * 86_400)
    later = TWO.replace("20261126", "20261210")
    await world.service.take(calendar(later), SOURCE)
    with sqlite3.connect(world.database.path) as rows:
        (count,) = rows.execute("SELECT count(*) FROM imported").fetchone()
    rows.close()
    assert count == 1
    assert json.dumps([each.state for each in await world.bookings()]) == '["booked", "booked"]'


async def test_what_takes_too_long_to_read_is_refused(database: Database) -> None:
    """As the reader says it."""

    async def never(_: bytes, __: Job) -> Parsed:
        raise Unreadable("Reading the file takes more than 60 s.")

    service = ImportService(office(database, now=FakeClock().now), never)
    with pytest.raises(BookingRefused, match=r"more than 60 s\."):
        await service.take(b"", SOURCE)
