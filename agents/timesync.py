"""The nonce exchange with the orchestrator: at connect, then hourly."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from agents.clock import Clock, Offset, measure
from agents.link import Connection
from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.codec import encode
from mqtt_schemas.messages import TimeAnswer, TimeRequest
from mqtt_schemas.topics import Channel

EVERY = 3600.0
#: Seconds to wait for an answer, and between tries that came to nothing.
ANSWER_TIMEOUT, FIRST_RETRY, LAST_RETRY = 5.0, 2.0, 300.0


class TimeSync:
    """Asks, and tells `measured` of each good answer."""

    def __init__(self, *, clock: Clock, measured: Callable[[Offset], None]) -> None:
        self._clock = clock
        self._measured = measured
        self._asked: tuple[str, int] | None = None
        self._answered = asyncio.Event()

    async def run(self, connection: Connection) -> None:
        """Ask for as long as the connection lasts. Raises LinkLost."""
        retry = FIRST_RETRY
        while True:
            if await self._ask(connection):
                retry = FIRST_RETRY
                await asyncio.sleep(EVERY)
            else:
                await asyncio.sleep(retry)
                retry = min(retry * 2, LAST_RETRY)

    def answer(self, answer: TimeAnswer) -> None:
        """Take an answer; one that was not asked for, or came too late, says nothing."""
        if self._asked is None or answer.nonce != self._asked[0]:
            return
        offset = measure(
            boot_id=self._clock.boot_id,
            sent_boot_ms=self._asked[1],
            back_boot_ms=self._clock.boot_ms(),
            back_wall_ms=self._clock.wall_ms(),
            received_ms=ms_from_utc(answer.received),
            answered_ms=ms_from_utc(answer.sent),
        )
        self._asked = None
        if offset is not None:
            self._measured(offset)
            self._answered.set()

    async def _ask(self, connection: Connection) -> bool:
        nonce = secrets.token_hex(16)
        self._answered.clear()
        self._asked = (nonce, self._clock.boot_ms())
        await connection.publish(Channel.TIME_REQUEST, encode(TimeRequest(nonce=nonce)), qos=0)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True
