"""Attended turns from the desk: over a real store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.attended_keeper import AttendedKeeper
from orchestrator.attended_service import AttendedService, Start
from orchestrator.attended_view import attended_now
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.boot_clock import Boot
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import BookingRefused, BookingState, NoRoom
from orchestrator.domain.check_in import Answers
from orchestrator.domain.devices import ATTENDED, Device, Policy
from orchestrator.domain.sessions import Session
from orchestrator.domain.staff_words import StaffWords
from orchestrator.domain.usage import DeviceUsage, GroupUsage, by_device
from orchestrator.move_service import MoveService
from orchestrator.store import attended, bookings, rebuild, sessions, silences, staff_words, totals
from orchestrator.store.database import Connection, Database
from orchestrator.store.intake import Taken
from tests.orchestrator.fakes import NOW, PC, FakeClock, office

MINUTE = timedelta(minutes=1)
POLICY = Policy(AtEnd.LOCK, grace=120, buffer=300, longest=3600, walk_in=1800, party=4)
CONSOLE = Device(Address("paja", "konsoli"), ATTENDED, POLICY, "Konsoli")
GLASSES = Device(Address("paja", "lasit"), ATTENDED, replace(POLICY, minimum_age=13), "Lasit")
DEVICES = {each.address: each for each in (CONSOLE, GLASSES, PC)}
BOOT = "00000000-0000-4000-8000-00000000000"


@dataclass
class Corner:
    """A desk with a console and glasses beside it."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    boot: int = 1
    waiting: int = 0
    kept: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the services over one office."""
        self.office = replace(
            office(self.database, now=self.clock.now, devices=DEVICES),
            boot=lambda: Boot(f"{BOOT}{self.boot}", round(self.clock.monotonic * 1000)),
            keep=self.kept.append,
        )
        books = Bookkeeping(self.office, lambda _, __, ___: self.waiting)
        self.service, self.bookings = AttendedService(books), BookingService(books)
        self.moves = MoveService(books)
        self.keeper = AttendedKeeper(self.office)

    async def pass_by(self, minutes: float) -> None:
        """Let time pass, and the keeper do what is due."""
        self.clock.pass_by(minutes * 60)
        self.keeper.look_at(DEVICES)
        await self.keeper.step()

    async def book(self, device: Device = CONSOLE, start: float = 0, length: float = 30) -> str:
        """Book a turn, and return its id."""
        first = self.clock.now() + start * MINUTE
        new = Order(str(device.address), first, first + length * MINUTE, "nuoret", 2)
        return (await self.bookings.add(new)).booking.id

    async def start(self, device: Device = CONSOLE, **other: Any) -> str:  # noqa: ANN401 - fields of Start
        """Begin a turn, and return its id."""
        return (await self.service.start(Start(str(device.address), **other))).booking.id

    async def sessions(self) -> list[Session]:
        """Return all sessions, by their begin."""
        found = await self.database.read(
            lambda rows: [each[1] for each in sessions.everything(rows)]
        )
        return sorted(found, key=lambda each: (each.begun_ms, each.id))

    async def used(self, device: Device = CONSOLE) -> DeviceUsage:
        """Return a device's counted use."""
        counted = await self.database.read(totals.read)
        return by_device(counted, DEVICES)[device.address]

    async def now(self, device: Device = CONSOLE) -> tuple[DeviceState, Phase | None]:
        """Return how a device looks."""
        found = await self.database.read(
            lambda rows: attended_now(rows, [device], self.clock.now())
        )
        view = found[device.address]
        return view.state, view.phase


@pytest.fixture
def corner(database: Database) -> Corner:
    """Return a desk with nothing in hand."""
    return Corner(database)


async def test_a_turn_is_begun_extended_and_ended(corner: Corner) -> None:
    """One session of staff's word, as long as it was, of the group and party that were booked."""
    booking = await corner.book()
    assert await corner.start(booking=booking) == booking
    assert await corner.now() == (DeviceState.IN_USE, Phase.OPEN)
    await corner.pass_by(20)
    change = await corner.service.extend("konsoli", 10 * MINUTE)
    assert (change.booking.ends_at, change.delivery) == (NOW + 40 * MINUTE, Delivery.AT_DESK)
    await corner.pass_by(15)
    ended = (await corner.service.end("konsoli")).booking
    assert (ended.state, ended.ends_at) == (BookingState.USED, NOW + 35 * MINUTE)
    [session] = await corner.sessions()
    assert (session.rule, session.turn, session.active_ms) == ("attended/1", booking, 35 * 60_000)
    assert (session.target_group, session.party_size) == ("nuoret", 2)
    assert session.outcome is Outcome.CUSTOMER
    used = await corner.used()
    assert (used.sessions, used.staff.sessions, used.staff.active_ms) == (1, 1, 35 * 60_000)
    assert await corner.now() == (DeviceState.FREE, None)


async def test_the_plan_ends_what_nobody_ends(corner: Corner) -> None:
    """Overdue in its grace; then over at its planned end, so what came after is not counted."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(31)
    assert await corner.now() == (DeviceState.IN_USE, Phase.GRACE)
    assert (await corner.used()).sessions == 0
    await corner.pass_by(2)
    [session] = await corner.sessions()
    assert (session.outcome, session.at_checkpoint) == (Outcome.TURN_OVER, True)
    assert (session.active_ms, session.overrun_ms) == (30 * 60_000, 0)
    assert await corner.now() == (DeviceState.FREE, None)
    await corner.pass_by(60)
    assert await corner.sessions() == [session]


async def test_staff_may_say_afterwards_when_it_ended(corner: Corner) -> None:
    """Their word replaces the plan's in the figures; but it has to be said."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(120)
    with pytest.raises(BookingRefused, match=r"ended at .* 14:30 by the plan"):
        await corner.service.end("konsoli")
    with pytest.raises(BookingRefused, match="still to come"):
        await corner.service.end("konsoli", ended_at=NOW + 200 * MINUTE)
    with pytest.raises(BookingRefused, match=r"began at .* 14:00"):
        await corner.service.end("konsoli", ended_at=NOW - 20 * MINUTE)
    await corner.service.end("konsoli", ended_at=NOW + 50 * MINUTE)
    [session] = await corner.sessions()
    assert (session.active_ms, session.overrun_ms) == (50 * 60_000, 20 * 60_000)
    assert not session.at_checkpoint
    assert (await corner.used()).sessions == 1
    with pytest.raises(BookingRefused, match="No turn has begun"):
        await corner.service.end("konsoli", ended_at=NOW + 55 * MINUTE)


async def test_a_turn_that_the_plan_ended_can_go_on(corner: Corner) -> None:
    """Extended after its end it is one session still."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(33)
    await corner.service.extend("konsoli", 30 * MINUTE)
    assert await corner.now() == (DeviceState.IN_USE, Phase.OPEN)
    await corner.pass_by(17)
    await corner.service.end("konsoli")
    [session] = await corner.sessions()
    assert (session.active_ms, session.overrun_ms) == (50 * 60_000, 0)


async def test_the_same_request_is_done_once(corner: Corner) -> None:
    """A tablet that lost its connection asks again; an id is not for two things."""
    first = await corner.start(length=20 * MINUTE, request="r1")
    assert await corner.start(length=20 * MINUTE, request="r1") == first
    for _ in range(2):
        longer = await corner.service.extend("konsoli", 10 * MINUTE, request="r2")
        assert longer.booking.ends_at == NOW + 30 * MINUTE
    for _ in range(2):
        await corner.service.end("konsoli", request="r3")
    with pytest.raises(BookingRefused, match="something else"):
        await corner.service.end("konsoli", request="r1")
    assert len(await corner.sessions()) == 1
    assert (await corner.used()).sessions == 1


async def test_the_rules_of_bookings_hold(corner: Corner) -> None:
    """No longer than walk-ins are, with as many people, not beside another turn, not too young."""
    await corner.book(start=20)
    with pytest.raises(NoRoom, match=r"booked from .* 14:20"):
        await corner.start(length=20 * MINUTE)
    with pytest.raises(BookingRefused, match="at most 4 people"):
        await corner.start(length=5 * MINUTE, party_size=5)
    first = await corner.start(length=10 * MINUTE)
    with pytest.raises(NoRoom, match="end it first"):
        await corner.start(length=5 * MINUTE)
    with pytest.raises(NoRoom):
        await corner.service.extend("konsoli", 10 * MINUTE)
    with pytest.raises(BookingRefused, match="Ask first"):
        await corner.start(GLASSES)
    with pytest.raises(BookingRefused, match="is of Konsoli"):
        await corner.start(GLASSES, booking=first)
    await corner.start(GLASSES, answers=Answers(old_enough=True))
    with pytest.raises(BookingRefused, match="has an agent"):
        await corner.start(PC)
    assert len(await corner.sessions()) == 2


async def test_a_booked_turn_begins_in_its_time(corner: Corner) -> None:
    """Not before, not after; and with the group that is declared now."""
    booking = await corner.book(start=10)
    with pytest.raises(BookingRefused, match=r"starts at .* 14:10"):
        await corner.start(booking=booking)
    await corner.pass_by(12)
    with pytest.raises(BookingRefused, match="at most 4 people"):
        await corner.start(booking=booking, party_size=5)
    await corner.start(booking=booking, target_group="lapset", party_size=3)
    [session] = await corner.sessions()
    assert (session.target_group, session.party_size) == ("lapset", 3)
    await corner.pass_by(60)
    with pytest.raises(BookingRefused):
        await corner.start(booking=booking)


async def test_a_released_turn_begins_only_where_it_is_still_free(corner: Corner) -> None:
    """Who comes late takes nothing from whoever booked, or waits, meanwhile."""
    late = await corner.book()
    await corner.database.write(partial(_release, late))
    await corner.pass_by(10)
    meanwhile = await corner.book(start=10)
    with pytest.raises(NoRoom, match=r"booked from .* 14:20"):
        await corner.start(booking=late)
    await corner.bookings.cancel(meanwhile)
    corner.waiting = 1
    with pytest.raises(NoRoom, match="Others wait in the queue"):
        await corner.start(booking=late)
    assert await corner.start(booking=late, although_waiting=True) == late


def _release(booking: str, rows: Connection) -> None:
    found = bookings.find(rows, booking)
    assert found is not None
    bookings.change(rows, replace(found, state=BookingState.NO_SHOW))


async def test_out_of_service_nothing_begins(corner: Corner) -> None:
    """Neither a booked turn nor another."""
    booking = await corner.book()
    words = StaffWords("fault")
    await corner.database.write(lambda rows: staff_words.keep(rows, CONSOLE.address, words))
    for whose in (None, booking):
        with pytest.raises(NoRoom, match="Konsoli is out of service"):
            await corner.start(booking=whose)


async def test_a_cancelled_or_moved_turn_ends(corner: Corner) -> None:
    """What was used until then is counted; at the new device staff begins it anew."""
    booking = await corner.book()
    await corner.start(booking=booking)
    await corner.pass_by(10)
    await corner.bookings.cancel(booking)
    await corner.pass_by(0)
    [session] = await corner.sessions()
    assert (session.active_ms, session.outcome) == (10 * 60_000, Outcome.STAFF)
    await corner.pass_by(10)
    second = await corner.start()
    await corner.pass_by(10)
    moved = (await corner.moves.move(second, device="lasit")).change.booking
    await corner.pass_by(3)
    await corner.start(GLASSES, booking=moved.id)
    [_, other, third] = await corner.sessions()
    assert (other.active_ms, other.outcome) == (10 * 60_000, Outcome.TURN_OVER)
    assert third.turn == moved.id


async def test_what_is_cancelled_while_nobody_looks_counts_to_its_planned_end(
    corner: Corner,
) -> None:
    """As where the orchestrator rested: nobody knows better, and no more was planned."""
    booking = await corner.book()
    await corner.start(booking=booking)
    await corner.pass_by(10)
    await corner.bookings.cancel(booking)
    await corner.pass_by(50)
    [session] = await corner.sessions()
    assert (session.active_ms, session.overrun_ms) == (30 * 60_000, 0)


async def test_a_new_start_of_orchestrator_or_machine_loses_no_turn(corner: Corner) -> None:
    """It goes on; or where its end has passed meanwhile, it was over then, marked."""
    await corner.start(booking=await corner.book())
    corner.clock.pass_by(10 * 60)
    corner.boot, corner.clock.monotonic = 2, 5.0
    anew = replace(corner)
    assert await anew.now() == (DeviceState.IN_USE, Phase.OPEN)
    anew.clock.pass_by(40 * 60)
    await anew.keeper.step()
    [session] = await anew.sessions()
    assert (session.active_ms, session.at_checkpoint) == (30 * 60_000, True)


async def test_a_stepped_wall_clock_alters_no_length(corner: Corner) -> None:
    """Boot time tells how long it was."""
    await corner.start(booking=await corner.book(length=60))
    await corner.pass_by(20)
    corner.clock.wall += 7 * MINUTE
    await corner.service.end("konsoli")
    assert [each.active_ms for each in await corner.sessions()] == [20 * 60_000]


async def test_the_log_tells_it_all_again(corner: Corner) -> None:
    """Sessions and totals made anew from the events are what they were; silence closes none."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(40)
    await corner.service.end("konsoli", ended_at=NOW + 35 * MINUTE)
    await corner.start(length=10 * MINUTE)
    before = await corner.sessions(), await corner.used()
    zone = corner.office.zone
    rebuilt = await corner.database.write(lambda rows: rebuild.rebuild(rows, zone))
    assert (rebuilt.changed, rebuilt.set_aside) == (0, 0)
    assert (await corner.sessions(), await corner.used()) == before
    assert await corner.database.read(silences.still_open) == []


async def test_the_running_orchestrator_hears_of_each_event(corner: Corner) -> None:
    """So that its metrics are those of the newest commit."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(33)
    accepted = [sum(each.counts.values()) for each in corner.kept]
    assert accepted == [2, 1]
    assert sum(each.sessions for taken in corner.kept for each in taken.totals.values()) == 1


async def test_the_keeper_sleeps_until_the_next_end(corner: Corner) -> None:
    """Up to a minute at most, since nobody tells of a stepped clock."""
    await corner.start(booking=await corner.book())
    await corner.pass_by(29.5)
    assert await corner.keeper.step() == 30
    await corner.pass_by(31 - 29.5)
    assert await corner.keeper.step() == 60
    assert (await corner.database.read(attended.all_in_hand)).keys() == {CONSOLE.address}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_asked_sessions_do_not_overlap(corner: Corner, seed: int) -> None:
    """Nor does time that nobody had count, nor is one counted twice; the log tells it all again."""
    random = Random(seed)  # noqa: S311 - a course of events that can be repeated
    for step in range(120):
        await corner.pass_by(random.choice((0, 1, 4, 13, 37)))
        with suppress(BookingRefused):
            await _anything(corner, random, step)
    await corner.pass_by(24 * 60)
    found = await corner.sessions()
    assert len(found) > 10
    for before, after in pairwise(found):
        assert before.begun_ms + before.active_ms <= after.begun_ms
    assert all(each.ended_ms is not None for each in found)
    used = await corner.used()
    assert used.staff == GroupUsage(len(found), sum(each.active_ms for each in found))
    assert used.sessions == len(found)
    zone = corner.office.zone
    rebuilt = await corner.database.write(lambda rows: rebuild.rebuild(rows, zone))
    assert (rebuilt.changed, await corner.used()) == (0, used)


async def _anything(corner: Corner, random: Random, step: int) -> None:
    now, minutes = corner.clock.now(), random.choice((5, 10, 25, 40)) * MINUTE
    match random.randrange(7):
        case 0:
            await corner.start(booking=await corner.book(length=random.choice((5, 30, 60))))
        case 1:
            await corner.start(length=minutes, request=f"s{step // 5}")
        case 2:
            await corner.service.extend("konsoli", minutes, request=f"e{step // 5}")
        case 3:
            await corner.service.end("konsoli")
        case 4:
            await corner.service.end("konsoli", ended_at=now - minutes)
        case 5:
            held = (await corner.database.read(attended.all_in_hand)).get(CONSOLE.address)
            if held is not None:
                await corner.bookings.cancel(held.turn)
        case _:
            corner.boot += random.random() < 0.3
