"""Who is there, as a running orchestrator notes it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from mqtt_schemas.messages import Watching as Told
from orchestrator import attendant as module
from orchestrator.attendant import BROKER, ORCHESTRATOR, Attendant, Key, Register, watchings
from orchestrator.domain.coverage import CONNECTED, Interval
from orchestrator.domain.spans import Span
from orchestrator.store import attendance, coverage
from orchestrator.store.attendance import Stay, Who
from orchestrator.store.database import Database
from orchestrator.twins import Twins
from tests.orchestrator.histories import (
    BOOT,
    MORNING,
    PRINTER,
    STATION,
    Clock,
    link,
    status,
)

AGENT: Key = (Who.AGENT, PRINTER)
ALWAYS = Span(0, 2**62)


class Setting:
    """An attendant with a clock, a broker and twins of the test's own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.twins = Twins([PRINTER, STATION])
        self.connected = True
        self.attendant = Attendant(
            database=database,
            twins=self.twins,
            connected=lambda: self.connected,
            wall_ms=self.clock.wall_ms,
            monotonic=self.clock.monotonic,
        )

    def hear(self) -> None:
        """Let the printer's agent send a heartbeat, ten seconds into its boot."""
        told = status(watching=Told(from_ms=0, to_ms=1))
        self.twins.of(PRINTER).take_status(told, now=self.clock.monotonic(), retained=False)

    def pass_by(self, seconds: int, *, heard: bool = True) -> None:
        """Let time pass, with a look each second."""
        for _ in range(seconds):
            self.clock.move(1)
            if heard:
                self.hear()
            self.attendant.look()

    async def spans(self) -> dict[str, list[Span]]:
        """Return what is written, in seconds since the morning."""
        service = await self.database.read(lambda rows: attendance.of_service(rows, ALWAYS))
        agent = await self.database.read(lambda rows: attendance.of_agent(rows, PRINTER, ALWAYS))
        found = {"orchestrator": service.orchestrator, "broker": service.broker, "agent": agent}
        return {
            who: [Span(*((moment - MORNING) // 1000 for moment in span)) for span in spans]
            for who, spans in found.items()
        }


async def test_who_is_there_is_written_as_it_changes(database: Database) -> None:
    """The broker goes and comes; while it is gone no agent can be heard."""
    setting = Setting(database)
    await setting.attendant.load()
    setting.pass_by(20)
    setting.connected = False
    setting.pass_by(5, heard=False)
    setting.connected = True
    setting.pass_by(10)
    await setting.attendant.write()
    assert await setting.spans() == {
        "orchestrator": [(0, 35)],
        "broker": [(0, 21), (26, 35)],
        "agent": [(1, 21), (26, 35)],
    }


async def test_an_agent_that_fell_silent_was_gone_when_it_was_last_heard(
    database: Database,
) -> None:
    """That takes 45 s to be noticed; one that says goodbye is gone at once."""
    setting = Setting(database)
    await setting.attendant.load()
    setting.pass_by(20)
    setting.pass_by(60, heard=False)
    await setting.attendant.write()
    assert (await setting.spans())["agent"] == [(1, 20)]
    setting.pass_by(10)
    setting.twins.of(PRINTER).take_link(link(state="offline"))
    setting.pass_by(10, heard=False)
    await setting.attendant.write()
    assert (await setting.spans())["agent"] == [(1, 20), (81, 91)]


async def test_what_a_killed_orchestrator_left_is_ended_by_the_next(database: Database) -> None:
    """At the last moment that was written."""
    killed = Setting(database)
    await killed.attendant.load()
    killed.pass_by(20)
    await killed.attendant.write()
    killed.pass_by(8)
    after = Setting(database)
    after.clock.move(100)
    await after.attendant.load()
    assert await after.spans() == {
        "orchestrator": [(0, 20)],
        "broker": [(0, 20)],
        "agent": [(1, 20)],
    }


async def test_a_stop_writes_the_end_and_the_last_heartbeats(database: Database) -> None:
    """What was told of intervals that go on is kept, should their agents never return."""
    setting = Setting(database)
    await setting.attendant.load()
    setting.pass_by(5)
    task = asyncio.create_task(setting.attendant.run())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await setting.spans() == {
        "orchestrator": [(0, 5)],
        "broker": [(0, 5)],
        "agent": [(1, 5)],
    }
    [boot] = await database.read(lambda rows: coverage.read(rows, PRINTER, *ALWAYS))
    assert (boot.id, boot.watching) == (BOOT, (Interval(0, 1, CONNECTED),))


async def test_a_leaving_agents_last_heartbeat_is_kept(database: Database) -> None:
    """At once, for it may be the last thing that is ever heard of its machine."""
    setting = Setting(database)
    await setting.attendant.load()
    setting.pass_by(5)
    await setting.attendant.write()
    assert await database.read(lambda rows: coverage.read(rows, PRINTER, *ALWAYS)) == []
    setting.pass_by(50, heard=False)
    await setting.attendant.write()
    [boot] = await database.read(lambda rows: coverage.read(rows, PRINTER, *ALWAYS))
    assert boot.watching == (Interval(0, 1, CONNECTED),)


async def test_a_full_disk_is_told_once_and_made_good(database: Database) -> None:
    """What could not be written is written with the next."""
    setting = Setting(database)
    await setting.attendant.load()

    def full(on: str) -> object:
        return database._connection.execute(f"PRAGMA query_only = {on}")

    full("ON")
    setting.pass_by(20)
    await setting.attendant.write()
    setting.pass_by(20, heard=False)
    await setting.attendant.write()
    full("OFF")
    setting.pass_by(30, heard=False)
    await setting.attendant.write()
    assert await setting.spans() == {
        "orchestrator": [(0, 70)],
        "broker": [(0, 70)],
        "agent": [(1, 20)],
    }


def test_a_process_that_stood_still_was_not_there() -> None:
    """Its machine slept: everybody was there until the look before."""
    register = Register()
    for now in (0, 1000, 2000):
        register.look(now, {ORCHESTRATOR: now, BROKER: now, AGENT: now})
    register.look(60_000, {ORCHESTRATOR: 60_000})
    stays = {stay[:3]: stay for stay in register.changes()}
    assert sorted(stays.values()) == [
        Stay(Who.AGENT, PRINTER, 0, 2000),
        Stay(Who.BROKER, None, 0, 2000),
        Stay(Who.ORCHESTRATOR, None, 0, 2000),
        Stay(Who.ORCHESTRATOR, None, 60_000, 60_000),
    ]
    assert register.changes() == []


def test_a_heartbeat_that_cant_be_true_tells_nothing() -> None:
    """Nor does an agent that tells no interval."""
    twins = Twins([PRINTER, STATION])
    for told in (None, Told(from_ms=1, to_ms=0), Told(from_ms=0, to_ms=2)):
        twins.of(PRINTER).take_status(status(watching=told), now=0, retained=False)
        assert list(watchings(twins.all())) == []
    twins.of(PRINTER).take_status(status(watching=Told(from_ms=0, to_ms=1)), now=0, retained=False)
    [found] = watchings(twins.all())
    assert (found.address, found.boot, found.stamp) == (PRINTER, BOOT, (True, 1, MORNING + 249))


def test_its_pace_is_whole_looks() -> None:
    """It counts them."""
    assert module.WRITE % module.LOOK == 0
    assert module.KEEP % module.WRITE == 0
