"""The real services, planning, dispatch and agents' rules over a real store, in virtual time.

Whatever becomes of bookings and plans is recorded as plain data for the checker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import ceil
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.codec import decode
from mqtt_schemas.plan import Plan, Turn, Window
from mqtt_schemas.topics import Address
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.circumstances import Circumstances
from orchestrator.deadlines import Deadlines
from orchestrator.delivery import Delivery
from orchestrator.dispatch import Dispatch
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.next_turn import Condition
from orchestrator.domain.opening_hours import DayHours, LocalSpan, Source
from orchestrator.event_service import EventService
from orchestrator.office import Office
from orchestrator.public_holidays import is_holiday
from orchestrator.queue_keeper import QueueKeeper, waited_for
from orchestrator.queue_service import QueueService
from orchestrator.services import Services, services
from orchestrator.store import bookings
from orchestrator.store import hours as stored_hours
from orchestrator.store.database import Connection, Database
from orchestrator.store.intake import Batch, take_in
from orchestrator.turn_changes import TurnChanges
from orchestrator.turn_keeper import TurnKeeper
from orchestrator.twins import Twins
from tests.year import site
from tests.year.machine import Machine
from tests.year.record import (
    Hours,
    Issued,
    PlannedTurn,
    PlannedWindow,
    Record,
    Version,
    Wait,
)

ZONE = ZoneInfo("Europe/Helsinki")
Action = Callable[[], Awaitable[None]]

_WATCH = (
    "CREATE TABLE year_changes (n INTEGER PRIMARY KEY, id TEXT NOT NULL)",
    """CREATE TRIGGER year_new AFTER INSERT ON bookings
        BEGIN INSERT INTO year_changes (id) VALUES (NEW.id); END""",
    """CREATE TRIGGER year_changed AFTER UPDATE ON bookings
        BEGIN INSERT INTO year_changes (id) VALUES (NEW.id); END""",
)


class World:
    """The library's computer and devices, and the record of what they do."""

    def __init__(self, folder: Path, *, first: date, days: int, seed: int) -> None:
        starts = datetime(first.year, first.month, first.day, tzinfo=ZONE).astimezone(UTC)
        last = first + timedelta(days=days)
        self.random = Random(seed)  # noqa: S311 - no secret
        self.now_ms = ms_from_utc(starts)
        self.cards: dict[str, str] = {}
        self.moved: set[str] = set()
        #: The cards of those who got a number, by day, kind and number.
        self.tickets: dict[tuple[str, str, int], str] = {}
        self.record = Record(
            zone=str(ZONE),
            starts=self.now_ms,
            ends=ms_from_utc(datetime(last.year, last.month, last.day, tzinfo=ZONE)),
            devices={
                address.device: site.rules_of(device) for address, device in site.DEVICES.items()
            },
            hours=site.hours(first - timedelta(days=2), last + timedelta(days=20)),
            public_holidays=site.public_holidays(first, last + timedelta(days=20)),
        )
        self.machines = {
            address: Machine(address, number, self.now_ms)
            for number, address in enumerate(sorted(site.DEVICES), start=1)
        }
        self.database = Database.open(folder / "year.db")
        twins = Twins(site.DEVICES)
        self.dispatch = Dispatch(
            database=self.database,
            devices=site.DEVICES,
            twins=twins,
            publish=self._publish,
            issuer="year",
            now=self.now,
            monotonic=lambda: self.now_ms / 1000,
            circumstances=Circumstances(configured={}, zone=ZONE, is_holiday=is_holiday),
        )
        office = self._office()
        self.services: Services = services(office)
        self.keeper = TurnKeeper(
            changes=TurnChanges(Bookkeeping(office)),
            office=office,
            told_until=self._told_until,
            replan=self._changed,
        )
        self.queue = QueueService(Bookkeeping(office))
        self.queue_keeper = QueueKeeper(
            service=self.queue,
            now=self.now,
            waited_for=partial(waited_for, office),
            replan=self.dispatch.replan,
        )
        self.events = EventService(Bookkeeping(office))
        #: Hears of turns that are offered to somebody in the queue.
        self.on_offer: Callable[[Booking], None] = lambda _: None
        self._lines_move = True
        self._line: dict[tuple[str, str, int], int] = {}
        self._order = count()
        self._agenda: list[tuple[int, int, Action]] = []
        self._looks: dict[Address, int] = {}
        self._touched = set(self.machines)
        self._seen = 0
        self._dirty = True
        self._wakes: set[float] = set()
        self._turns: dict[Turn, PlannedTurn] = {}
        self._windows: dict[tuple[Window, ...], tuple[PlannedWindow, ...]] = {}

    def now(self) -> datetime:
        """Return the virtual time."""
        return utc_from_ms(self.now_ms)

    def at(self, ms: int, action: Action) -> None:
        """Let something happen at a time."""
        heappush(self._agenda, (max(ms, self.now_ms), next(self._order), action))

    async def run(self) -> Record:
        """Let the time pass, and return what was recorded."""
        await self.database.write(_watch)
        await self._begin()
        while self._agenda and self._agenda[0][0] < self.record.ends:
            self.now_ms, _, action = heappop(self._agenda)
            await action()
            await self.settle()
        self.database.close()
        self.record.versions = [
            replace(each, card=self.cards.get(each.id)) for each in self.record.versions
        ]
        self.record.uses = [use for each in self.machines.values() for use in each.uses]
        return self.record

    async def settle(self) -> None:
        """Let everybody take in what has changed, until nothing more does."""
        while True:
            await self.keeper.step()
            await self._move_lines()
            await self._note_changes()
            await self.dispatch.step()
            for address in sorted(self._touched):
                self._let_look(self.machines[address])
            self._touched.clear()
            if not await self._take_in():
                break
        self._sleep_until(self.dispatch._boundaries)
        self._sleep_until(self.keeper._deadlines)

    def heard(self, machine: Machine) -> None:
        """Hear of a device that was away."""
        self.keeper.look_at([machine.address])
        self._lines_move = True

    async def find(self, booking: str) -> Booking | None:
        """Return a booking as it is now."""
        return await self.database.read(lambda rows: bookings.find(rows, booking))

    def touch(self, machine: Machine) -> None:
        """Have an agent look once more at this moment."""
        self._touched.add(machine.address)

    async def _begin(self) -> None:
        days = [
            DayHours(day, tuple(map(_local, spans)), Source.IMPORT)
            for day, spans in self.record.hours.items()
        ]
        reach = (days[0].day, days[-1].day)
        await self.database.write(
            lambda rows: stored_hours.replace(
                rows, site.SITE, days, reach=reach, source="kirkanta", at=self.now()
            )
        )
        await self.dispatch.start()
        await self.settle()

    def _office(self) -> Office:
        return Office(
            database=self.database,
            devices=site.DEVICES,
            target_groups=site.GROUPS,
            zone=ZONE,
            language="fi",
            now=self.now,
            deliver=self._deliver,
            replan=self._replan,
            conditions=self._conditions,
        )

    async def _move_lines(self) -> None:
        """Move the queue on, where somebody waits and anything may have changed."""
        if not self._lines_move and not self._line:
            return
        self._lines_move = False
        moment = await self.queue_keeper.look()
        if moment is not None:
            self._wake_at(max(ms_from_utc(moment), self.now_ms + 1) / 1000)
        lines = await self.database.read(_waiting)
        for key in lines - self._line.keys():
            self._line[key] = self.now_ms
        for key in sorted(self._line.keys() - lines):
            _, kind, number = key
            since, card = self._line.pop(key), self.tickets.get(key)
            self.record.waits.append(
                Wait(at=since, until=self.now_ms, kind=kind, number=number, card=card)
            )

    def _conditions(self) -> Mapping[Address, Condition]:
        return {address: _condition(machine) for address, machine in self.machines.items()}

    def _changed(self, addresses: Collection[Address]) -> None:
        self._lines_move = self._dirty = True
        self.dispatch.replan(addresses)

    def _told_until(self, address: Address) -> datetime | None:
        machine = self.machines[address]
        return None if machine.away or machine.pending else self.now()

    def _replan(self, addresses: Collection[Address]) -> None:
        self.keeper.look_at(addresses)
        self._changed(addresses)

    async def _deliver(self, address: Address, _: datetime | None) -> Delivery:
        self.keeper.look_at([address])
        self._lines_move = self._dirty = True
        await self.dispatch.refresh(address)
        return Delivery.IN_FORCE

    async def _publish(self, topic: str, payload: bytes, _: int, __: bool) -> bool:  # noqa: FBT001 - MQTT's own order
        received = decode(topic, payload)
        plan = received.message
        if isinstance(plan, Plan) and isinstance(received.source, Address):
            self.machines[received.source].hear(plan)
            self._touched.add(received.source)
            self.record.plans.append(self._issued(received.source.device, plan))
        return True

    def _issued(self, device: str, plan: Plan) -> Issued:
        windows = self._windows.get(plan.windows)
        if windows is None:
            windows = self._windows[plan.windows] = tuple(map(_window, plan.windows))
        walk_in = plan.walk_in
        return Issued(
            at=self.now_ms,
            device=device,
            valid_until=ms_from_utc(plan.valid_until),
            outside=str(plan.outside_turns),
            turns=tuple(self._turns.setdefault(turn, _turn(turn)) for turn in plan.turns),
            windows=windows,
            walk_in=None if walk_in is None else (walk_in.max_seconds, walk_in.gap),
        )

    async def _note_changes(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        changed, self._seen = await self.database.read(lambda rows: _changes(rows, self._seen))
        for booking in changed:
            version = _version(booking, self.now_ms, self.cards.get(booking.id))
            self.record.versions.append(replace(version, moved=booking.id in self.moved))
            if booking.state is BookingState.OFFERED:
                self.on_offer(booking)

    async def _take_in(self) -> bool:
        """Bring what the agents have logged to the store. Returns whether there was anything."""
        batches = [
            Batch(machine.address, machine.log, machine.take())
            for machine in self.machines.values()
            if machine.pending and not machine.away
        ]
        if batches:
            taken = await self.database.write(
                lambda rows: take_in(rows, batches=batches, now_ms=self.now_ms, zone=ZONE)
            )
            self.keeper.look_at(taken.turns)
            self._changed(taken.turns)
        return bool(batches)

    def _sleep_until(self, deadlines: Deadlines[Address]) -> None:
        """Wake up when something is due; the real ones look once a minute for stepped clocks."""
        seconds = deadlines.next()
        if seconds is not None:
            self._wake_at(seconds)

    def _wake_at(self, seconds: float) -> None:
        if seconds not in self._wakes:
            self._wakes.add(seconds)
            self.at(ceil(seconds * 1000), _nothing)

    def _let_look(self, machine: Machine) -> None:
        machine.step(self.now_ms)
        due = machine.due(self.now_ms)
        if due is not None and due != self._looks.get(machine.address):
            self._looks[machine.address] = due
            self.at(due, partial(self._look, machine, due))

    async def _look(self, machine: Machine, due: int) -> None:
        if self._looks.get(machine.address) == due:
            del self._looks[machine.address]
            self.touch(machine)


def _condition(machine: Machine) -> Condition:
    if machine.away:
        return Condition.AWAY
    return Condition.READY if machine.use is None else Condition.BUSY


def _waiting(rows: Connection) -> set[tuple[str, str, int]]:
    found = rows.execute("SELECT day, kind, number FROM queue WHERE state = 'waiting'")
    return {(day, kind, number) for day, kind, number in found}


async def _nothing() -> None:
    """Only wake up."""


def _local(span: Hours) -> LocalSpan:
    return LocalSpan(_seconds(span.from_), _seconds(span.to), span.staffed)


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60


def _watch(rows: Connection) -> None:
    for statement in _WATCH:
        rows.execute(statement)


def _changes(rows: Connection, seen: int) -> tuple[list[Booking], int]:
    found = rows.execute("SELECT n, id FROM year_changes WHERE n > ?", (seen,)).fetchall()
    each = [bookings.find(rows, booking) for booking in dict.fromkeys(row[1] for row in found)]
    return [booking for booking in each if booking], max((row[0] for row in found), default=seen)


def _version(booking: Booking, at: int, card: str | None) -> Version:
    return Version(
        at=at,
        id=booking.id,
        device=booking.address.device,
        starts=ms_from_utc(booking.starts_at),
        ends=ms_from_utc(booking.ends_at),
        state=str(booking.state),
        purpose=str(booking.purpose),
        by=str(booking.by),
        group=booking.target_group,
        assumed=booking.group_assumed,
        party=booking.party_size,
        event=booking.event,
        walk_in=booking.walk_in,
        over_closing=booking.over_closing,
        check_in=str(booking.check_in),
        hold_until=None if booking.hold_until is None else ms_from_utc(booking.hold_until),
        card=card,
    )


def _turn(turn: Turn) -> PlannedTurn:
    return PlannedTurn(
        id=turn.id,
        starts=ms_from_utc(turn.starts_at),
        ends=ms_from_utc(turn.ends_at),
        grace=turn.grace,
        at_end=str(turn.at_end),
        group=turn.target_group,
        assumed=turn.group_assumed,
        check_in=turn.check_in is not None,
    )


def _window(window: Window) -> PlannedWindow:
    return PlannedWindow(
        ms_from_utc(window.starts_at), ms_from_utc(window.ends_at), window.assumed_group
    )
