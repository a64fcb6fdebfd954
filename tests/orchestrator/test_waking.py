"""Sleeping until there is something to do."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.waking import woken

pytestmark = pytest.mark.timeout(20)


async def test_a_sleep_ends_when_its_time_is_over() -> None:
    """And says that nobody asked for it."""
    assert not await woken(asyncio.Event(), 0.001)


@pytest.mark.parametrize("seconds", [None, 3600])
async def test_a_sleep_ends_when_it_is_woken(seconds: float | None) -> None:
    """Whether it would have ended by itself or never."""
    wake = asyncio.Event()
    asyncio.get_running_loop().call_soon(wake.set)
    assert await woken(wake, seconds)


async def test_who_was_woken_before_does_not_sleep() -> None:
    """What came while it was busy is not slept through."""
    wake = asyncio.Event()
    wake.set()
    assert await woken(wake, 0)
