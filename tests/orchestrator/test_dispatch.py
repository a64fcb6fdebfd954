"""Plans on their way to the devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from mqtt_schemas.messages import PlanInForce
from mqtt_schemas.plan import Plan
from orchestrator.delivery import Delivery
from orchestrator.dispatch import Dispatch
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import Device
from orchestrator.domain.planning import MAX_REVISION
from orchestrator.store import bookings, plans
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.store.writer import Work
from orchestrator.twins import Twins
from tests.orchestrator.fakes import (
    DEVICES,
    NOW,
    PC,
    PRINTER,
    FakeBus,
    FakeClock,
    in_force,
    link,
    status,
)

T = TypeVar("T")
MINUTE = timedelta(minutes=1)


class FullDisk:
    """A database that can be made to refuse writing."""

    def __init__(self, database: Database) -> None:
        self.full = False
        self.going = asyncio.Event()
        self.going.set()
        self._database = database

    async def write(self, work: Work[T]) -> T:
        """Write, unless the disk is full."""
        if self.full:
            raise StoreFailed("The database could not be written: disk is full.")
        return await self._database.write(work)

    async def read(self, work: Work[T]) -> T:
        """Read, and come back with it only while `going` is set."""
        found = await self._database.read(work)
        await self.going.wait()
        return found


class House:
    """A dispatch with a real store and twins, and a bus and clocks that are not."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.disk = FullDisk(database)
        self.clock, self.bus, self.twins = FakeClock(), FakeBus(), Twins(DEVICES)
        self.contested = False
        self.dispatch = self.again()

    def again(self, issuer: str = "main") -> Dispatch:
        """Return a dispatch as after a restart."""
        self.twins = Twins(DEVICES)
        self.dispatch = Dispatch(
            database=self.disk,  # type: ignore[arg-type] # reads and writes are all that it needs
            devices=DEVICES,
            twins=self.twins,
            publish=self.bus.publish,
            issuer=issuer,
            now=self.clock.now,
            monotonic=self.clock.seconds,
            contested=lambda: self.contested,
        )
        return self.dispatch

    def report(
        self, plan: Plan | PlanInForce | None, *, connection: int = 1, device: Device = PRINTER
    ) -> None:
        """Let a device report what it carries out."""
        message = status(plan, connection=connection)
        twin = self.twins.of(device.address)
        twin.take_link(link(connection=connection))
        assert twin.take_status(message, now=self.clock.seconds(), retained=False)
        self.dispatch.on_status(device.address)

    async def hear(self, plan: Plan | PlanInForce | None, *, connection: int = 1) -> list[Plan]:
        """Let the printer report; return the plans that it gets for it."""
        self.report(plan, connection=connection)
        await self.dispatch.step()
        return self.bus.plans()

    async def later(self, seconds: float) -> list[Plan]:
        """Let time pass; return the plans that the printer gets by it."""
        self.clock.pass_by(seconds)
        await self.dispatch.step()
        return self.bus.plans()

    async def book(self, start: datetime, end: datetime, name: str = "b1") -> Booking:
        """Keep a booking of the printer."""
        booking = Booking(name, PRINTER.address, start, end)
        await self.database.write(partial(bookings.insert, booking=booking, created=NOW))
        return booking

    async def started(self) -> Plan:
        """Start, and return the printer's plan, which it carries out."""
        await self.dispatch.start()
        (plan,) = self.bus.plans()
        assert await self.hear(plan) == []
        return plan


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a house with nothing booked."""
    database = Database.open(tmp_path / "store.db")
    yield House(database)
    database.close()


async def test_every_device_gets_a_plan_at_the_start(house: House) -> None:
    """Kept before it is sent, and wanted of its twin."""
    await house.dispatch.start()
    for device in DEVICES.values():
        (plan,) = house.bus.plans(device)
        assert (plan.issuer, plan.revision) == ("main", 1)
        assert house.twins.of(device.address).desired == plan
        stored = await house.database.read(plans.load)
        assert stored[device.address].plan == plan


async def test_a_restart_sends_the_same_revision(house: House) -> None:
    """Nothing has changed, so nothing is issued; the broker may have lost what it kept."""
    plan = await house.started()
    await house.again().start()
    assert house.bus.plans() == [plan]


async def test_another_name_of_the_orchestrator_is_another_plan(house: House) -> None:
    """Agreement is the issuer's too."""
    await house.started()
    await house.again("spare").start()
    (plan,) = house.bus.plans()
    assert (plan.issuer, plan.revision) == ("spare", 2)


async def test_a_booking_is_a_new_revision(house: House) -> None:
    """Of its own device only."""
    await house.started()
    house.bus.sent.clear()
    booking = await house.book(NOW, NOW + 60 * MINUTE)
    plan = await house.dispatch.refresh(PRINTER.address)
    assert plan is not None
    assert [turn.id for turn in plan.turns] == [booking.id]
    assert house.bus.plans() == [plan]
    assert house.bus.plans(PC) == []


async def test_the_same_content_is_no_new_revision(house: House) -> None:
    """However often it is asked for."""
    plan = await house.started()
    assert await house.dispatch.refresh(PRINTER.address) == plan
    assert house.bus.plans() == []


async def test_time_alone_makes_a_new_revision_when_it_is_due(house: House) -> None:
    """The turn leaves the plan an hour past its grace, and not a second before."""
    await house.book(NOW, NOW + 60 * MINUTE)
    plan = await house.started()
    assert len(plan.turns) == 1
    due = (60 + 60) * 60 + PRINTER.policy.grace
    assert all(len(each.turns) == 1 for each in await house.later(due - 1))
    (after,) = await house.later(1)
    assert after.turns == ()


async def test_the_sleep_ends_with_the_next_boundary_or_retry(house: House) -> None:
    """At most a minute, since a stepped clock tells nobody."""
    await house.started()
    assert await house.dispatch.step() == 60
    house.report(None)
    assert await house.dispatch.step() == pytest.approx(2)


async def test_a_device_that_does_not_take_its_plan_gets_it_ever_more_seldom(house: House) -> None:
    """After 2, 5, 15 s and then every minute, as long as it is there."""
    await house.started()
    await house.book(NOW + 60 * MINUTE, NOW + 120 * MINUTE)
    plan = await house.dispatch.refresh(PRINTER.address)
    house.bus.plans()
    waits: list[int] = []
    waited = 0
    while len(waits) < 6:
        house.report(None)
        waited += 1
        if await house.later(1):
            waits.append(waited)
            waited = 0
    assert waits == [2, 5, 15, 60, 60, 60]
    assert await house.hear(plan) == []
    assert await house.later(40) == []


async def test_a_device_that_is_away_is_left_alone(house: House) -> None:
    """Its plan waits at the broker."""
    await house.started()
    await house.hear(None)
    sent = [plan for _ in range(20) for plan in await house.later(46)]
    assert sent == []


async def test_a_device_that_is_back_without_its_plan_gets_it_at_once(house: House) -> None:
    """On a new connection, whatever the last wait was; once."""
    plan = await house.started()
    await house.later(50)
    assert await house.hear(None, connection=2) == [plan]
    assert await house.hear(None, connection=2) == []
    assert await house.later(2) == [plan]
    assert await house.hear(plan, connection=2) == []


async def test_a_new_connection_begins_with_the_shortest_wait(house: House) -> None:
    """However long the one before had come to wait."""
    plan = await house.started()
    await house.hear(None, connection=2)
    for _ in range(9):
        house.report(None, connection=2)
        await house.later(10)
    assert await house.hear(None, connection=3) == [plan]
    assert await house.later(1) == []
    assert await house.later(1) == [plan]


async def test_the_plans_go_out_again_on_a_new_connection_to_the_broker(house: House) -> None:
    """While it is away nothing is lost: no plan is sent, and all are when it is back."""
    await house.started()
    house.bus.sent.clear()
    house.bus.up = False
    await house.book(NOW, NOW + 60 * MINUTE)
    plan = await house.dispatch.refresh(PRINTER.address)
    assert house.bus.plans() == []
    house.bus.up = True
    house.dispatch.on_connected()
    await house.dispatch.step()
    assert house.bus.plans() == [plan]
    assert len(house.bus.plans(PC)) == 1


async def test_a_device_that_is_heard_before_its_plan_is_out_gets_it_once(house: House) -> None:
    """Its status may come in before the first plans go out on a new connection."""
    house.bus.up = False
    await house.dispatch.start()
    house.bus.up = True
    house.dispatch.on_connected()
    assert len(await house.hear(None)) == 1


@pytest.mark.parametrize(("reported", "expected"), [(1, 2), (40, 41)])
async def test_a_device_ahead_of_us_gets_the_revision_after_its_own(
    house: House, reported: int, expected: int
) -> None:
    """The orchestrator was restored: reported + 1, and one alarm."""
    plan = await house.started()
    ahead = PlanInForce(issuer="main", revision=reported, digest="f" * 64)
    (answer,) = await house.hear(ahead, connection=2) or await house.later(60)
    assert answer.revision == expected
    assert (answer.turns, answer.valid_until) == (plan.turns, plan.valid_until)
    assert house.dispatch.conflicts == 1
    assert await house.hear(ahead, connection=2) == []
    assert await house.hear(answer, connection=2) == []
    assert house.dispatch.conflicts == 1
    await house.again().start()
    assert [each.revision for each in house.bus.plans()] == [expected]


async def test_a_device_that_leaps_ahead_each_time_makes_no_storm(house: House) -> None:
    """Each answer waits its turn, as any repetition does."""
    await house.started()
    answers = 0
    for second in range(120):
        ahead = PlanInForce(issuer="main", revision=100 + second * 10, digest="f" * 64)
        answers += len(await house.hear(ahead))
        answers += len(await house.later(1))
    assert answers == 4


async def test_beside_another_orchestrator_nobody_is_outbid(house: House) -> None:
    """Two of one name would outbid each other for ever; ours is sent on, and above when alone."""
    plan = await house.started()
    house.contested = True
    ahead = PlanInForce(issuer="main", revision=7, digest="f" * 64)
    assert await house.hear(ahead, connection=2) == [plan]
    assert house.dispatch.conflicts == 1
    house.contested = False
    assert [each.revision for each in await house.later(2)] == [8]


async def test_a_device_at_the_highest_revision_is_an_alarm_and_no_crash(house: House) -> None:
    """Nothing can outdo it; people have to."""
    plan = await house.started()
    highest = PlanInForce(issuer="main", revision=MAX_REVISION, digest="f" * 64)
    assert await house.hear(highest, connection=2) == [plan]
    assert house.dispatch.conflicts == 1
    await house.book(NOW, NOW + 60 * MINUTE)
    after = await house.dispatch.refresh(PRINTER.address)
    assert after is not None
    assert after.revision == 2


async def test_a_foreign_issuers_plan_is_an_alarm_told_once(house: House) -> None:
    """And no race of revisions between two orchestrators: ours is only sent again."""
    plan = await house.started()
    foreign = PlanInForce(issuer="spare", revision=9, digest="f" * 64)
    assert await house.hear(foreign, connection=2) == [plan]
    assert await house.hear(foreign, connection=2) == []
    house.clock.pass_by(2)
    assert await house.hear(foreign, connection=2) == [plan]
    assert house.dispatch.conflicts == 1


async def test_an_unreadable_plan_of_an_earlier_version_is_replaced(house: House) -> None:
    """Above its revision, so that the device takes the new one."""
    await house.database.write(
        lambda rows: rows.execute("INSERT INTO plans VALUES ('paja', 'printer-1', 7, 'x', '{}')")
    )
    await house.dispatch.start()
    assert [plan.revision for plan in house.bus.plans()] == [8]


async def test_a_plan_that_can_not_be_kept_is_not_sent(house: House) -> None:
    """It is tried again; meanwhile the one before holds."""
    await house.started()
    booking = await house.book(NOW, NOW + 60 * MINUTE)
    house.disk.full = True
    assert await house.dispatch.deliver(booking.address, booking.starts_at) is Delivery.NOT_STORED
    assert await house.later(5) == []
    house.disk.full = False
    (plan,) = await house.later(5)
    assert [turn.id for turn in plan.turns] == [booking.id]


async def test_delivery_tells_how_far_a_change_has_come(house: House) -> None:
    """Beyond the plan's reach, to a device that is away, told, and confirmed."""
    await house.started()
    far = await house.book(NOW + timedelta(days=7), NOW + timedelta(days=7, hours=1), "far")
    assert await house.dispatch.deliver(far.address, far.starts_at) is Delivery.LATER
    near = await house.book(NOW, NOW + 60 * MINUTE, "near")
    assert await house.dispatch.deliver(near.address, near.starts_at, within=0) is Delivery.SENT
    (plan,) = house.bus.plans()
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(house.dispatch.deliver(near.address, near.starts_at, within=30))
        await asyncio.sleep(0)
        house.report(in_force(plan))
        await house.dispatch.step()
    assert answer.result() is Delivery.IN_FORCE
    house.clock.pass_by(50)
    assert await house.dispatch.deliver(near.address, near.starts_at) is Delivery.OFFLINE


async def test_run_sleeps_until_something_happens(house: House) -> None:
    """A status wakes it; nobody has to wait for a round."""
    await house.started()
    house.bus.sent.clear()
    running = asyncio.create_task(house.dispatch.run())
    try:
        while not house.dispatch._wake._waiters:  # noqa: ASYNC110 - until it sleeps
            await asyncio.sleep(0)
        house.report(None, connection=2)
        async with asyncio.timeout(5):
            while not house.bus.sent:  # noqa: ASYNC110 - a fake has no event
                await asyncio.sleep(0)
    finally:
        running.cancel()


async def test_a_booking_made_while_another_is_being_planned_is_planned_too(house: House) -> None:
    """Two people book one device at once: neither turn is left out of the plan."""
    await house.started()
    await house.book(NOW + MINUTE, NOW + 5 * MINUTE, "b1")
    house.disk.going.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(house.dispatch.refresh(PRINTER.address))
        await asyncio.sleep(0.1)  # the first plan is made of what was read before the second
        await house.book(NOW + 10 * MINUTE, NOW + 15 * MINUTE, "b2")
        tasks.create_task(house.dispatch.refresh(PRINTER.address))
        await asyncio.sleep(0)
        house.disk.going.set()
    plan = house.bus.plans()[-1]
    assert [turn.id for turn in plan.turns] == ["b1", "b2"]
