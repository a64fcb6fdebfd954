"""Notes who is there: this process, its broker, each agent. And keeps what heartbeats told.

It looks each second, since nobody tells when a heartbeat does not come. A change is written at
once, the rest now and then: what a killed orchestrator had not written, the agents tell again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog

from mqtt_schemas.topics import Address
from orchestrator.domain.coverage import watching_of
from orchestrator.store import attendance, coverage
from orchestrator.store.attendance import Stay, Who
from orchestrator.store.coverage import Watching
from orchestrator.store.database import Connection, Database
from orchestrator.store.errors import StoreFailed
from orchestrator.twins import ALIVE_SECONDS, Twin, Twins

#: Seconds: between two looks, two writings without a change, two of what all heartbeats told.
LOOK, WRITE, KEEP = 1.0, 10.0, 300.0
#: An agent that was not heard for longer was gone when it was last heard.
SILENT_MS = round(ALIVE_SECONDS * 1000)
#: So long after a look the process did not run: its machine slept, or it was stopped.
STOOD_MS = 10_000

_LOG = structlog.get_logger(__name__)

#: Who, and of an agent its address.
Key = tuple[Who, Address | None]
ORCHESTRATOR: Key = (Who.ORCHESTRATOR, None)
BROKER: Key = (Who.BROKER, None)


@dataclass(slots=True)
class _Open:
    from_ms: int
    last_ms: int


class Register:
    """Who is there, by looks one after the other; `changes` since they were last taken.

    news: whether somebody came or left since then.
    """

    def __init__(self) -> None:
        self._open: dict[Key, _Open] = {}
        self._changed: dict[tuple[Key, int], Stay] = {}
        self._looked_ms: int | None = None
        self.news = False

    def look(self, now_ms: int, here: Mapping[Key, int]) -> set[Address]:
        """Note who is here, each with the time of its last sign. Returns the agents that left."""
        if self._looked_ms is not None and now_ms - self._looked_ms > STOOD_MS:
            self.leave_all()
        self._looked_ms = now_ms
        for key, last_ms in here.items():
            stay = self._open.get(key)
            if stay is None:
                stay = self._open[key] = _Open(last_ms, last_ms)
                self._note(key, stay.from_ms, None)
                self.news = True
            stay.last_ms = max(stay.last_ms, last_ms)
        gone = [key for key in self._open if key not in here]
        for key in gone:
            self._leave(key, now_ms)
        if ORCHESTRATOR in here:
            stay = self._open[ORCHESTRATOR]
            self._note(ORCHESTRATOR, stay.from_ms, stay.last_ms)
        return {address for _, address in gone if address is not None}

    def leave_all(self) -> None:
        """Note that everybody was there until the last look, and is no more."""
        for key in list(self._open):
            self._leave(key, self._looked_ms or 0)

    def changes(self) -> list[Stay]:
        """Return what is to be written, and forget it."""
        changed = list(self._changed.values())
        self._changed.clear()
        self.news = False
        return changed

    def _leave(self, key: Key, now_ms: int) -> None:
        stay = self._open.pop(key)
        self.news = True
        silent = now_ms - stay.last_ms > SILENT_MS
        self._note(key, stay.from_ms, max(stay.from_ms, stay.last_ms if silent else now_ms))

    def _note(self, key: Key, from_ms: int, to_ms: int | None) -> None:
        self._changed[key, from_ms] = Stay(*key, from_ms, to_ms)


@dataclass(frozen=True, slots=True)
class Now:
    """A moment: when it is, which agents are there and were last heard when, what they told."""

    at_ms: int
    heard: Mapping[Address, int] = field(default_factory=dict)
    told: Mapping[Address, Watching] = field(default_factory=dict)


class Attendant:
    """Looks at the parts of a running orchestrator, and writes what it saw."""

    def __init__(
        self,
        *,
        database: Database,
        twins: Twins,
        connected: Callable[[], bool],
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._database = database
        self._twins = twins
        self._connected = connected
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._register = Register()
        self._unwritten: dict[tuple[object, ...], Stay] = {}
        self._left: set[Address] = set()
        self._failing = False

    async def load(self) -> None:
        """End what an earlier run left without an end, and begin. Raises StoreFailed."""
        await self._database.write(attendance.end_all)
        self.look()
        await self.write()

    async def run(self) -> None:
        """Look and write until cancelled; then write the end."""
        looks = 0
        try:
            while True:
                await asyncio.sleep(LOOK)
                self.look()
                looks += 1
                if looks % (KEEP / LOOK) == 0:
                    self._left.update(twin.address for twin in self._twins.all())
                if self._register.news or looks % (WRITE / LOOK) == 0:
                    await self.write()
        finally:
            self.look()
            self._register.leave_all()
            self._left.update(twin.address for twin in self._twins.all())
            await self.write()

    def look(self) -> None:
        """Note who is there now."""
        now_ms = self._wall_ms()
        here: dict[Key, int] = {ORCHESTRATOR: now_ms}
        if self._connected():
            here[BROKER] = now_ms
            for address, heard_ms in self.heard(self._twins.all()).items():
                here[Who.AGENT, address] = heard_ms
        self._left |= self._register.look(now_ms, here)

    def now(self, addresses: Iterable[Address]) -> Now:
        """Return what is known of devices at this moment, written or not."""
        twins = [self._twins.of(address) for address in addresses]
        heard = self.heard(twins) if self._connected() else {}
        told = {each.address: each for each in watchings(twins)}
        return Now(self._wall_ms(), heard, told)

    def heard(self, twins: Iterable[Twin]) -> dict[Address, int]:
        """Return when each agent that is there was last heard, in milliseconds since 1970."""
        now_ms, clock = self._wall_ms(), self._monotonic()
        return {
            twin.address: now_ms - round((clock - twin.heard) * 1000)
            for twin in twins
            if twin.heard is not None and twin.online(clock)
        }

    async def write(self) -> None:
        """Write what has changed. Where that fails, it is tried again with the next."""
        self._unwritten |= {stay[:3]: stay for stay in self._register.changes()}
        stays = list(self._unwritten.values())
        told = list(watchings(map(self._twins.of, self._left)))
        try:
            await self._database.write(partial(_write, stays=stays, told=told))
        except StoreFailed as error:
            if not self._failing:
                _LOG.warning("attendance_not_written", reason=str(error))
            self._failing = True
            return
        self._failing = False
        self._unwritten.clear()
        self._left.clear()


def watchings(twins: Iterable[Twin]) -> Iterable[Watching]:
    """Return what the newest heartbeats tell of the intervals that go on."""
    for twin in twins:
        found = watching_of(twin.status) if twin.status else None
        if twin.status is not None and found is not None:
            yield Watching(twin.address, twin.status.clock.boot_id, *found)


def _write(connection: Connection, stays: Iterable[Stay], told: Iterable[Watching]) -> None:
    attendance.keep(connection, stays)
    coverage.watch(connection, told)
