"""`laitevuoro-agent check`: what would work on this machine, and what not, in plain lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents import drivers
from agents.app import identity_of
from agents.clock import Clock, SystemClock
from agents.config import Configuration, DeviceSettings
from agents.drivers import Surroundings
from agents.link import broker_problem
from agents.runtime import OBSERVE_TIMEOUT
from mqtt_schemas.base import DeviceLink


async def check(configuration: Configuration, say: Callable[[str], None]) -> bool:
    """Look at each device and at the broker once; tell whether all is well.

    Nothing is published, so that a running agent is not disturbed. Raises
    InvalidConfiguration.
    """
    clock = SystemClock()
    well = True
    for device in configuration.device:
        well &= await _device(device, configuration, clock, say)
        well &= await _broker(device, configuration, clock, say)
    return well


async def _device(
    settings: DeviceSettings, configuration: Configuration, clock: Clock, say: Callable[[str], None]
) -> bool:
    device = drivers.build(settings, Surroundings(clock, configuration.file, memory=None))
    await device.start()
    try:
        async with asyncio.timeout(OBSERVE_TIMEOUT):
            seen = (await device.observe())[-1]
    except TimeoutError:
        say(f"{settings.address}: device does not answer")
        return False
    finally:
        await device.stop()
    say(f"{settings.address}: device {seen.device_link}, {seen.state}")
    for problem in seen.problems:
        say(f"{settings.address}: {problem}")
    return seen.device_link is DeviceLink.CONNECTED and not seen.problems


async def _broker(
    settings: DeviceSettings, configuration: Configuration, clock: Clock, say: Callable[[str], None]
) -> bool:
    broker = configuration.broker
    problem = await broker_problem(broker, identity_of(settings, clock.boot_id))
    say(
        f"{settings.address}: broker {broker.host}:{broker.port}: "
        f"{problem or 'accepts this device'}"
    )
    return problem is None
