"""The way to logind, again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.devices.pc.connection import Connection
from agents.devices.pc.logind import Logind, NoSystemBus
from tests.agents.devices.pc.private_bus import private_bus


def connection(address: str, changed: Callable[[], None]) -> Connection:
    """Make a connection to the bus at `address`."""
    return Connection(
        connect=lambda: Logind.connect(address=address, on_signal=lambda: None),
        on_change=changed,
        first_wait=0.01,
        longest_wait=0.02,
    )


async def test_a_bus_that_comes_late_or_again_is_found(tmp_path: Path) -> None:
    """No bus is an error word at once; a bus that appears, also for the second time, is joined."""
    changed: asyncio.Queue[None] = asyncio.Queue()
    way = connection(f"unix:path={tmp_path / 'bus'}", lambda: changed.put_nowait(None))
    way.start()
    with pytest.raises(NoSystemBus):
        await way.logind()
    for _ in range(2):
        async with private_bus(tmp_path):
            await changed.get()
            assert isinstance(await way.logind(), Logind)
        await changed.get()
        with pytest.raises(NoSystemBus):
            await way.logind()
    await way.stop()


async def test_a_missing_bus_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Many tries, one line."""
    tries: asyncio.Queue[None] = asyncio.Queue()

    async def connect() -> Logind:
        tries.put_nowait(None)
        return await Logind.connect(
            address=f"unix:path={tmp_path / 'nothing'}", on_signal=lambda: None
        )

    way = Connection(connect=connect, on_change=lambda: None, first_wait=0.01)
    with caplog.at_level(logging.WARNING):
        way.start()
        for _ in range(4):
            await tries.get()
        await way.stop()
    assert len(caplog.records) == 1


async def test_stopping_before_starting_is_nothing() -> None:
    """A device that never started can be stopped."""
    await connection("unix:path=/nothing", lambda: None).stop()
