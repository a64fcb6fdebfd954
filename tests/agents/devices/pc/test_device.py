"""The PC as the runtime sees it, on a private bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from agents.devices.pc.catalogue import Catalogue
from agents.devices.pc.device import PATIENCE_MS, Pc
from agents.model import Answer, Device, Observation, Order
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from tests.agents.devices.pc.private_bus import FakeLogind, private_bus
from tests.agents.devices.pc.test_processes import Proc


class Machine:
    """A PC device with a boot clock and a /proc of its own."""

    def __init__(self, folder: Path, address: str) -> None:
        (folder / "proc").mkdir()
        self.now = 1000
        self.boot_id = "boot"
        self.proc = Proc(folder / "proc")
        self.device = Pc(
            seat="seat0",
            bus_address=address,
            proc=self.proc.folder,
            catalogue=Catalogue(),
            helper_socket=None,
            clock=self,
        )

    def boot_ms(self) -> int:
        """Return the time since boot that the test set."""
        return self.now

    def wall_ms(self) -> int:
        """Return a wall clock that nothing here goes by."""
        raise AssertionError

    async def look(self) -> Observation:
        """Look once."""
        (seen,) = await self.device.observe()
        return seen

    async def next_look(self) -> Observation:
        """Look as the runtime does, once a change was told."""
        await self.device.changed()
        return await self.look()


@pytest_asyncio.fixture
async def machine(tmp_path: Path, bus: str) -> AsyncIterator[Machine]:
    """Give a PC on the private bus, looked at once."""
    machine = Machine(tmp_path, bus)
    await machine.device.start()
    yield machine
    await machine.device.stop()


async def test_a_login_is_a_use_from_its_signal_on(machine: Machine, logind: FakeLogind) -> None:
    """A greeter is free; a login is use and active; a logout ends it. Nobody is named."""
    logind.add("c1", class_="greeter")
    seen = await machine.look()
    assert (seen.state, seen.use, seen.device_link) == (DeviceState.FREE, None, "connected")
    logind.change("c1", Active=False)
    await machine.look()
    machine.now = 2000
    logind.add("2")
    seen = await machine.next_look()
    assert seen.state is DeviceState.IN_USE
    assert (seen.at_ms, seen.active, seen.category) == (2000, True, "other")
    assert seen.use is not None
    assert "alice" not in repr(seen)
    logind.remove("2")
    seen = await machine.next_look()
    assert (seen.state, seen.use, seen.ended) == (DeviceState.FREE, None, None)


async def test_unlocking_begins_a_new_use(machine: Machine, logind: FakeLogind) -> None:
    """The lock ends a use; who unlocks may be somebody else."""
    logind.add("2")
    first = (await machine.look()).use
    logind.change("2", LockedHint=True)
    seen = await machine.next_look()
    assert (seen.state, seen.use, seen.active) == (DeviceState.LOCKED, None, False)
    logind.change("2", LockedHint=False)
    seen = await machine.next_look()
    assert seen.state is DeviceState.IN_USE
    assert seen.use not in (None, first)


async def test_an_idle_desktop_is_use_but_not_active(machine: Machine, logind: FakeLogind) -> None:
    """Idle time has no category."""
    machine.proc.add(10, "gimp")
    logind.add("2")
    first = await machine.look()
    assert (first.active, first.category) == (True, "image_editing")
    logind.change("2", IdleHint=True)
    seen = await machine.next_look()
    assert (seen.use, seen.active, seen.category) == (first.use, False, None)


async def test_a_new_use_does_not_inherit_programs(machine: Machine, logind: FakeLogind) -> None:
    """PIDs are used again: what ran for the last customer is forgotten."""
    machine.proc.add(10, "gimp")
    logind.add("2")
    for _ in range(3):
        assert (await machine.look()).category == "image_editing"
    machine.proc.add(10, "sh")
    assert (await machine.look()).category == "image_editing"
    logind.remove("2")
    await machine.look()
    logind.add("2")
    assert (await machine.look()).category == "other"


async def test_switching_users_switches_programs(machine: Machine, logind: FakeLogind) -> None:
    """From one session straight to another: another use, and only its own programs count."""
    machine.proc.add(10, "gimp")
    logind.add("2")
    first = await machine.look()
    logind.change("2", Active=False)
    logind.add("3", uid=1001)
    second = await machine.look()
    assert (first.category, second.category) == ("image_editing", "other")
    assert second.use not in (None, first.use)


async def test_readings_and_rule(machine: Machine) -> None:
    """Readings are the machine's; the rule and the pace are those of a Device."""
    device: Device = machine.device
    assert (device.rule, device.interval) == ("pc/1", 5.0)
    assert (await machine.look()).readings == {"load1": 0.5}


async def test_without_a_bus_it_says_what_is_missing(tmp_path: Path) -> None:
    """A machine without a system bus is not taken for a free one, and its orders fail by name."""
    machine = Machine(tmp_path, f"unix:path={tmp_path / 'nothing'}")
    await machine.device.start()
    seen = await machine.look()
    assert (seen.device_link, seen.state) == (DeviceLink.DISCONNECTED, DeviceState.OFF)
    assert (seen.problems, seen.use, seen.readings) == (("no_system_bus",), None, {"load1": 0.5})
    answer = await machine.device.carry_out(Order(Step.LOCK))
    assert answer == Answer(OrderOutcome.FAILED, "no_system_bus")
    await machine.device.stop()


async def test_a_bus_without_logind_says_so(machine: Machine) -> None:
    """In a container the bus may be there alone."""
    seen = await machine.look()
    assert (seen.problems, seen.device_link) == (("no_logind",), DeviceLink.DISCONNECTED)


async def test_a_restart_of_logind_is_bridged(
    machine: Machine, bus: str, logind: FakeLogind
) -> None:
    """For 5 s the last look holds, so an upgrade of systemd splits no session."""
    logind.add("2")
    use = (await machine.look()).use
    logind.stop()
    machine.now += 100
    seen = await machine.next_look()
    assert (seen.use, seen.at_ms, seen.problems) == (use, 1100, ())
    again = await FakeLogind.start(bus)
    again.add("2")
    assert (await machine.next_look()).use == use
    again.stop()


async def test_a_lost_bus_ends_the_use_as_unknown(tmp_path: Path) -> None:
    """Past the patience the device is disconnected, and the use ended in a way unknown."""
    async with private_bus(tmp_path) as address:
        logind = await FakeLogind.start(address)
        logind.add("2")
        machine = Machine(tmp_path, address)
        await machine.device.start()
        use = (await machine.look()).use
        logind.stop()
    assert (await machine.next_look()).use == use
    machine.now += PATIENCE_MS
    seen = await machine.look()
    assert (seen.device_link, seen.use) == (DeviceLink.DISCONNECTED, None)
    assert seen.problems == ("no_system_bus",)
    assert seen.ended is not None
    assert (seen.ended.use, seen.ended.outcome) == (use, Outcome.UNKNOWN)
    assert (await machine.look()).ended is None
    await machine.device.stop()


async def test_orders_are_carried_out_at_the_seat(machine: Machine, logind: FakeLogind) -> None:
    """Locking locks, ending ends; levels are agreed to; what a PC can't is unsupported."""
    logind.add("2")
    carry_out = machine.device.carry_out
    assert await carry_out(Order(Step.LOCK)) == Answer(OrderOutcome.DONE)
    assert (await machine.look()).state is DeviceState.LOCKED
    assert await carry_out(Order(Step.END)) == Answer(OrderOutcome.DONE, "terminated")
    assert (await machine.look()).state is DeviceState.FREE
    for step in (Step.OPEN, Step.CLOSE):
        assert await carry_out(Order(step)) == Answer(OrderOutcome.DONE)
    pause = await carry_out(Order(Step.PAUSE))
    assert pause == Answer(OrderOutcome.UNSUPPORTED, "no_pause")
    warn = await carry_out(Order(Step.WARN, seconds_left=60, phrase="turn_ends_in"))
    assert warn == Answer(OrderOutcome.UNSUPPORTED, "no_helper")


async def test_changed_waits_while_nothing_new_happens(
    machine: Machine, logind: FakeLogind
) -> None:
    """A look uses up what was told; the next wait is for something new."""
    await machine.look()
    logind.add("2")
    await machine.next_look()
    waiting = asyncio.create_task(machine.device.changed())
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    logind.change("2", IdleHint=True)
    await waiting
