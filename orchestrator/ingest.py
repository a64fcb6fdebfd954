"""Message in -> twin or event -> store -> acknowledgement. Never the last before the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import partial

import structlog

from mqtt_schemas import codec
from mqtt_schemas.codec import Fault, InvalidMessage
from mqtt_schemas.messages import Ack, Link, OutboxState, Status, TimeRequest
from mqtt_schemas.topics import Address, Channel, Instance, device_topic
from orchestrator.backlog import Backlog
from orchestrator.deliveries import Delivery, Unpacking
from orchestrator.domain.devices import Device
from orchestrator.domain.usage import Totals, no_totals, without_hours
from orchestrator.publish import Publish
from orchestrator.refusals import Refusals
from orchestrator.store import counters, logs, totals
from orchestrator.store.counters import Counts
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.store.intake import Question, Taken, take_in
from orchestrator.time_answers import TimeAnswers
from orchestrator.twins import Twin, Twins

#: The fault of a message from a device that is not in the configuration.
FOREIGN = "foreign"
#: After a failed commit, before the next try.
PAUSE_SECONDS = 1.0
#: An event or its acknowledgement is on its way so long at most.
PATIENCE_MS = 5000

_LOG = structlog.get_logger(__name__)


class Ingest:
    """Takes what comes from the bus.

    totals: of all use, without hours. counts: of what became of messages. Both are those of
    the database, as of the newest commit. on_turns, on_booked: hear after the commit which
    devices told of turns, and which began some that are bookings now.
    """

    def __init__(
        self,
        *,
        database: Database,
        twins: Twins,
        devices: Mapping[Address, Device],
        publish: Publish,
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float],
        on_status: Callable[[Address], None],
        zone: tzinfo,
    ) -> None:
        self.totals: Totals = no_totals()
        self.counts: Counts = Counts()
        self.on_turns: Callable[[Collection[Address]], None] = lambda _: None
        self.on_booked: Callable[[Collection[Address]], None] = lambda _: None
        self._database = database
        self._twins = twins
        self._devices = {str(address): address for address in devices}
        self._publish = publish
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._on_status = on_status
        self._zone = zone
        self._time = TimeAnswers(publish=publish, wall_ms=wall_ms)
        self._refusals = Refusals(database=database, wall_ms=wall_ms, on_written=self.counts.update)
        self._waiting = Backlog()
        self._event_topics = {
            device_topic(twin.address, Channel.EVENTS): twin for twin in twins.all()
        }
        self._questions: dict[Address, str] = {}
        self._tips: dict[Address, tuple[str, int]] = {}
        self._acks: dict[tuple[Address, str], Ack] = {}
        self._work, self._to_acknowledge = asyncio.Event(), asyncio.Event()
        self._failing = False
        self._loaded = False

    @property
    def backlog(self) -> int:
        """How many messages with events wait for the database."""
        return len(self._waiting)

    def receive(self, topic: str, payload: bytes, retained: bool = False) -> None:  # noqa: FBT001, FBT002 - by position, as MQTT gives it; on the path of every message
        """Take one message from the bus. Never raises for what is in it.

        retained: the broker had kept it, so it tells what was, not what is.
        """
        twin = self._event_topics.get(topic)
        if twin is not None:
            self._take_events(twin, topic, payload)
            return
        try:
            received = codec.decode(topic, payload)
        except InvalidMessage as error:
            self._refuse(topic, payload, error.fault, error.reason)
            return
        source, message = received.source, received.message
        if isinstance(source, Instance):
            return  # the bus has seen it
        if (twin := self._twins.find(source)) is None:
            self._refuse(topic, payload, FOREIGN, "the device is not in the configuration")
        elif isinstance(message, Status):
            self._take_status(twin, message, retained=retained)
        elif isinstance(message, TimeRequest):
            self._time.ask(source, message)
        elif isinstance(message, Link):
            twin.take_link(message)
        else:
            self._take_other(twin, received.channel, topic, payload)

    async def load(self) -> None:
        """Take up totals, counters and logs as they were left. Raises StoreFailed.

        `run` does it, unless it was done before: then nobody sees the zeros meanwhile.
        """
        read = self._database.read
        self.totals = without_hours(await read(totals.read))
        self.counts.clear()
        self.counts.update(await read(counters.read))
        self._tips = await read(logs.newest)
        self._loaded = True

    async def run(self) -> None:
        """Commit and acknowledge for ever. What waits when it is cancelled is still committed."""
        try:
            if not self._loaded:
                await self.load()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._commit_for_ever(), name="ingest-commit")
                group.create_task(self._acknowledge_for_ever(), name="ingest-acknowledge")
                group.create_task(self._refusals.run(), name="ingest-refusals")
                group.create_task(self._time.run(), name="ingest-time")
        finally:
            while self._waiting and await self._commit():
                pass
            await self._acknowledge()
            await self._refusals.write()
            with suppress(StoreFailed):
                await self._database.settle()

    def _take_status(self, twin: Twin, status: Status, *, retained: bool) -> None:
        if not twin.take_status(status, now=self._monotonic(), retained=retained):
            return
        if self._in_doubt(twin.address, status.outbox):
            self._questions[twin.address] = status.outbox.log
            self._work.set()
        self._on_status(twin.address)

    def has_all(self, address: Address, outbox: OutboxState) -> bool:
        """Tell whether all that a device says it has logged is committed here."""
        return self._tips.get(address, (outbox.log, 0)) == (outbox.log, outbox.last)

    def _in_doubt(self, address: Address, outbox: OutboxState) -> bool:
        """Tell whether an outbox disagrees with what is committed, and not just for a moment.

        A device that waits for nothing yet has another history, or one that has waited long:
        it is told how far its log is committed, and goes on from there.
        """
        if self.has_all(address, outbox):
            return False
        return outbox.oldest_age_ms is None or outbox.oldest_age_ms > PATIENCE_MS

    def _take_events(self, twin: Twin, topic: str, payload: bytes) -> None:
        """Keep events for the database's thread, which looks into them."""
        outbox = twin.status.outbox if twin.status else None
        if self._waiting.put(Delivery(twin.address, topic, payload, outbox, twin.checkpoint)):
            self._work.set()
        else:
            self._refusals.drop(twin.address, events=payload.count(b'"seq":'))

    def _take_other(self, twin: Twin, channel: Channel | None, topic: str, payload: bytes) -> None:
        """Take a retained message's deletion, and refuse the rest."""
        if payload:
            self._refuse(topic, payload, Fault.TOPIC, "devices do not publish on this channel")
        elif channel is Channel.STATUS:
            twin.forget_status()
        elif channel is Channel.LINK:
            twin.take_link(None)
        else:
            self._refuse(topic, payload, Fault.NOT_JSON, "payload: it is empty")

    def _refuse(self, topic: str, payload: bytes, fault: str, reason: str) -> None:
        address = self._devices.get("/".join(topic.split("/", 4)[2:4]))
        self._refusals.refuse(
            topic=topic, payload=payload, fault=str(fault), reason=reason, address=address
        )

    async def _commit_for_ever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting or self._questions:
                if not await self._commit():
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _commit(self) -> bool:
        """Commit what waits, then acknowledge. False: nothing was kept, nothing acknowledged.

        What was not acknowledged is sent again by its device, so it need not be kept here.
        """
        deliveries = self._waiting.take()
        questions = [Question(*each) for each in self._questions.items()]
        self._questions = {}
        try:
            taken = await self._write(deliveries, questions)
        except StoreFailed as error:
            if not self._failing:
                _LOG.error("commit_failed", reason=str(error))
            self._failing = True
            self._refusals.commit_failed()
            return False
        self._failing = False
        for each in taken:
            self.keep(each)
            self._acks.update(each.acks)
            self._to_acknowledge.set()
        return True

    async def _write(
        self, deliveries: Sequence[Delivery], questions: Sequence[Question]
    ) -> list[Taken]:
        """Commit together; if one of them breaks our rules, all others without it."""
        batches = Unpacking(deliveries)
        work = partial(
            take_in, batches=batches, questions=questions, now_ms=self._wall_ms(), zone=self._zone
        )
        try:
            taken = await self._database.write(work)
        except StoreFailed:
            raise
        except Exception:  # noqa: BLE001 - one device's events must not block the others
            if len(deliveries) <= 1:
                device = str(deliveries[0].address) if deliveries else None
                _LOG.exception("intake_failed", device=device)
                return []
            return [taken for each in deliveries for taken in await self._write([each], [])]
        for each in batches.refused:
            self._refuse(each.delivery.topic, each.delivery.payload, each.fault, each.reason)
        return [taken]

    def keep(self, taken: Taken) -> None:
        """Take over what a transaction did, once it is committed."""
        self.counts.update(taken.counts)
        for cell, amounts in taken.totals.items():
            self.totals[cell._replace(hour="")].add(amounts)
        self._tips.update(taken.tips)
        if taken.turns:
            self.on_turns(taken.turns)
        if taken.booked:
            self.on_booked(taken.booked)

    async def _acknowledge_for_ever(self) -> None:
        """Acknowledge what is committed, while the next transaction is already under way."""
        while True:
            await self._to_acknowledge.wait()
            self._to_acknowledge.clear()
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        while self._acks:
            address, log = next(iter(self._acks))
            ack = codec.encode(self._acks.pop((address, log)))
            await self._publish(device_topic(address, Channel.ACK), ack, 0, False)  # noqa: FBT003 - not retained
