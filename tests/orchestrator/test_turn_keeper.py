"""Keeping turns to their times."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agents.devices.phrases import PHRASES
from mqtt_schemas.base import Basis
from mqtt_schemas.events import CheckedIn, ExtensionRequested, Started
from mqtt_schemas.topics import Address
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.devices import CheckInBy, Device, Per, Quota
from orchestrator.domain.extension import Denied
from orchestrator.store import audit, bookings, queue, quotas, staff_words
from orchestrator.store.database import Connection, Database
from orchestrator.store.turns_seen import TurnsLedger
from orchestrator.turn_changes import TurnChanges, show_notice
from orchestrator.turn_keeper import LONGEST_SLEEP, STORE_AGAIN_AFTER, TurnKeeper
from tests.orchestrator.fakes import NOW, PC, FakeClock, office

HOUR = timedelta(hours=1)
KEPT: Device = replace(
    PC,
    policy=replace(
        PC.policy,
        check_in_within=900,
        extension=900,
        extension_in_last=0,
        quotas=(Quota(1, Per.DAY),),
    ),
)
ADDRESS = KEPT.address
BOOKED = Booking("b1", ADDRESS, NOW + HOUR, NOW + 2 * HOUR, check_in=CheckInBy.CODE)
State = BookingState


class Keeper:
    """A keeper over a real store, with a clock of the test's and what it told others."""

    def __init__(self, database: Database, *, waiting: int = 0) -> None:
        self.clock = FakeClock()
        self.database = database
        self.told: datetime | None = None
        self.replanned: list[Address] = []
        self.denied: list[tuple[str, Denied]] = []
        self.freed: list[Booking] = []
        self.changed = asyncio.Event()
        self.office = office(database, now=self.clock.now, devices={ADDRESS: KEPT})
        books = Bookkeeping(self.office, lambda _, __, ___: waiting)
        self.keeper = TurnKeeper(
            changes=TurnChanges(books, self.deny),
            office=self.office,
            told_until=lambda _: self.told,
            replan=self.replan,
        )
        self.keeper.on_freed.append(self.freed.extend)

    def deny(self, rows: Connection, booking: Booking, why: Denied, now: datetime) -> None:
        """Note who got no more time."""
        self.denied.append((booking.id, why))
        show_notice(rows, booking, why, now)

    def replan(self, addresses: Collection[Address]) -> None:
        """Note whose plan changes."""
        self.replanned += addresses
        self.changed.set()

    async def book(self, booking: Booking) -> None:
        """Keep a booking, and tell the keeper."""
        await self.database.write(lambda rows: bookings.insert(rows, booking, created=NOW))
        self.keeper.look_at([ADDRESS])

    async def tell(self, event: CheckedIn | Started | ExtensionRequested) -> None:
        """Let the device tell of a turn."""

        def take(rows: Connection) -> None:
            ledger = TurnsLedger(rows)
            ledger.take(ADDRESS, event)
            ledger.write()

        await self.database.write(take)
        self.keeper.look_at([ADDRESS])

    async def state(self, name: str = "b1") -> BookingState:
        """Return where a booking stands in the store."""
        booking = await self.database.read(lambda rows: bookings.find(rows, name))
        assert booking is not None
        return booking.state

    async def entries(self) -> list[tuple[datetime, str, str]]:
        """Return what was noted: when, by whom, what."""
        found = await self.database.read(lambda rows: audit.between(rows, NOW, NOW + 99 * HOUR))
        return [(entry.at, entry.role, entry.what) for entry in found]

    def body(self, **more: object) -> dict[str, object]:
        """Return what every event has, now."""
        boot_ms = round((self.clock.wall - NOW).total_seconds() * 1000)
        return {
            "turn": "b1",
            "rule": "pc/1",
            "wall": self.clock.wall,
            "offset_ms": 0,
            "boot_id": "00000000-0000-4000-8000-000000000000",
            "boot_ms": boot_ms,
            **more,
        }


@pytest.fixture
def keeper(database: Database) -> Keeper:
    """Return a keeper of one device with nothing booked."""
    return Keeper(database)


async def test_who_does_not_come_is_released_at_the_deadline(keeper: Keeper) -> None:
    """The plan changes, the queue hears of it, and the log tells when it was due."""
    await keeper.book(BOOKED)
    assert await keeper.keeper.step() == LONGEST_SLEEP
    keeper.clock.pass_by(3600 + 870)
    assert await keeper.keeper.step() == 30
    keeper.clock.pass_by(30)
    keeper.told = keeper.clock.now()
    await keeper.keeper.step()
    assert await keeper.state() is State.NO_SHOW
    assert keeper.replanned == [ADDRESS]
    assert [booking.id for booking in keeper.freed] == ["b1"]
    assert await keeper.entries() == [(NOW + 1.25 * HOUR, "system", "no_show_released")]


async def test_a_device_that_is_away_decides_nothing_until_it_has_told(keeper: Keeper) -> None:
    """Its next status wakes the keeper; others' statuses cost nothing."""
    await keeper.book(BOOKED)
    keeper.clock.pass_by(2 * 3600 - 60)
    await keeper.keeper.step()
    assert await keeper.state() is State.BOOKED
    keeper.keeper.on_status(ADDRESS)
    keeper.told = keeper.clock.now()
    await keeper.keeper.step()
    assert await keeper.state() is State.NO_SHOW


async def test_who_checked_in_meanwhile_keeps_the_turn(keeper: Keeper) -> None:
    """Whenever the event comes; the turn is used when it is over."""
    await keeper.book(BOOKED)
    keeper.clock.pass_by(3600 + 300)
    event = CheckedIn.model_validate(keeper.body())
    keeper.clock.pass_by(900)
    await keeper.keeper.step()
    await keeper.tell(event)
    await keeper.keeper.step()
    assert await keeper.state() is State.CHECKED_IN
    assert await keeper.entries() == [(NOW + timedelta(minutes=65), "device", "checked_in")]
    keeper.clock.pass_by(3600)
    await keeper.keeper.step()
    assert await keeper.state() is State.USED
    assert keeper.freed == []


async def test_a_released_turn_is_given_back_if_its_time_is_still_free(keeper: Keeper) -> None:
    """Else what happened is only seen: no two bookings overlap."""
    gone = replace(BOOKED, state=State.NO_SHOW)
    await keeper.book(gone)
    await keeper.book(replace(gone, id="b2", starts_at=NOW + 3 * HOUR, ends_at=NOW + 4 * HOUR))
    await keeper.book(replace(BOOKED, id="b3", starts_at=NOW + 3.5 * HOUR, ends_at=NOW + 5 * HOUR))
    keeper.clock.pass_by(3600)
    for turn in ("b1", "b2"):
        await keeper.tell(
            Started.model_validate(keeper.body(session=f"s{turn}", basis=Basis.TURN, turn=turn))
        )
    await keeper.keeper.step()
    assert await keeper.state("b1") is State.CHECKED_IN
    assert await keeper.state("b2") is State.NO_SHOW


async def test_of_two_released_turns_that_overlap_only_one_is_given_back(keeper: Keeper) -> None:
    """Though both customers turn out to have come: what was heard is heard at once."""
    gone = replace(BOOKED, state=State.NO_SHOW)
    await keeper.book(gone)
    await keeper.book(replace(gone, id="b2", starts_at=NOW + 1.5 * HOUR))
    keeper.clock.pass_by(3600 + 1800)
    for turn in ("b1", "b2"):
        await keeper.tell(CheckedIn.model_validate(keeper.body(turn=turn)))
    await keeper.keeper.step()
    states = [await keeper.state("b1"), await keeper.state("b2")]
    assert sorted(states) == [State.CHECKED_IN, State.NO_SHOW]


async def test_an_offer_lapses_when_its_time_is_up(keeper: Keeper) -> None:
    """And the device has told what it saw; the queue hears of it, to offer it to the next."""
    held = NOW + timedelta(minutes=10)
    await keeper.book(replace(BOOKED, state=State.OFFERED, hold_until=held))
    keeper.clock.pass_by(599)
    assert await keeper.keeper.step() == 1
    keeper.clock.pass_by(1)
    await keeper.keeper.step()
    assert await keeper.state() is State.OFFERED
    keeper.told = keeper.clock.now()
    keeper.keeper.on_status(ADDRESS)
    await keeper.keeper.step()
    assert await keeper.state() is State.RELEASED
    assert [booking.state for booking in keeper.freed] == [State.RELEASED]
    assert await keeper.entries() == [(held, "system", "offer_lapsed")]


async def wish(keeper: Keeper, seconds: int = 900) -> None:
    """Let the customer ask for more time half an hour into their turn."""
    await keeper.book(replace(BOOKED, state=State.CHECKED_IN))
    keeper.clock.pass_by(3600 + 1800)
    await keeper.tell(ExtensionRequested.model_validate(keeper.body(seconds=seconds)))


async def end(keeper: Keeper) -> datetime:
    """Return when the turn ends now."""
    booking = await keeper.database.read(lambda rows: bookings.find(rows, "b1"))
    assert booking is not None
    return booking.ends_at


async def test_who_asks_for_more_time_gets_it_once(keeper: Keeper) -> None:
    """Told again, or pressed twice, it is no second wish."""
    await wish(keeper)
    again = ExtensionRequested.model_validate(keeper.body(seconds=900, boot_ms=1))
    await keeper.tell(again)
    await keeper.keeper.step()
    assert await end(keeper) == NOW + 2.25 * HOUR
    assert keeper.replanned == [ADDRESS]
    await keeper.tell(again)
    await keeper.keeper.step()
    assert await end(keeper) == NOW + 2.25 * HOUR
    assert [what for _, _, what in await keeper.entries()] == ["extended"]
    assert keeper.denied == []


async def test_who_can_not_have_more_time_is_told_why_once(database: Database) -> None:
    """While others wait, for one."""
    keeper = Keeper(database, waiting=1)
    await wish(keeper)
    await keeper.keeper.step()
    await keeper.keeper.step()
    assert await end(keeper) == NOW + 2 * HOUR
    assert keeper.denied == [("b1", Denied.QUEUE)]
    assert keeper.replanned == [ADDRESS]
    words = await database.read(lambda rows: staff_words.of_device(rows, ADDRESS))
    [notice] = words.notices
    assert notice.phrase in PHRASES
    assert notice.until == keeper.clock.now() + timedelta(minutes=2)


async def test_a_wish_that_comes_late_is_not_answered(keeper: Keeper) -> None:
    """The device was away; its customer has long gone on."""
    await wish(keeper)
    keeper.clock.pass_by(301)
    await keeper.keeper.step()
    assert await end(keeper) == NOW + 2 * HOUR
    assert keeper.denied == []


async def test_keys_of_quotas_go_when_their_week_has_ended(keeper: Keeper) -> None:
    """With all marks that were made with them: Wednesday's on Monday."""

    def count(rows: Connection) -> int:
        quotas.keep(rows, "mark", "b1", "2026-W48")
        return len(quotas.key_of(rows, "2026-W48", lambda: b"k" * 32))

    def left(rows: Connection) -> list[tuple[int]]:
        return rows.execute(
            "SELECT count(*) FROM quota_keys UNION ALL SELECT count(*) FROM booking_quota"
        ).fetchall()

    await keeper.database.write(count)
    await keeper.keeper.step()
    keeper.clock.wall = datetime.fromisoformat("2026-11-29T23:59:59+02:00")
    await keeper.keeper.step()
    assert await keeper.database.read(left) == [(1,), (1,)]
    keeper.clock.pass_by(1)
    await keeper.keeper.step()
    assert await keeper.database.read(left) == [(0,), (0,)]


async def test_a_store_that_fails_is_tried_again(tmp_path: Path) -> None:
    """What was to be looked at is not forgotten, and the orchestrator goes on."""
    database = Database.open(tmp_path / "closed.db")
    keeper = Keeper(database)
    database.close()
    assert await keeper.keeper.step() == STORE_AGAIN_AFTER
    assert await keeper.keeper.step() == STORE_AGAIN_AFTER


async def test_a_change_wakes_the_keeper(keeper: Keeper) -> None:
    """It does not look in between."""
    running = asyncio.create_task(keeper.keeper.run())
    await keeper.book(replace(BOOKED, state=State.CHECKED_IN, ends_at=NOW + 1.5 * HOUR))
    keeper.clock.pass_by(2 * 3600)
    keeper.keeper.look_at([ADDRESS])
    async with asyncio.timeout(5):
        await keeper.changed.wait()
    running.cancel()
    await asyncio.wait([running])
    assert await keeper.state() is State.USED


async def test_the_queue_is_asked_who_waits(database: Database) -> None:
    """Where nobody gives another way to count."""
    assert Bookkeeping(office(database, now=FakeClock().now)).waiting is queue.waiting
