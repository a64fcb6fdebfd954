"""Waiting for what only another process brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], T], seconds: float = 60.0) -> T:
    """Return what a look finds, once it finds something. Raises TimeoutError."""

    async def look_now() -> T:
        return look()

    return await eventually_async(look_now, seconds)


async def eventually_async(look: Callable[[], Awaitable[T]], seconds: float = 60.0) -> T:
    """Return what a look that takes its time finds, once it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    return found
