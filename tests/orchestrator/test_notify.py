"""What systemd is told."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.notify import Notify


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen where a service manager would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(1)
        yield listening


def test_the_manager_hears_ready_and_a_status_of_one_line(manager: socket.socket) -> None:
    """A text can't smuggle in another message."""
    notify = Notify({"NOTIFY_SOCKET": manager.getsockname()})
    notify.ready()
    notify.status("stopping,\nREADY=1")
    heard = [manager.recv(200).decode().strip() for _ in range(2)]
    assert heard == ["READY=1", "STATUS=stopping, READY=1"]


async def test_the_watchdog_is_fed_at_half_of_its_time(manager: socket.socket) -> None:
    """For as long as the event loop turns; not where it is meant for another process."""
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"}
    feeding = asyncio.create_task(Notify(environment).keep_alive())
    for _ in range(3):
        assert await asyncio.to_thread(manager.recv, 200) == b"WATCHDOG=1\n"
    feeding.cancel()
    async with asyncio.timeout(1):
        await Notify(environment | {"WATCHDOG_PID": str(os.getpid() + 1)}).keep_alive()


async def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """Started by hand, or with a manager that has gone."""
    Notify({}).ready()
    Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    async with asyncio.timeout(1):
        await Notify({}).keep_alive()
