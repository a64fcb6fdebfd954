"""A simulated device, played by a real scripted device in another process."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agents.clock import SystemClock
from agents.devices import simulated
from agents.devices.scripted.journal import Ordered, UseBegan, UseEnded
from agents.devices.simulated import Simulated, SimulatedSettings, build
from agents.model import Answer, Observation, Order
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from tests.agents.devices.scripted.process import scripted
from tests.eventually import eventually

COMES_AND_GOES = """
clear_after = 0.05
readings = { nozzle_celsius = 21.5 }
[[visit]]
after = 0.05
does = [{ active = 0.2 }]
job = true
filament_mm_per_second = 100
"""
STAYS = """
[[visit]]
after = 0.05
does = [{ active = 0.05 }, { idle = 0.05 }, { active = 60 }]
stays = true
"""


@asynccontextmanager
async def agent(folder: Path) -> AsyncIterator[Simulated]:
    """Make the agent's end as the agent does."""
    settings = SimulatedSettings.model_validate({"socket": str(folder / "device.sock")})
    device = build(settings)
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


async def meet(device: Simulated) -> None:
    """Look until the device is there: a busy machine takes its time to connect the two."""
    async with asyncio.timeout(20):
        while (await device.observe())[-1].device_link is not DeviceLink.CONNECTED:
            await device.changed()


async def see(device: Simulated, state: DeviceState) -> list[Observation]:
    """Observe as the runtime does, until the device is in a state."""
    seen: list[Observation] = []
    async with asyncio.timeout(20):
        while not seen or seen[-1].state is not state:
            await device.changed()
            seen += await device.observe()
    return seen


async def collect(device: Simulated, uses: int) -> list[Observation]:
    """Return all observations until so many uses have ended."""
    seen: list[Observation] = []
    async with asyncio.timeout(20):
        while len([one for one in seen if one.ended]) < uses:
            await device.changed()
            seen += await device.observe()
    return seen


def active_ms(seen: Sequence[Observation], use: str) -> int:
    """Count as the session rule does."""
    return sum(
        later.at_ms - one.at_ms for one, later in pairwise(seen) if one.use == use and one.active
    )


async def test_what_is_counted_equals_the_journal_to_the_millisecond(tmp_path: Path) -> None:
    """The device stamps its changes itself, so no latency enters the count."""
    async with scripted(tmp_path, COMES_AND_GOES) as process, agent(tmp_path) as device:
        await meet(device)
        assert await device.carry_out(Order(Step.OPEN, "t-1")) == Answer(OrderOutcome.DONE)
        seen = await collect(device, 1)
        (use,) = process.journal(UseEnded)
        assert active_ms(seen, use.use) == use.active_ms > 0
        (last,) = (one for one in seen if one.ended)
        assert last.ended is not None
        assert (last.ended.use, last.ended.outcome) == (use.use, Outcome.CUSTOMER)
        assert last.ended.figures == use.figures
        assert last.state is DeviceState.TO_BE_CLEARED
        assert last.readings == {"nozzle_celsius": 21.5}


async def test_orders_take_effect_before_they_are_answered(tmp_path: Path) -> None:
    """After "done" the end of the use is there to be observed."""
    async with scripted(tmp_path, STAYS) as process, agent(tmp_path) as device:
        await meet(device)
        await device.carry_out(Order(Step.OPEN, "t-1"))
        await device.changed()
        warn = Order(Step.WARN, "t-1", seconds_left=60, phrase="turn_ends_in")
        assert await device.carry_out(warn) == Answer(OrderOutcome.DONE)
        await eventually(lambda: bool(process.journal(UseBegan)))
        assert await device.carry_out(Order(Step.END, "t-1")) == Answer(OrderOutcome.DONE)
        last = (await device.observe())[-1]
        assert last.ended is not None
        assert last.ended.outcome is Outcome.TURN_OVER
        orders = process.journal(Ordered)
        assert [one.step for one in orders] == [Step.OPEN, Step.WARN, Step.END]
        assert orders[1].seconds_left == 60


async def test_nothing_new_is_the_last_again_but_no_second_end(tmp_path: Path) -> None:
    """By its stamp one sees up to when it is known to hold."""
    async with scripted(tmp_path, COMES_AND_GOES), agent(tmp_path) as device:
        await meet(device)
        await device.carry_out(Order(Step.OPEN, "t-1"))
        seen = await collect(device, 1)
        await see(device, DeviceState.FREE)
        (again,) = await device.observe()
        assert again.ended is None
        assert again.at_ms >= seen[-1].at_ms
        (later,) = await device.observe()
        assert replace(later, at_ms=again.at_ms) == again


async def test_what_does_not_change_is_known_up_to_the_newest_sign_of_life(tmp_path: Path) -> None:
    """Each second; of a device that hangs it is known no further, whatever the time."""
    async with scripted(tmp_path, STAYS) as process, agent(tmp_path) as device:
        await meet(device)
        (first,) = await device.observe()
        async with asyncio.timeout(20):
            while (later := (await device.observe())[-1]).at_ms < first.at_ms + 900:
                await device.changed()
        assert later.state is first.state
        os.kill(process.process.pid, signal.SIGSTOP)
        stopped_ms = SystemClock().boot_ms()
        await asyncio.sleep(1.2)
        assert (await device.observe())[-1].at_ms <= stopped_ms
        os.kill(process.process.pid, signal.SIGCONT)


async def test_what_an_agent_missed_keeps_its_stamps_however_late_the_device_speaks(
    tmp_path: Path,
) -> None:
    """A first look that nothing answers pushes nothing behind it."""
    async with scripted(tmp_path, COMES_AND_GOES) as process:
        async with agent(tmp_path) as device:
            await meet(device)
            await device.carry_out(Order(Step.OPEN, "t-1"))
        await eventually(lambda: bool(process.journal(UseEnded)))
        os.kill(process.process.pid, signal.SIGSTOP)
        async with agent(tmp_path) as device:
            (away,) = await device.observe()
            assert (away.device_link, away.at_ms) == (DeviceLink.DISCONNECTED, 0)
            os.kill(process.process.pid, signal.SIGCONT)
            seen = await collect(device, 1)
        (use,) = process.journal(UseEnded)
        assert [one.at_ms for one in seen if one.ended] == [use.at_ms]


async def test_a_device_that_was_never_there_is_disconnected(tmp_path: Path) -> None:
    """Start returns at once; a look is bounded; orders fail."""
    async with agent(tmp_path) as device:
        async with asyncio.timeout(3):
            (seen,) = await device.observe()
        assert (seen.device_link, seen.use) == (DeviceLink.DISCONNECTED, None)
        answer = await device.carry_out(Order(Step.OPEN))
        assert answer == Answer(OrderOutcome.FAILED, "disconnected")


async def test_a_killed_device_ends_its_use_and_comes_back(tmp_path: Path) -> None:
    """Nothing is counted while it was away, and the new process is found again."""
    async with agent(tmp_path) as device:
        async with scripted(tmp_path, STAYS) as process:
            await meet(device)
            await device.carry_out(Order(Step.OPEN, "t-1"))
            await see(device, DeviceState.IN_USE)
            await process.kill()
            (away,) = await see(device, DeviceState.OFF)
            assert away.device_link is DeviceLink.DISCONNECTED
            assert away.ended is not None
            assert away.ended.outcome is Outcome.UNKNOWN
        async with scripted(tmp_path, STAYS):
            seen = await see(device, DeviceState.FREE)
            assert seen[-1].device_link is DeviceLink.CONNECTED
            assert all(one.at_ms <= other.at_ms for one, other in pairwise(seen))


async def test_a_device_that_dies_was_last_known_when_it_was_last_heard(tmp_path: Path) -> None:
    """Not when its agent noticed, which may have been stopped meanwhile."""
    async with scripted(tmp_path, STAYS) as device, agent(tmp_path) as one:
        await one.observe()
        await one.carry_out(Order(Step.OPEN, "t-1"))
        await see(one, DeviceState.IN_USE)
        await device.kill()
        killed_ms = SystemClock().boot_ms()
        time.sleep(0.2)  # noqa: ASYNC251 - the agent hangs
        seen = await see(one, DeviceState.OFF)
    assert seen[-1].ended is not None
    assert seen[-1].at_ms <= killed_ms


async def test_a_new_agent_hears_what_it_missed_and_nothing_twice(tmp_path: Path) -> None:
    """What one agent observed, the next one does not; what nobody did, it does."""
    async with scripted(tmp_path, COMES_AND_GOES) as process:
        async with agent(tmp_path) as device:
            await meet(device)
            await device.carry_out(Order(Step.OPEN, "t-1"))
            first = await see(device, DeviceState.IN_USE)
            await meet(device)
        await eventually(lambda: bool(process.journal(UseEnded)))
        async with agent(tmp_path) as device:
            second = await collect(device, 1)
        (use,) = process.journal(UseEnded)
        whole = [*first, *second]
        assert active_ms(whole, use.use) == use.active_ms
        assert len([one for one in whole if one.ended]) == 1


async def test_a_device_that_hangs_answers_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is bounded, and the reason is said."""
    monkeypatch.setattr(simulated, "ANSWER_WITHIN", 0.2)
    async with scripted(tmp_path, STAYS) as process, agent(tmp_path) as device:
        await meet(device)
        os.kill(process.process.pid, signal.SIGSTOP)
        answer = await device.carry_out(Order(Step.OPEN, "t-1"))
        assert answer == Answer(OrderOutcome.FAILED, "no_answer")
        os.kill(process.process.pid, signal.SIGCONT)
        assert await device.carry_out(Order(Step.CLOSE)) == Answer(OrderOutcome.DONE)


async def test_a_device_that_talks_nonsense_is_away(tmp_path: Path) -> None:
    """Its lines are refused, not guessed at; the agent goes on trying, ever more slowly."""
    tries = asyncio.Semaphore(0)

    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\n")
        writer.close()
        tries.release()

    server = await asyncio.start_unix_server(nonsense, tmp_path / "device.sock")
    async with server, agent(tmp_path) as device, asyncio.timeout(10):
        await tries.acquire()
        await tries.acquire()
        (seen,) = await device.observe()
        assert seen.device_link is DeviceLink.DISCONNECTED


def test_settings_with_another_key_are_refused() -> None:
    """A misspelt key is a mistake, not a default."""
    with pytest.raises(ValueError, match="sockt"):
        SimulatedSettings.model_validate({"socket": "/x", "sockt": "/y"})


def test_a_relative_socket_is_beside_the_configuration() -> None:
    """So that a folder can be carried over."""
    settings = SimulatedSettings.model_validate(
        {"socket": "vr.sock"}, context=Path("/etc/laitevuoro/agent.toml")
    )
    assert settings.socket == Path("/etc/laitevuoro/vr.sock")
