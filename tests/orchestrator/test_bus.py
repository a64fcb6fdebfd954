"""What of the bus needs no broker; the rest is in tests/e2e/test_bus.py."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator import bus


async def test_a_stop_that_was_swallowed_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wait_for of Python 3.11 swallows one that comes in the moment in which it is done."""
    monkeypatch.setattr(bus, "LEAVE_WITHIN", 0.01)
    swallowed = asyncio.Event()

    async def connection() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(bus._by_itself(connection()))
    await asyncio.sleep(0.01)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert swallowed.is_set()
