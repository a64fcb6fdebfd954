"""The sleep of a task that does what is due, until more is."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def woken(wake: asyncio.Event, seconds: float | None) -> bool:
    """Sleep until the event is set, or so many seconds are over; None: only until it is set.

    Tells whether it is set. Whoever sleeps clears it, before looking at what is due.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
    return wake.is_set()
