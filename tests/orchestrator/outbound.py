"""A bus that keeps what it was given to publish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple


class Message(NamedTuple):
    """One published message."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Sent:
    """Publishes into a queue. `before` is called first, to look at what holds then."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._before = before

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> bool:  # noqa: FBT001 - MQTT's own order
        """Take a message."""
        self._before()
        self._queue.put_nowait(Message(topic, payload, qos, retain))
        return True

    async def next(self) -> Message:
        """Wait for the next message."""
        async with asyncio.timeout(10):
            return await self._queue.get()

    def empty(self) -> bool:
        """Tell whether nothing more was published."""
        return self._queue.empty()
