"""The orchestrator's host: its clock, its disk, and its process with the real parts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.messages import Ack
from mqtt_schemas.topics import Address
from orchestrator.dispatch import Dispatch
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.devices import CheckInBy, Device
from orchestrator.ingest import Ingest
from orchestrator.store import bookings, database, identity
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseUnusable, StoreFailed
from orchestrator.store.latency import Latencies
from orchestrator.store.writer import MOST_TOGETHER, Work, Writer, _Job
from orchestrator.twins import Twins
from tests.simulation.disk import Disk, Image, limit
from tests.simulation.loop import Process
from tests.simulation.network import Broker, Bus, Way
from tests.simulation.people import CODE
from tests.simulation.world import BEGAN_MS, World

T = TypeVar("T")
ZONE = ZoneInfo("Europe/Helsinki")
RESTART_AFTER = 1.0


class InlineWriter(Writer):
    """The database's writer without its thread: commits a moment after it was asked to."""

    def __init__(self, connection: sqlite3.Connection, server: Server) -> None:
        # Not super(): that starts the thread.
        self.healthy = True
        self._connection = connection
        self._latencies = Latencies()
        self._closed = False
        self._server = server
        self._jobs: list[_Job] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, work: Work[T]) -> T:
        """Do the work and commit."""
        if self._closed:
            raise StoreFailed("The database is closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.append(_Job(work, loop, future))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._write_all())
        return await future

    def close(self) -> None:
        """Finish what is waiting."""
        self._closed = True
        if self._jobs:
            self._commit(self._jobs)

    async def _write_all(self) -> None:
        world = self._server.world
        while self._jobs:
            await asyncio.sleep(world.between(0.0001, 0.02))
            jobs = self._jobs[:MOST_TOGETHER]
            del self._jobs[:MOST_TOGETHER]
            await self._commit_soon(jobs)

    async def _commit_soon(self, jobs: list[_Job]) -> None:
        self._commit(jobs)
        await asyncio.sleep(0)
        for job in jobs:
            job.deliver()

    def _commit(self, jobs: list[_Job]) -> None:
        disk = self._server.disk
        disk.write_point()
        limit(self._connection, full=disk.full)
        super()._commit(jobs)
        self._server.committed(self._connection)
        disk.write_point()


class InlineDatabase(Database):
    """The real database file with its real schema, without threads and lock."""

    def __init__(self, server: Server, writer: type[InlineWriter]) -> None:
        # Not super(): that starts threads.
        self.path = server.disk.path
        self.latencies = Latencies()
        new = not self.path.exists()
        self.connection = database._connect(self.path)
        if new:  # the system's own random bits, in acknowledgements
            self.connection.execute("UPDATE identity SET uuid = ?", (server.world.uuid(),))
        self.name = identity.read(self.connection)
        self.reader = database._connect_reader(self.path)
        self._writer = writer(self.connection, server)
        self._world = server.world
        self._closed = False

    async def read(self, work: Work[T]) -> T:
        """Do the work on what is committed."""
        if self._closed:
            raise StoreFailed("The database is closed.")
        await asyncio.sleep(self._world.between(0.0, 0.005))
        self.reader.execute("BEGIN")
        try:
            return work(self.reader)
        finally:
            self.reader.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        if not self._closed:
            self._closed = True
            self._writer.close()
            self.reader.close()
            self.connection.close()


class Server:
    """The orchestrator's host.

    ever: each event (device, log, seq) that was ever committed here. put_backs: how often the
    database was put back to an older copy.
    """

    def __init__(
        self,
        world: World,
        *,
        broker: Broker,
        devices: Mapping[Address, Device],
        writer: type[InlineWriter] = InlineWriter,
    ) -> None:
        self.world = world
        self.devices = devices
        self.way = Way()
        self.disk = Disk(world, "orchestrator")
        self.ever: set[tuple[Address, str, int]] = set()
        self.put_backs = 0
        self.wrong_ms = 0
        self.on = True
        self.process: Process | None = None
        self.database: InlineDatabase | None = None
        self.ingest: Ingest | None = None
        self.twins: Twins | None = None
        self.kept: list[Image] = []
        self._broker = broker
        self._writer = writer
        self._bookings = 0
        self._newest = 0
        self._task: asyncio.Task[None] | None = None

    # --- clocks

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return BEGAN_MS + self.world.now_ms + self.wrong_ms

    def now(self) -> datetime:
        """Return the wall time."""
        return utc_from_ms(self.wall_ms())

    # --- the process

    def start(self) -> None:
        """Start the orchestrator."""
        if not self.on or (self.process is not None and self.process.alive):
            return
        self.process = self.world.process("orchestrator", self._died)
        self.disk.process = self.process
        self._task = self.world.loop.start(self.process, self._main(self.process))

    def kill(self) -> None:
        """Kill it. Power cuts are the same, as long as commits are synced."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """Ask it to end. It starts again soon."""
        if self.process is not None and self.process.alive and self._task is not None:
            self.world.loop.soon_in(self.process, self._task.cancel)

    def put_back(self, image: Image) -> None:
        """Put an older copy of the database in place, and start with it."""
        self.put_backs += 1
        self.kill()
        self.disk.put(image)
        self.start()

    def committed(self, connection: sqlite3.Connection) -> None:
        """Note what a commit has added."""
        rows = connection.execute(
            """SELECT events.id, site, device, log, seq FROM
               (SELECT id, log AS number, seq FROM events WHERE id > ?) AS events
               JOIN (SELECT id AS number, site, device, log FROM logs) USING (number)""",
            (self._newest,),
        ).fetchall()
        for number, site, device, log, seq in rows:
            self._newest = max(self._newest, number)
            self.ever.add((Address(site, device), log, seq))

    def promised(self, address: Address, ack: Ack) -> None:
        """Check that what is acknowledged is committed."""
        if self.world.over or self.database is None:
            return
        row = self.database.reader.execute(
            "SELECT seq FROM logs WHERE site = ? AND device = ? AND log = ?",
            (address.site, address.device, ack.log),
        ).fetchone()
        if ack.seq > (row[0] if row else 0):
            self.world.find(f"{address}: seq {ack.seq} is acknowledged, {row} is committed")

    def _died(self) -> None:
        world = self.world
        world.trace("orchestrator killed")
        assert self.process is not None
        self.disk.outlive()
        self.database = self.ingest = self.twins = None
        self._broker.process_died(self.process)
        world.loop.at(0.1 if world.healed else world.between(0.1, 20), self.start)

    async def _main(self, process: Process) -> None:
        world = self.world
        try:
            while True:
                try:
                    await self._run(process)
                except (StoreFailed, DatabaseUnusable) as error:
                    world.trace(f"orchestrator can't start: {error}")
                except Exception as error:  # noqa: BLE001 - told as a finding
                    world.find(f"the orchestrator failed: {_innermost(error)!r}")
                await asyncio.sleep(RESTART_AFTER)
        finally:
            if not world.over and process.alive:
                process.alive = False
                self.database = self.ingest = self.twins = None
                world.trace("orchestrator ended")
                world.loop.at(world.between(0.1, 5), self.start)

    async def _run(self, process: Process) -> None:
        store = InlineDatabase(self, self._writer)
        try:
            [self._newest] = store.connection.execute(
                "SELECT coalesce(max(id), 0) FROM events"
            ).fetchone()
            loop = asyncio.get_running_loop()
            twins = Twins(self.devices)
            bus = Bus(broker=self._broker, process=process, way=self.way, promised=self.promised)
            dispatch = Dispatch(
                database=store,
                devices=self.devices,
                twins=twins,
                publish=bus.publish,
                issuer="main",
                now=self.now,
                monotonic=loop.time,
            )
            ingest = Ingest(
                database=store,
                twins=twins,
                devices=self.devices,
                publish=bus.publish,
                wall_ms=self.wall_ms,
                monotonic=loop.time,
                on_status=dispatch.on_status,
                zone=ZONE,
            )
            await ingest.load()
            await dispatch.start()
            self.database, self.ingest, self.twins = store, ingest, twins
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bus.run(ingest.receive, dispatch.on_connected))
                tasks.create_task(ingest.run())
                tasks.create_task(dispatch.run())
                tasks.create_task(self._desk(store, dispatch))
        finally:
            store.close()

    async def _desk(self, store: Database, dispatch: Dispatch) -> None:
        """Book, extend and cancel, as staff do."""
        world = self.world
        while True:
            await asyncio.sleep(world.between(5, 60))
            address = world.random.choice(sorted(self.devices))
            try:
                await self._book(store, address)
            except StoreFailed:
                continue
            await dispatch.refresh(address)

    async def _book(self, store: Database, address: Address) -> None:
        world, now = self.world, self.now()
        known = await store.read(lambda rows: bookings.of_device(rows, address, ends_after=now))
        if known and world.chance(0.4):
            booking = world.random.choice(known)
            state = world.random.choice(
                [BookingState.CANCELLED, BookingState.CHECKED_IN, booking.state, booking.state]
            )
            ends_at = booking.ends_at + timedelta(seconds=20)
            changed = replace(booking, ends_at=ends_at, state=state)
            await store.write(lambda rows: bookings.change(rows, changed))
            return
        starts = now + timedelta(seconds=round(world.between(1, 60)))
        self._bookings += 1
        booking = Booking(
            id=f"b{self._bookings}",
            address=address,
            starts_at=starts,
            ends_at=starts + timedelta(seconds=round(world.between(10, 120))),
            target_group=world.random.choice(["lapset", "nuoret", None]),
            party_size=None,
            state=BookingState.BOOKED,
            check_in=(asked := self.devices[address].policy.check_in),
            code=CODE if asked is CheckInBy.CODE else None,
        )
        await store.write(lambda rows: bookings.insert(rows, booking, created=now))


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
