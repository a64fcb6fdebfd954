"""The nonce exchange with the orchestrator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.clock import Offset
from agents.link import LinkLost
from agents.timesync import ANSWER_TIMEOUT, EVERY, FIRST_RETRY, LAST_RETRY, TimeSync
from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.messages import TimeAnswer
from mqtt_schemas.topics import Channel
from tests.agents.fakes import BOOT, MORNING_MS, FakeClock, FakeConnection
from tests.agents.virtual_time import virtual_time

#: The orchestrator's clock is so much ahead of this machine's wall clock.
AHEAD_MS = 90_000


class Exchange:
    """A TimeSync under way, and the orchestrator at its other end."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.connection = FakeConnection()
        self.offsets: list[Offset] = []
        self.sync = TimeSync(clock=self.clock, measured=self.offsets.append)

    @property
    def asked(self) -> list[float]:
        """When it asked."""
        return [each.at for each in self.connection.on(Channel.TIME_REQUEST)]

    def answer(self, *, nonce: str | None = None, took_ms: int = 40) -> None:
        """Answer the newest question after so long a round trip."""
        asked_ms = self.clock.wall
        self.clock.pass_(took_ms)
        at = utc_from_ms(asked_ms + took_ms // 2 + AHEAD_MS)
        newest = json.loads(self.connection.published[-1].payload)["nonce"]
        self.sync.answer(TimeAnswer(nonce=nonce or newest, received=at, sent=at))


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    """Ask for as long as the block lasts."""
    made = Exchange()
    task = asyncio.create_task(made.sync.run(made.connection))
    try:
        await asyncio.sleep(0.01)
        yield made
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


@virtual_time
async def test_it_asks_at_connect_and_then_hourly() -> None:
    """With QoS 0 and a nonce of its own each time."""
    async with exchange() as it:
        for _ in range(3):
            it.answer()
            await asyncio.sleep(EVERY + 1)
        assert [round(at) for at in it.asked] == [0, 3600, 7201, 10802]
        nonces = {json.loads(each.payload)["nonce"] for each in it.connection.published}
        assert len(nonces) == 4
        assert {(each.qos, each.retain) for each in it.connection.published} == {(0, False)}


@virtual_time
async def test_a_good_answer_gives_the_offset() -> None:
    """To the wall clock and to boot time."""
    async with exchange() as it:
        it.answer(took_ms=40)
        (offset,) = it.offsets
        assert (offset.boot_id, offset.offset_ms, offset.round_trip_ms) == (BOOT, AHEAD_MS, 40)
        assert offset.epoch_ms == MORNING_MS + AHEAD_MS - 1_000_000


@virtual_time
async def test_without_an_answer_it_asks_again_ever_more_rarely() -> None:
    """The orchestrator may be away for days."""
    async with exchange() as it:
        await asyncio.sleep(3600)
        waits = [
            round(b - a - ANSWER_TIMEOUT) for a, b in zip(it.asked, it.asked[1:], strict=False)
        ]
        assert waits[:8] == [2, 4, 8, 16, 32, 64, 128, 256]
        assert waits[0] == FIRST_RETRY
        assert set(waits[8:]) == {LAST_RETRY}


@virtual_time
async def test_a_slow_answer_is_not_taken_and_soon_asked_for_again() -> None:
    """A round trip over 2 s says too little."""
    async with exchange() as it:
        it.answer(took_ms=2001)
        await asyncio.sleep(ANSWER_TIMEOUT + FIRST_RETRY)
        assert (it.offsets, len(it.asked)) == ([], 2)
        it.answer(took_ms=1999)
        assert len(it.offsets) == 1


@virtual_time
async def test_an_answer_that_was_not_asked_for_is_not_taken() -> None:
    """Of another question, or the same one twice: a late one would give a wrong time."""
    async with exchange() as it:
        it.answer(nonce="f" * 32)
        assert it.offsets == []
        it.answer()
        it.answer()
        assert len(it.offsets) == 1


@virtual_time
async def test_an_answer_before_any_question_is_not_taken() -> None:
    """Anything may come over the wire."""
    it = Exchange()
    at = utc_from_ms(0)
    it.sync.answer(TimeAnswer(nonce="0" * 32, received=at, sent=at))
    assert it.offsets == []


@virtual_time
async def test_a_lost_connection_ends_the_asking() -> None:
    """The next connection asks anew."""
    it = Exchange()
    it.connection.gone = True
    with pytest.raises(LinkLost):
        await it.sync.run(it.connection)
