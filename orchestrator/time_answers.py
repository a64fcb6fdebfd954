"""The orchestrator's clock for those who ask: when the question came, and when it was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import encode
from mqtt_schemas.messages import TimeAnswer, TimeRequest
from mqtt_schemas.topics import Address, Channel, device_topic
from orchestrator.publish import Publish


class TimeAnswers:
    """Answers each device's newest question; who asks again has given up on the first."""

    def __init__(self, *, publish: Publish, wall_ms: Callable[[], int]) -> None:
        self._publish = publish
        self._wall_ms = wall_ms
        self._asked: dict[Address, tuple[TimeRequest, datetime]] = {}
        self._any = asyncio.Event()

    def ask(self, address: Address, request: TimeRequest) -> None:
        """Take a question, as it comes in."""
        self._asked[address] = request, utc_from_ms(self._wall_ms())
        self._any.set()

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._asked:
                address, (request, received) = self._asked.popitem()
                sent = utc_from_ms(self._wall_ms())
                answer = TimeAnswer(nonce=request.nonce, received=received, sent=sent)
                topic = device_topic(address, Channel.TIME_ANSWER)
                await self._publish(topic, encode(answer), 0, False)  # noqa: FBT003 - not retained
