"""Offering what becomes free, at the moment when it does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mqtt_schemas.base import DeviceState
from mqtt_schemas.topics import Address
from orchestrator.domain.next_turn import Condition
from orchestrator.domain.queue import TicketState
from orchestrator.queue_keeper import (
    LONGEST_SLEEP,
    STORE_AGAIN_AFTER,
    Conditions,
    QueueKeeper,
    waited_for,
)
from orchestrator.store import bookings
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.twins import Twins
from tests.orchestrator.domain.queues import booked
from tests.orchestrator.fakes import NOW, PC, PRINTER, FakeClock, status
from tests.orchestrator.test_queue_service import VR, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return the desk of a library with one VR headset."""
    database = Database.open(tmp_path / "store.db")
    yield Desk(database, VR)
    database.close()


def keeper_of(desk: Desk) -> QueueKeeper:
    """Return a keeper of the desk's queue."""
    return QueueKeeper(service=desk.service, now=desk.clock.now)


async def test_with_nobody_waiting_it_sleeps_until_woken(desk: Desk) -> None:
    """No polling."""
    assert await keeper_of(desk).step() is None


async def test_it_sleeps_until_time_alone_frees_a_device(desk: Desk) -> None:
    """Twenty seconds before the end of the running turn and its pause, for twenty seconds."""
    running = booked(-30, 5)
    await desk.database.write(lambda rows: bookings.insert(rows, running, created=NOW))
    await desk.join()
    desk.replanned.clear()
    keeper = keeper_of(desk)
    assert await keeper.step() == LONGEST_SLEEP
    desk.clock.pass_by(580)
    assert await keeper.step() == 20
    desk.clock.pass_by(20)
    await keeper.step()
    assert await desk.numbers() == [(1, TicketState.OFFERED)]
    assert desk.replanned == [{VR.address}]


async def test_it_offers_as_soon_as_it_is_woken(desk: Desk) -> None:
    """A device that becomes ready is offered without waiting for a deadline."""
    desk.conditions[VR.address] = Condition.BUSY
    await desk.join()
    desk.told.clear()
    keeper = keeper_of(desk)
    task = asyncio.create_task(keeper.run())
    try:
        await asyncio.sleep(0)
        desk.conditions[VR.address] = Condition.READY
        keeper.wake()
        async with asyncio.timeout(5):
            await desk.told.wait()
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert await desk.numbers() == [(1, TicketState.OFFERED)]


async def test_devices_are_planned_anew_when_the_first_came_and_when_the_last_left(
    desk: Desk,
) -> None:
    """Nobody begins alone while somebody waits; another one who comes changes nothing."""
    told: list[set[Address]] = []
    keeper = QueueKeeper(
        service=desk.service,
        now=desk.clock.now,
        waited_for=partial(waited_for, desk.office),
        replan=lambda addresses: told.append(set(addresses)),
    )
    desk.conditions[VR.address] = Condition.BUSY
    await keeper.step()
    assert told == []
    await desk.join()
    await keeper.step()
    await desk.join()
    await keeper.step()
    assert told == [{VR.address}]
    desk.conditions[VR.address] = Condition.READY
    await desk.service.leave("vr", 1)
    await keeper.step()
    assert told == [{VR.address}, {VR.address}]


async def test_a_store_that_fails_is_tried_again() -> None:
    """The line is not forgotten."""

    class Failing:
        async def move_on(self) -> None:
            raise StoreFailed("disk full")

    keeper = QueueKeeper(service=Failing(), now=FakeClock().now)  # type: ignore[arg-type] # only move_on is asked
    assert await keeper.step() == STORE_AGAIN_AFTER


def test_a_device_is_heard_of_when_it_becomes_ready() -> None:
    """Once, not at each heartbeat."""
    clock, twins, heard = FakeClock(), Twins([PRINTER.address, PC.address]), []
    conditions = Conditions(twins=twins, addresses=[PRINTER.address], monotonic=clock.seconds)
    conditions.hear = lambda: heard.append(clock.seconds())
    twin = twins.of(PRINTER.address)
    assert conditions.now() == {PRINTER.address: Condition.AWAY}
    for state in (DeviceState.IN_USE, DeviceState.FREE, DeviceState.LOCKED, DeviceState.IN_USE):
        said = status().model_copy(update={"state": state})
        twin.take_status(said, now=clock.seconds(), retained=False)
        conditions.on_status(PRINTER.address)
        clock.pass_by(1)
    assert heard == [1001.0]
    assert conditions.now() == {PRINTER.address: Condition.BUSY}
    twin.take_status(status(), now=clock.seconds(), retained=False)
    conditions.on_status(PRINTER.address)
    assert heard == [1001.0, 1004.0]


async def test_a_wait_ends_with_the_day(desk: Desk) -> None:
    """The keeper wakes at local midnight though nothing is foreseen."""
    desk.conditions[VR.address] = Condition.AWAY
    await desk.join()
    desk.clock.pass_by(timedelta(hours=10).total_seconds() - 30)
    keeper = keeper_of(desk)
    assert await keeper.step() == 30
    desk.clock.pass_by(30)
    assert await keeper.step() is None
