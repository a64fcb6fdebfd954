"""Waiting for what tells of itself by no event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Return once `holds`, looked at every millisecond. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - the code under test has no event for it
            await asyncio.sleep(0.001)
