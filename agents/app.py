"""The composition root: one process, a runtime for each device, side by side.

serve: set up each device -> ready -> until a signal -> each saves its checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agents import drivers, notify
from agents.clock import Clock, SystemClock
from agents.codes import Checker
from agents.config import (
    Configuration,
    DeviceSettings,
    InvalidConfiguration,
    read_secret,
)
from agents.drivers import Surroundings
from agents.link import LAST_BACKOFF, PUBLISH_TIMEOUT, Identity, Link, by_itself
from agents.model import Reply, Request
from agents.outbox import Outbox, OutboxBroken, OutboxUnwritable, plan_in
from agents.request_socket import NAME, RequestSocket
from agents.runtime import Runtime
from mqtt_schemas import __version__

log = logging.getLogger(__name__)

#: Seconds until a runtime that failed starts anew: at first, and at most.
FIRST_RESTART, LAST_RESTART = 1.0, 60.0


def _nothing(_: Outbox) -> None:
    """Do nothing with an outbox that was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Where the process touches the world. A rehearsal gives others, and spoils them.

    timeout, longest_wait: of each Link, in seconds. opened: is given each outbox.
    """

    clock: Clock = field(default_factory=SystemClock)
    timeout: float = PUBLISH_TIMEOUT
    longest_wait: float = LAST_BACKOFF
    opened: Callable[[Outbox], None] = _nothing


async def serve(configuration: Configuration, edges: Edges | None = None) -> None:
    """Run all devices until SIGTERM or SIGINT. Raises InvalidConfiguration."""
    edges = edges or Edges()
    checker = Checker()
    devices = [
        _Supervised(device, configuration, edges, checker) for device in configuration.device
    ]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(device.run(), name=device.name) for device in devices]
        running.append(tasks.create_task(_watchdog(), name="watchdog"))
        running += [
            tasks.create_task(device.requests.run(), name=f"{device.name} requests")
            for device in devices
        ]
        notify.ready()
        await stop.wait()
        notify.stopping()
        for task in running:
            task.cancel()


class _Supervised:
    """One device's runtime. Where it fails, it starts anew from its outbox, as after a kill.

    So that a fault in one device's driver stops no other device.
    """

    def __init__(
        self,
        device: DeviceSettings,
        configuration: Configuration,
        edges: Edges,
        checker: Checker,
    ) -> None:
        self.name = str(device.address)
        self._start = partial(_runtime, device, configuration, edges, checker)
        self._runtime, self._outbox = self._start()
        folder = configuration.state_dir / device.address.user
        self.requests = RequestSocket(path=folder / NAME, ask=self.ask)

    async def ask(self, request: Request) -> Reply:
        """Answer a request (agents.runtime.Runtime.ask)."""
        return await self._runtime.ask(request)

    async def run(self) -> None:
        """Run until cancelled."""
        wait = FIRST_RESTART
        while True:
            began = time.monotonic()
            try:
                await by_itself(self._runtime.run())
            except Exception:
                log.exception("%s: failed, and starts anew", self.name)
            except asyncio.CancelledError as stop:
                if stop.__cause__ is not None:
                    log.exception("%s: failed at its end", self.name, exc_info=stop.__cause__)
                raise
            finally:
                self._outbox.close()
            if time.monotonic() - began > 2 * LAST_RESTART:
                wait = FIRST_RESTART
            wait = await self._restart(wait)

    async def _restart(self, wait: float) -> float:
        while True:
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_RESTART)
            try:
                self._runtime, self._outbox = self._start()
            except InvalidConfiguration as error:
                log.error("%s: %s", self.name, error)  # noqa: TRY400 - one line
            else:
                return wait


async def _watchdog() -> None:
    """Tell systemd that the loop turns. A loop that hangs says nothing, and is restarted."""
    seconds = notify.watchdog_seconds()
    while seconds is not None:
        notify.watchdog()
        await asyncio.sleep(seconds)


def _runtime(
    device: DeviceSettings, configuration: Configuration, edges: Edges, checker: Checker
) -> tuple[Runtime, Outbox]:
    clock = edges.clock
    folder = configuration.state_dir / device.address.user
    identity = identity_of(device, clock.boot_id)
    outbox, problems = open_outbox(folder, clock)
    edges.opened(outbox)
    try:
        driver = drivers.build(device, Surroundings(clock, configuration.file, memory=folder))
        runtime = Runtime(
            device=driver,
            outbox=outbox,
            link=Link(
                broker=configuration.broker,
                identity=identity,
                timeout=edges.timeout,
                longest_wait=edges.longest_wait,
            ),
            clock=clock,
            without_plan=device.outside,
            problems=problems,
            check=checker.check,
        )
    except BaseException:
        outbox.close()
        raise
    return runtime, outbox


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
    begins, with the plan of before where that is whole. Raises InvalidConfiguration where
    nothing can be written at all.
    """
    path = folder / "outbox.db"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        try:
            return Outbox.open(path, clock=clock), ()
        except OutboxBroken as error:
            log.error("the outbox is set aside: %s", error)  # noqa: TRY400 - one line, no trace
        return _begin_anew(path, clock), ("outbox_set_aside",)
    except OSError as error:
        raise InvalidConfiguration(f"{error.filename}: {error.strerror}.") from None
    except (OutboxBroken, OutboxUnwritable) as error:
        raise InvalidConfiguration(f"{error}.") from None


def _begin_anew(path: Path, clock: Clock) -> Outbox:
    plan = plan_in(_set_aside(path, clock))
    outbox = Outbox.open(path, clock=clock)
    outbox.commit([], {"plan": plan} if plan else {})
    return outbox


def _set_aside(path: Path, clock: Clock) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.wall_ms() / 1000))
    aside = Path(f"{path}.broken-{stamp}-{os.getpid()}")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside
