"""`laitevuoro-agent check`: what would work on this machine, and what not, in plain lines."""

from __future__ import annotations

from collections.abc import Callable

from agents import drivers
from agents.app import identity_of
from agents.clock import SystemClock
from agents.config import Configuration, DeviceSettings
from agents.link import broker_problem
from mqtt_schemas.base import DeviceLink


async def check(configuration: Configuration, say: Callable[[str], None]) -> bool:
    """Look at each device and at the broker once; tell whether all is well.

    Nothing is published, so that a running agent is not disturbed. Raises
    InvalidConfiguration.
    """
    well = True
    for device in configuration.device:
        well &= await _device(device, say)
        problem = await broker_problem(
            configuration.broker, identity_of(device, SystemClock().boot_id)
        )
        broker = f"{configuration.broker.host}:{configuration.broker.port}"
        say(f"{device.address}: broker {broker}: {problem or 'accepts this device'}")
        well &= problem is None
    return well


async def _device(settings: DeviceSettings, say: Callable[[str], None]) -> bool:
    device = drivers.build(settings.driver, settings.own, SystemClock())
    await device.start()
    try:
        seen = (await device.observe())[-1]
    finally:
        await device.stop()
    say(f"{settings.address}: device {seen.device_link}, {seen.state}")
    for problem in seen.problems:
        say(f"{settings.address}: {problem}")
    return seen.device_link is DeviceLink.CONNECTED and not seen.problems
