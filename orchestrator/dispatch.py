"""Domain change or time boundary -> plan revision -> message out, until the device agrees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from mqtt_schemas.codec import encode
from mqtt_schemas.messages import PlanInForce, Status
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address, Channel, device_topic
from orchestrator.circumstances import Circumstances
from orchestrator.deadlines import Deadlines
from orchestrator.delivery import Delivery
from orchestrator.domain.agreement import Agreement, judge, retry_after, revision_after
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.plan_parts import NOTHING_HOLDS
from orchestrator.domain.planning import Outlook, earliest_end, issue_encoded, look_ahead, says
from orchestrator.publish import Publish
from orchestrator.store import bookings, plans
from orchestrator.store.database import Connection, Database
from orchestrator.store.errors import StoreFailed
from orchestrator.twins import Twins
from orchestrator.waking import woken

#: Nothing tells when the wall clock is stepped: boundaries are looked at again so often.
LONGEST_SLEEP = 60.0
STORE_AGAIN_AFTER = 5.0
AT_ONCE = 50

_LOG = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lane:
    """One device's plan on its way.

    revision: the last one given out. payload: its plan, encoded. boundary: when time alone
    changes the content; None where the plan is to be looked at now. changed: its bookings did.
    published: whether the broker has the plan, as far as this connection to it knows.
    connection: the device's, when it was last sent to. alarm: what was last warned of, so that
    it is said once.
    """

    device: Device
    revision: int = 0
    plan: Plan | None = None
    payload: bytes = b""
    boundary: datetime | None = None
    changed: bool = False
    published: bool = False
    sent_at: float = 0.0
    attempt: int = 0
    connection: str | None = None
    alarm: object = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    agreed: asyncio.Event = field(default_factory=asyncio.Event)

    def carries_out(self, reported: PlanInForce | None) -> bool:
        """Tell whether the device reports our plan. On the path of every status."""
        plan = self.plan
        return (
            plan is not None
            and reported is not None
            and reported.digest == plan.digest
            and reported.revision == plan.revision
            and reported.issuer == plan.issuer
        )


class Dispatch:
    """Gives each device its plan, and sees that it carries it out.

    conflicts: devices found with a plan that can't be (laitevuoro_plan_conflicts_total).
    contested: whether another orchestrator serves our sites. Then none is outbid: the two would
    outbid each other for ever, and a device would go from one's turns to the other's and back.
    """

    def __init__(  # noqa: PLR0913 - a part each, all by keyword
        self,
        *,
        database: Database,
        devices: Mapping[Address, Device],
        twins: Twins,
        publish: Publish,
        issuer: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        contested: Callable[[], bool] = lambda: False,
        circumstances: Circumstances | None = None,
    ) -> None:
        self.conflicts = 0
        self._database = database
        self._twins = twins
        self._publish = publish
        self._issuer = issuer
        self._now = now
        self._monotonic = monotonic
        self._contested = contested
        self._circumstances = circumstances
        self._lanes = {
            address: _Lane(device) for address, device in devices.items() if device.kind != ATTENDED
        }
        self._boundaries: Deadlines[Address] = Deadlines()
        self._retries: Deadlines[Address] = Deadlines()
        self._waiting: set[Address] = set()
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._stored = True

    async def start(self) -> None:
        """Take up the plans as they were left, and bring them up to date. Raises StoreFailed."""
        for address, stored in (await self._database.read(plans.load)).items():
            lane = self._lanes.get(address)
            if lane is not None:
                lane.revision, lane.plan = stored.revision, stored.plan
                self._twins.of(address).desired = stored.plan
        await self._attend(self._lanes)

    async def run(self) -> None:
        """Do what is due, then sleep until more is. For ever."""
        while True:
            await woken(self._wake, await self.step())

    async def step(self) -> float:
        """Do all that is due now; return the seconds until more is."""
        self._wake.clear()
        for address in self._boundaries.take(self._now().timestamp()):
            self._lanes[address].boundary = None
            self._waiting.add(address)
        self._waiting.update(self._retries.take(self._monotonic()))
        waiting, self._waiting = self._waiting, set()
        await self._attend(waiting)
        return self._until_next()

    def on_status(self, address: Address) -> None:
        """Hear that a device's status has come in. Fast: most say what the one before said."""
        lane = self._lanes.get(address)
        status = self._twins.of(address).status
        if lane is None or status is None:
            return
        if lane.carries_out(status.plan):
            if lane.agreed.is_set():
                return
        elif status.connection == lane.connection and address in self._retries:
            return
        self._look_at([address])

    def on_connected(self) -> None:
        """Hear that there is a new connection to the broker, which may have lost what it kept."""
        for lane in self._lanes.values():
            lane.published = False
        self._look_at(self._lanes)

    async def refresh(self, address: Address) -> Plan | None:
        """Bring a device's plan up to date after a change of its bookings, and send it."""
        lane = self._lanes[address]
        lane.changed = True
        await self._attend_one(lane)
        return lane.plan

    async def deliver(
        self, address: Address, matters_at: datetime | None = None, *, within: float = 3.0
    ) -> Delivery:
        """Plan a device anew after a change and tell how far that came, after `within` s at most.

        matters_at: from when on the change matters; None: at once. An attended device has no
        agent to be told.
        """
        lane = self._lanes.get(address)
        if lane is None:
            return Delivery.IN_FORCE
        plan = await self.refresh(address)
        if plan is None or lane.boundary is None:
            return Delivery.NOT_STORED
        if matters_at is not None and matters_at >= plan.valid_until:
            return Delivery.LATER
        if not self._twins.of(address).online(self._monotonic()):
            return Delivery.OFFLINE
        try:
            async with asyncio.timeout(within):
                await lane.agreed.wait()
        except TimeoutError:
            return Delivery.SENT
        return Delivery.IN_FORCE

    def replan(self, addresses: Collection[Address]) -> None:
        """Have devices planned anew soon: what holds for them has changed."""
        if self._circumstances is not None:
            self._circumstances.forget()
        planned = [address for address in addresses if address in self._lanes]
        for address in planned:
            self._lanes[address].changed = True
        self._look_at(planned)

    def _look_at(self, addresses: Iterable[Address]) -> None:
        self._waiting.update(addresses)
        self._wake.set()

    def _until_next(self) -> float:
        seconds = LONGEST_SLEEP
        boundary, retry = self._boundaries.next(), self._retries.next()
        if boundary is not None:
            seconds = min(seconds, boundary - self._now().timestamp())
        if retry is not None:
            seconds = min(seconds, retry - self._monotonic())
        return max(seconds, 0.0)

    async def _attend(self, addresses: Iterable[Address]) -> None:
        async with asyncio.TaskGroup() as group:
            # In order, so that what a simulation finds can be seen again.
            for address in sorted(addresses):
                group.create_task(self._attend_one(self._lanes[address]), name=f"plan {address}")

    async def _attend_one(self, lane: _Lane) -> None:
        async with self._slots, lane.lock:
            # Not before the lock is had: a revision under way may have read what held before.
            if lane.changed:
                lane.changed, lane.boundary = False, None
            if lane.boundary is None:
                await self._revise(lane)
            if lane.plan is not None:
                await self._settle(lane, lane.plan)

    async def _revise(self, lane: _Lane, reported: PlanInForce | None = None) -> None:
        """Make the plan of what holds now, and keep it if it says something new.

        With `reported`, in any case, above the revision that the device has.
        """
        now, address = self._now(), lane.device.address
        try:
            outlook = await self._database.read(partial(self._look_ahead, lane.device, now))
            content = outlook.content
            same = lane.plan is not None and says(lane.plan, content, self._issuer)
            if reported is not None or not same:
                revision = revision_after(lane.revision, reported)
                if revision is None:
                    return
                issued = issue_encoded(content, issuer=self._issuer, revision=revision, now=now)
                await self._keep(lane, *issued)
        except StoreFailed as error:
            self._put_off(lane, error)
            return
        lane.boundary = outlook.boundary
        self._boundaries.set(address, outlook.boundary.timestamp())
        self._say_stored()

    def _look_ahead(self, device: Device, now: datetime, rows: Connection) -> Outlook:
        since = earliest_end(device.policy, now)
        known = bookings.of_device(rows, device.address, ends_after=since)
        holds = NOTHING_HOLDS
        if self._circumstances is not None:
            holds = self._circumstances.of(rows, device, now)
        return look_ahead(device, known, now, holds=holds)

    async def _keep(self, lane: _Lane, plan: Plan, payload: bytes) -> None:
        address = lane.device.address
        await self._database.write(lambda rows: plans.keep(rows, address, plan, payload))
        lane.plan, lane.revision, lane.payload = plan, plan.revision, payload
        lane.published, lane.attempt = False, 0
        lane.agreed.clear()
        self._twins.of(address).desired = plan
        _LOG.info("plan", device=str(address), revision=plan.revision, turns=len(plan.turns))

    async def _settle(self, lane: _Lane, plan: Plan) -> None:
        """Send the plan, again if need be, until the device carries it out.

        1. What the broker does not have is sent. 2. A device that is away finds it retained
        when it is back. 3. One that does not carry it out gets it again: at once on a new
        connection, else ever more seldom.
        """
        address = lane.device.address
        twin = self._twins.of(address)
        status = twin.status if twin.online(self._monotonic()) else None
        if not lane.published:
            lane.connection = status.connection if status else None
            await self._send(lane, plan)
        if status is None:
            lane.agreed.clear()
            self._retries.drop(address)
            return
        if lane.carries_out(status.plan):
            lane.alarm, lane.connection = None, status.connection
            lane.agreed.set()
            self._retries.drop(address)
            return
        lane.agreed.clear()
        await self._insist(lane, plan, status)

    async def _insist(self, lane: _Lane, plan: Plan, status: Status) -> None:
        verdict = judge(plan, status.plan)
        fresh = status.connection != lane.connection
        if fresh:
            lane.attempt = 0
        due = lane.sent_at + retry_after(lane.attempt)
        if verdict in (Agreement.CONFLICT, Agreement.FOREIGN):
            self._warn(lane, verdict, status)
        if fresh or self._monotonic() >= due:
            lane.connection = status.connection
            attempt = lane.attempt if fresh else lane.attempt + 1
            if verdict is Agreement.CONFLICT and not self._contested():
                await self._revise(lane, status.plan)
            await self._send(lane, lane.plan or plan)
            lane.attempt = attempt
        self._retries.set(lane.device.address, lane.sent_at + retry_after(lane.attempt))

    async def _send(self, lane: _Lane, plan: Plan) -> None:
        topic = device_topic(lane.device.address, Channel.PLAN)
        lane.sent_at = self._monotonic()
        lane.published = await self._publish(topic, lane.payload or encode(plan), 1, True)  # noqa: FBT003 - retained

    def _warn(self, lane: _Lane, verdict: Agreement, status: Status) -> None:
        if lane.alarm == (verdict, status.plan) or status.plan is None:
            return
        lane.alarm = (verdict, status.plan)
        self.conflicts += 1
        _LOG.warning(
            "plan_conflict",
            device=str(lane.device.address),
            what=verdict,
            issuer=status.plan.issuer,
            reported=status.plan.revision,
            ours=lane.revision,
        )

    def _put_off(self, lane: _Lane, error: StoreFailed) -> None:
        lane.boundary = None
        self._boundaries.set(lane.device.address, self._now().timestamp() + STORE_AGAIN_AFTER)
        if self._stored:
            _LOG.error("plans_not_stored", reason=str(error))
        self._stored = False

    def _say_stored(self) -> None:
        if not self._stored:
            _LOG.info("plans_stored_again")
        self._stored = True
