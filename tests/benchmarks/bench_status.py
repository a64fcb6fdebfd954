"""How many statuses a second the whole orchestrator takes, against a bare loop.

Both drain the same messages from the same broker: the consumer is stopped while the broker
queues them, then goes on; the answer to a time request, sent last, tells that it is through.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import aiomqtt

from mqtt_schemas.base import DeviceLink, DeviceState, utc_from_ms
from mqtt_schemas.codec import encode
from mqtt_schemas.messages import AgentClock, Link, OutboxState, Status, TimeRequest
from mqtt_schemas.topics import Address, Channel, device_topic, down_filter
from tests.benchmarks.registry import Result, benchmark
from tests.e2e.brokers import MAIN, SITE, Broker
from tests.e2e.library import Library, Spec

DEVICES = 50
MESSAGES = 20_000
RUNS = 3
BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
LOG = "9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d"


@benchmark
def status_throughput() -> Iterator[Result]:
    """Measure statuses a second: received, decoded and applied."""
    with tempfile.TemporaryDirectory() as scratch:
        broker = Broker("mosquitto", Path(scratch) / "broker")
        broker.admit()
        broker.start()
        library = Library(broker, Path(scratch), [Spec(f"d-{n}") for n in range(DEVICES)])
        library.write()
        try:
            ours, bare = [], []
            for _ in range(RUNS):
                ours.append(_orchestrator(library))
                bare.append(_bare_loop(library))
        finally:
            broker.stop()
    yield Result(
        name="statuses a second: the orchestrator against a bare aiomqtt loop",
        value=median(ours),
        unit="1/s",
        limit=median(bare),
        at_least=0.7,
    )


def _orchestrator(library: Library) -> float:
    library.start_orchestrator()
    try:
        rate = asyncio.run(_drain(library.broker, library.orchestrator.pid))
        applied = [device["state"] for device in library.get("/api/v1/devices")]
        assert applied == ["in_use"] * DEVICES, applied
        assert library.events()["rejected"] == 0
        return rate
    finally:
        library.orchestrator.stop()


def _bare_loop(library: Library) -> float:
    broker = library.broker
    user, _ = broker.credentials(MAIN)
    secret = library.folder / "orchestrator.secret"
    words = [broker.host, str(broker.port), user, str(secret), SITE]
    command = [sys.executable, "-m", "tests.benchmarks.bare_loop", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            return asyncio.run(_drain(broker, process.pid))
        finally:
            process.kill()


async def _drain(broker: Broker, pid: int) -> float:
    """Let the consumer drain MESSAGES statuses; return how many it took a second."""
    addresses = [Address(SITE, f"d-{n}") for n in range(DEVICES)]
    async with broker.client(addresses[0]) as asker:
        await asker.subscribe(down_filter(addresses[0]), qos=1)
        await ask_time(asker, addresses[0])  # whatever was retained is behind it
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.TaskGroup() as floods:
            for address in addresses:
                floods.create_task(_flood(broker, address))
        began = time.perf_counter()
        os.kill(pid, signal.SIGCONT)
        await ask_time(asker, addresses[0])
        return MESSAGES / (time.perf_counter() - began)


async def ask_time(asker: aiomqtt.Client, address: Address) -> None:
    """Send a time request and wait for its answer."""
    nonce = secrets.token_hex(16)
    topic = device_topic(address, Channel.TIME_REQUEST)
    await asker.publish(topic, encode(TimeRequest(nonce=nonce)), qos=1)
    async with asyncio.timeout(60):
        async for message in asker.messages:
            if message.topic.value.endswith("down/time") and nonce.encode() in message.payload:
                return


async def _flood(broker: Broker, address: Address) -> None:
    connection = secrets.token_hex(16)
    link = Link(state="online", connection=connection, boot_id=BOOT, version="0", kind="vr")
    async with broker.client(address) as client:
        await client.publish(device_topic(address, Channel.LINK), encode(link), qos=1)
        topic = device_topic(address, Channel.STATUS)
        for number in range(MESSAGES // DEVICES):
            await client.publish(topic, encode(_status(connection, number)), qos=1)


def _status(connection: str, number: int) -> Status:
    """Return a heartbeat of a device in use, as agents send it every 15 s."""
    return Status(
        connection=connection,
        device_link=DeviceLink.CONNECTED,
        state=DeviceState.IN_USE,
        readings={"nozzle_celsius": 200 + number % 10, "bed_celsius": 60.0},
        clock=AgentClock(
            wall=utc_from_ms(1_700_000_000_000 + 15_000 * number),
            boot_id=BOOT,
            boot_ms=15_000 * number,
            offset_ms=3,
            offset_age_ms=15_000,
        ),
        outbox=OutboxState(log=LOG, first_kept=0, last=0, oldest_age_ms=None),
    )
