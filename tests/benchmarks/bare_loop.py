"""The limit to hold the orchestrator against: aiomqtt and pydantic, and nothing else.

python -m tests.benchmarks.bare_loop HOST PORT USER SECRET_FILE SITE
Decodes each status of the site; answers a time request, which tells that all before it is done.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt

from mqtt_schemas.codec import encode
from mqtt_schemas.messages import Status, TimeAnswer, TimeRequest
from mqtt_schemas.topics import Channel, device_topic, parse, site_filter
from tests.e2e.brokers import SOCKET_OPTIONS


async def main(host: str, port: int, user: str, secret: str, site: str) -> None:
    """Loop until killed."""
    client = aiomqtt.Client(
        host, port, username=user, password=secret, socket_options=SOCKET_OPTIONS
    )
    async with client:
        await client.subscribe(site_filter(site), qos=1)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            topic = message.topic.value
            if topic.endswith("/status"):
                Status.model_validate_json(payload)
            elif topic.endswith("/time"):
                await _answer(client, topic, payload)


async def _answer(client: aiomqtt.Client, topic: str, payload: bytes) -> None:
    where, now = parse(topic), datetime.now(UTC)
    assert isinstance(where, tuple)
    request = TimeRequest.model_validate_json(payload)
    answer = TimeAnswer(nonce=request.nonce, received=now, sent=now)
    await client.publish(device_topic(where[0], Channel.TIME_ANSWER), encode(answer), qos=0)


if __name__ == "__main__":
    host, port, user, secret_file, site = sys.argv[1:]
    asyncio.run(main(host, int(port), user, Path(secret_file).read_text(), site))
