"""The composition root: one process, a runtime for each device, side by side.

serve: set up each device -> ready -> until a signal -> each saves its checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from pathlib import Path

from agents import drivers, notify
from agents.clock import Clock, SystemClock
from agents.config import (
    Configuration,
    DeviceSettings,
    InvalidConfiguration,
    read_secret,
)
from agents.link import Identity, Link
from agents.outbox import Outbox, OutboxBroken, OutboxUnwritable
from agents.runtime import Runtime
from mqtt_schemas import __version__

log = logging.getLogger(__name__)

#: Half of systemd's usual WatchdogSec=30 and less.
WATCHDOG = 10.0


async def serve(configuration: Configuration) -> None:
    """Run all devices until SIGTERM or SIGINT. Raises InvalidConfiguration."""
    clock = SystemClock()
    runtimes = [_runtime(device, configuration, clock) for device in configuration.device]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(runtime.run(), name=str(device.address))
            for runtime, device in zip(runtimes, configuration.device, strict=True)
        ]
        running.append(tasks.create_task(_watchdog(), name="watchdog"))
        notify.ready()
        await stop.wait()
        notify.stopping()
        for task in running:
            task.cancel()


async def _watchdog() -> None:
    """Tell systemd that the loop turns. A loop that hangs says nothing, and is restarted."""
    while True:
        notify.watchdog()
        await asyncio.sleep(WATCHDOG)


def _runtime(device: DeviceSettings, configuration: Configuration, clock: Clock) -> Runtime:
    folder = configuration.state_dir / device.address.user
    outbox, problems = open_outbox(folder, clock)
    return Runtime(
        device=drivers.build(device.driver, device.own, clock),
        outbox=outbox,
        link=Link(broker=configuration.broker, identity=identity_of(device, clock.boot_id)),
        clock=clock,
        without_plan=device.outside,
        problems=problems,
    )


def identity_of(device: DeviceSettings, boot_id: str) -> Identity:
    """Return as whom a device connects. Raises InvalidConfiguration."""
    return Identity(
        address=device.address,
        kind=device.kind,
        version=__version__,
        boot_id=boot_id,
        user=device.user,
        password=read_secret(device.password_file) if device.password_file else None,
    )


def open_outbox(folder: Path, clock: Clock) -> tuple[Outbox, tuple[str, ...]]:
    """Open a device's outbox, and say what is wrong with it, in code words for the status.

    A file that can't be read is set aside under another name, never deleted, and a new log
    begins. Raises InvalidConfiguration where nothing can be written at all.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise InvalidConfiguration(f"{folder}: {error.strerror}") from None
    path = folder / "outbox.db"
    try:
        return Outbox.open(path, clock=clock), ()
    except OutboxUnwritable as error:
        raise InvalidConfiguration(str(error)) from None
    except OutboxBroken as error:
        log.error("the outbox is set aside: %s", error)  # noqa: TRY400 - one line, no trace
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.wall_ms() / 1000))
    for suffix in ("", "-wal", "-shm"):
        broken = Path(f"{path}{suffix}")
        if broken.exists():
            broken.rename(f"{path}.broken-{stamp}-{os.getpid()}{suffix}")
    return Outbox.open(path, clock=clock), ("outbox_set_aside",)
