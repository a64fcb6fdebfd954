"""The composition root: what an orchestrator is made of, and how it begins and ends.

serve: start up → run until told to stop → shut down
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from mqtt_schemas import __version__
from mqtt_schemas.topics import Address, Instance
from orchestrator import bus as mqtt
from orchestrator.alarms import Alarms
from orchestrator.attendant import Attendant
from orchestrator.attended_keeper import AttendedKeeper
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.broker.access import AccessError, orchestrator_user
from orchestrator.broker.credentials import CredentialsError
from orchestrator.broker.embedded import Embedded
from orchestrator.broker.files import write_file
from orchestrator.broker.listener import Tls as BrokersTls
from orchestrator.broker.server import BrokerFailed
from orchestrator.broker.setup import credentials_of, users_of
from orchestrator.bus import Bus
from orchestrator.circumstances import Circumstances
from orchestrator.closing import Closing
from orchestrator.config import Configuration
from orchestrator.coverage import Coverages
from orchestrator.delivery import Delivery
from orchestrator.dispatch import Dispatch
from orchestrator.domain.devices import ATTENDED
from orchestrator.feeds import Feeds
from orchestrator.ingest import Ingest
from orchestrator.metrics import Metrics, Service
from orchestrator.notify import Notify
from orchestrator.office import Office
from orchestrator.overview import Overview
from orchestrator.places import ADMIN_SOCKET, DATABASE, HTTP_URL
from orchestrator.public_holidays import is_holiday
from orchestrator.queue_keeper import Conditions, QueueKeeper, waited_for
from orchestrator.services import services
from orchestrator.staff_codes import StaffCodes
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreError
from orchestrator.turn_changes import TurnChanges
from orchestrator.turn_keeper import UNDER_WAY, TurnKeeper
from orchestrator.twins import Twins
from orchestrator.web.admin import admin_app
from orchestrator.web.alarms import alarm_routes
from orchestrator.web.calendars import calendar_routes
from orchestrator.web.public import public_app
from orchestrator.web.server import CanNotListen, Server, listen_tcp, listen_unix, url

#: Seconds of starting that may go into the staff's first codes, a twentieth of one each.
CODES_WITHIN = 5.0

_LOG = structlog.get_logger(__name__)


class CanNotServe(Exception):
    """The orchestrator can't be started. The text is one sentence."""


@dataclass(slots=True, kw_only=True)
class Signals:
    """What is asked of a running orchestrator: to end, and to read its credentials again."""

    stop: asyncio.Event
    reload: asyncio.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks that everything goes by."""

    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic


def _nothing(_: Database) -> None:
    """Do nothing with a database that was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Where the process touches the world, beside its clocks. A rehearsal gives others.

    ready: called once all is read and made, and service begins.
    """

    patience: mqtt.Patience = field(default_factory=mqtt.Patience)
    opened: Callable[[Database], None] = _nothing
    ready: Callable[[], None] = lambda: None


async def serve(
    config: Configuration,
    *,
    signals: Signals,
    notify: Notify,
    clocks: Clocks = Clocks(),
    edges: Edges = Edges(),
) -> None:
    """Run an orchestrator until it is told to stop. Raises CanNotServe.

    What began last ends first: the web, then intake with its last acknowledgements, then the
    bus with its goodbye, the broker, the database.
    """
    async with AsyncExitStack() as stack:
        try:
            opened = await _open(config, stack)
            edges.opened(opened.database)
            parts = Parts(
                config=config,
                database=opened.database,
                broker=opened.to,
                clocks=clocks,
                edges=edges,
            )
            await parts.ingest.load()
            await parts.closing.load()
            await parts.attendant.load()
            # Its first answer takes half a second: not in the middle of the day.
            await asyncio.to_thread(is_holiday, clocks.now().date())
            # So that the first plan has them; of many sites the others come in later ones.
            with suppress(TimeoutError):
                async with asyncio.timeout(CODES_WITHIN):
                    await parts.staff_codes.step()
            await parts.dispatch.start()
            await parts.feeds.load()
        except OSError as error:
            where = error.filename or config.orchestrator.state_dir
            raise CanNotServe(f"{where}: {error.strerror}.") from None
        except (StoreError, CanNotListen, BrokerFailed, CredentialsError, AccessError) as error:
            raise CanNotServe(_sentence(error)) from None
        edges.ready()
        async with asyncio.TaskGroup() as outside:
            bus = outside.create_task(parts.run_bus(), name="bus")
            if opened.embedded is not None:
                outside.create_task(opened.embedded.run(), name="broker")
            await _until_stopped(parts, opened, config=config, signals=signals, notify=notify)
            bus.cancel()
            await asyncio.wait([bus])
            if opened.embedded is not None:
                await opened.embedded.stop()
    _LOG.info("stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What an orchestrator holds of the machine."""

    database: Database
    public: socket.socket
    admin: socket.socket
    embedded: Embedded | None
    to: mqtt.Broker


async def _open(config: Configuration, stack: AsyncExitStack) -> _Opened:
    """Open all that may be in somebody else's hands. The stack lets go of it."""
    state_dir = config.orchestrator.state_dir
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    database = Database.open(state_dir / DATABASE)
    stack.callback(database.close)
    public = stack.enter_context(listen_tcp(config.http.host, config.http.port))
    admin = stack.enter_context(listen_unix(state_dir / ADMIN_SOCKET))
    stack.callback((state_dir / ADMIN_SOCKET).unlink, missing_ok=True)
    embedded = _embedded(config)
    port = config.broker.port
    if embedded is not None:
        port = await embedded.start()
        stack.push_async_callback(embedded.stop)
    write_file(state_dir / HTTP_URL, url(public) + "\n", mode=0o644)
    stack.callback((state_dir / HTTP_URL).unlink, missing_ok=True)
    to = _broker(config, port)
    return _Opened(database=database, public=public, admin=admin, embedded=embedded, to=to)


async def _until_stopped(
    parts: Parts, opened: _Opened, *, config: Configuration, signals: Signals, notify: Notify
) -> None:
    servers = [Server(parts.public, opened.public), Server(parts.admin, opened.admin)]
    async with asyncio.TaskGroup() as inside:
        for server in servers:
            inside.create_task(server.run_until_stopped(), name="http")
        working = [
            inside.create_task(parts.ingest.run(), name="ingest"),
            inside.create_task(parts.dispatch.run(), name="dispatch"),
            inside.create_task(parts.turn_keeper.run(), name="turns"),
            inside.create_task(parts.queue_keeper.run(), name="queue"),
            inside.create_task(parts.attended_keeper.run(), name="attended"),
            inside.create_task(parts.staff_codes.run(), name="staff-codes"),
            inside.create_task(parts.closing.run(), name="closing"),
            inside.create_task(parts.attendant.run(), name="attendant"),
            inside.create_task(parts.coverages.run(), name="coverage"),
            inside.create_task(parts.feeds.run(), name="feeds"),
            inside.create_task(parts.alarms.run(), name="alarms"),
            inside.create_task(notify.keep_alive(), name="watchdog"),
            inside.create_task(_reload(config, opened, signals.reload), name="reload"),
        ]
        notify.ready()
        _LOG.info("serving", url=url(opened.public), devices=len(config.devices))
        await signals.stop.wait()
        notify.status("stopping")
        for server in servers:
            server.stop()
        for task in working:
            task.cancel()


async def _reload(config: Configuration, opened: _Opened, asked: asyncio.Event) -> None:
    """Have the embedded broker take its users anew, as often as that is asked."""
    while True:
        await asked.wait()
        asked.clear()
        if opened.embedded is None:
            continue
        try:
            await opened.embedded.reload(users_of(config))
        except (BrokerFailed, CredentialsError, AccessError) as error:
            _LOG.error("credentials_not_reloaded", reason=str(error))
        else:
            _LOG.info("credentials_reloaded")


def _embedded(config: Configuration) -> Embedded | None:
    broker = config.broker
    if broker.kind == "external":
        return None
    tls = None
    if broker.cert_file and broker.key_file:
        tls = BrokersTls(certificate=broker.cert_file, key=broker.key_file)
    return Embedded(
        state_dir=config.orchestrator.state_dir,
        users=users_of(config),
        host=broker.host,
        port=broker.port,
        tls=tls,
    )


def _broker(config: Configuration, port: int) -> mqtt.Broker:
    """Return where the broker is and as whom to come. Raises OSError, CredentialsError."""
    broker, instance = config.broker, Instance(config.orchestrator.instance)
    secret = broker.password_file or credentials_of(config).secret_file(instance)
    return mqtt.Broker(
        host=broker.host,
        port=port,
        username=broker.username or orchestrator_user(instance),
        password=secret.read_text(encoding="utf-8").strip(),
        tls=_tls(config),
    )


def _tls(config: Configuration) -> mqtt.Tls | None:
    broker = config.broker
    for file in (broker.ca_file, broker.cert_file, broker.key_file):
        if file is not None:
            file.read_bytes()
    if broker.ca_file is None:
        return None
    if broker.kind == "embedded":
        return mqtt.Tls(ca=broker.ca_file)
    return mqtt.Tls(ca=broker.ca_file, cert=broker.cert_file, key=broker.key_file)


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{text}."


class Parts:
    """The orchestrator's parts, made and connected with each other."""

    def __init__(
        self,
        *,
        config: Configuration,
        database: Database,
        broker: mqtt.Broker,
        clocks: Clocks,
        edges: Edges = Edges(),
    ) -> None:
        devices = config.devices
        self.twins = twins = Twins(devices)
        self.bus = Bus(
            broker=broker,
            instance=Instance(config.orchestrator.instance),
            sites=config.sites,
            now=clocks.now,
            database=database.name,
            patience=edges.patience,
        )
        self.dispatch = Dispatch(
            database=database,
            devices=devices,
            twins=twins,
            publish=self.bus.publish,
            issuer=config.orchestrator.instance,
            now=clocks.now,
            monotonic=clocks.monotonic,
            contested=lambda: bool(self.bus.others),
            circumstances=Circumstances(
                configured=config.hours, zone=config.zone, is_holiday=is_holiday
            ),
        )
        self.ingest = Ingest(
            database=database,
            twins=twins,
            devices=devices,
            publish=self.bus.publish,
            wall_ms=clocks.wall_ms,
            monotonic=clocks.monotonic,
            on_status=self._on_status,
            zone=config.zone,
        )
        self.closing = Closing(
            database=database,
            twins=twins,
            ingest=self.ingest,
            connected=lambda: self.bus.connected,
            wall_ms=clocks.wall_ms,
            monotonic=clocks.monotonic,
            zone=config.zone,
            after_ms=config.orchestrator.close_after * 1000,
        )
        self.attendant = Attendant(
            database=database,
            twins=twins,
            connected=lambda: self.bus.connected,
            wall_ms=clocks.wall_ms,
            monotonic=clocks.monotonic,
        )
        self.coverages = Coverages(
            database=database,
            devices=devices,
            zone=config.zone,
            now=clocks.now,
            live=self.attendant.now,
        )
        self.conditions = Conditions(
            twins=twins,
            addresses=[each.address for each in devices.values() if each.kind != ATTENDED],
            monotonic=clocks.monotonic,
        )
        self.services = services(
            Office(
                database=database,
                devices=devices,
                target_groups=config.orchestrator.target_groups,
                zone=config.zone,
                language=config.orchestrator.language,
                now=clocks.now,
                deliver=self._deliver,
                replan=self._replan,
                hours=config.hours,
                conditions=self.conditions.now,
                keep=self.ingest.keep,
                to_clear=self._to_clear,
            )
        )
        self.alarms = Alarms(
            devices=devices,
            twins=twins,
            database=database,
            zone=config.zone,
            now=clocks.now,
            monotonic=clocks.monotonic,
        )
        self.attended_keeper = AttendedKeeper(self.services.office)
        self.staff_codes = StaffCodes(self.services.office)
        self.queue_keeper = QueueKeeper(
            service=self.services.queue,
            now=clocks.now,
            waited_for=partial(waited_for, self.services.office),
            replan=self.dispatch.replan,
        )
        self.conditions.hear = self.queue_keeper.wake
        self._now, self._monotonic = clocks.now, clocks.monotonic
        self.turn_keeper = TurnKeeper(
            changes=TurnChanges(Bookkeeping(self.services.office)),
            office=self.services.office,
            told_until=self.told_until,
            replan=self._changed,
        )
        self.ingest.on_turns = self.turn_keeper.look_at
        self.ingest.on_booked = self._replan
        self.feeds = Feeds(
            feeds=config.feed,
            database=database,
            imports=self.services.imports,
            now=clocks.now,
            zone=config.zone,
            take_hours=self.services.hours.take_feed,
        )
        metrics = Metrics(
            devices=devices,
            twins=twins,
            ingest=self.ingest,
            database=database,
            wall_ms=clocks.wall_ms,
            monotonic=clocks.monotonic,
            service=Service(
                version=__version__,
                broker_connected=lambda: self.bus.connected,
                other_orchestrators=lambda: len(self.bus.others),
                plan_conflicts=lambda: self.dispatch.conflicts,
                observed_today=lambda: self.coverages.today,
                alarms=lambda: self.alarms.now,
                feeds=self.feeds.states,
            ),
            target_groups=config.orchestrator.target_groups,
        )
        overview = Overview(
            devices=devices,
            twins=twins,
            ingest=self.ingest,
            database=database,
            bus=self.bus,
            zone=config.zone,
            now=clocks.now,
            monotonic=clocks.monotonic,
            feeds=self.feeds.states,
        )
        self.public = public_app(
            overview=overview,
            metrics=metrics,
            coverages=self.coverages,
            alarms=alarm_routes(self.alarms, devices),
            calendars=calendar_routes(self.services.exports),
            version=__version__,
        )
        self.admin = admin_app(services=self.services, version=__version__, alarms=self.alarms)

    async def run_bus(self) -> None:
        """Stay connected, for ever."""
        await self.bus.run(self.ingest.receive, self._on_connected)

    def _on_connected(self) -> None:
        self.twins.doubt_connections()
        self.dispatch.on_connected()

    def told_until(self, address: Address) -> datetime | None:
        """Return up to when all is committed that a device reported; None: not at all.

        Of an attended device all is known at once: staff tells it here.
        """
        if self.services.office.devices[address].kind == ATTENDED:
            return self._now()
        twin, clock = self.twins.of(address), self._monotonic()
        if twin.status is None or twin.heard is None or not twin.online(clock):
            return None
        if not self.ingest.has_all(address, twin.status.outbox):
            return None
        return self._now() - timedelta(seconds=clock - twin.heard) - UNDER_WAY

    def _to_clear(self, address: Address) -> str | None:
        status = self.twins.of(address).status
        return status.to_be_cleared if status else None

    def _on_status(self, address: Address) -> None:
        self.dispatch.on_status(address)
        self.turn_keeper.on_status(address)
        self.conditions.on_status(address)

    async def _deliver(self, address: Address, matters_at: datetime | None) -> Delivery:
        self.turn_keeper.look_at([address])
        self.attended_keeper.look_at([address])
        self.queue_keeper.wake()
        if self.services.office.devices[address].kind == ATTENDED:
            return Delivery.AT_DESK
        return await self.dispatch.deliver(address, matters_at)

    def _replan(self, addresses: Collection[Address]) -> None:
        self.turn_keeper.look_at(addresses)
        self._changed(addresses)

    def _changed(self, addresses: Collection[Address]) -> None:
        self.attended_keeper.look_at(addresses)
        self.queue_keeper.wake()
        self.dispatch.replan(addresses)
