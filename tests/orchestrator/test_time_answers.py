"""The orchestrator's clock for those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import decode
from mqtt_schemas.messages import TimeAnswer, TimeRequest
from orchestrator.time_answers import TimeAnswers
from tests.orchestrator.histories import MORNING, PRINTER, STATION, Clock, connection_id
from tests.orchestrator.outbound import Sent


@asynccontextmanager
async def _running(answers: TimeAnswers) -> AsyncIterator[None]:
    task = asyncio.ensure_future(answers.run())
    try:
        yield
    finally:
        task.cancel()


async def test_the_answer_tells_when_it_came_and_when_it_went() -> None:
    """By the orchestrator's clock, with the nonce of the question."""
    clock, sent = Clock(), Sent()
    answers = TimeAnswers(publish=sent.publish, wall_ms=clock.wall_ms)
    answers.ask(PRINTER, TimeRequest(nonce=connection_id(7)))
    clock.move(0.25)
    async with _running(answers):
        message = await sent.next()
    assert (message.topic, message.qos, message.retain) == (
        "laitevuoro/v1/main/printer-1/down/time",
        0,
        False,
    )
    assert decode(message.topic, message.payload).message == TimeAnswer(
        nonce=connection_id(7), received=utc_from_ms(MORNING), sent=utc_from_ms(MORNING + 250)
    )


async def test_each_device_gets_the_answer_to_its_newest_question() -> None:
    """A flood of questions makes one answer for each device."""
    clock, sent = Clock(), Sent()
    answers = TimeAnswers(publish=sent.publish, wall_ms=clock.wall_ms)
    for number in range(100):
        answers.ask(PRINTER, TimeRequest(nonce=connection_id(number)))
    answers.ask(STATION, TimeRequest(nonce=connection_id(1)))
    async with _running(answers):
        messages = [await sent.next(), await sent.next()]
    found = {each.topic: decode(each.topic, each.payload).message for each in messages}
    nonces = {topic: each.nonce for topic, each in found.items() if isinstance(each, TimeAnswer)}
    assert nonces == {
        "laitevuoro/v1/main/printer-1/down/time": connection_id(99),
        "laitevuoro/v1/main/vr-1/down/time": connection_id(1),
    }
    assert sent.empty()
