"""The orchestrator's connection, on both brokers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import aiomqtt
import pytest

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import MAX_PAYLOAD, decode, encode
from mqtt_schemas.messages import Presence
from mqtt_schemas.topics import Channel, Instance, device_topic, instance_topic
from orchestrator import bus as bus_module
from orchestrator.bus import Broker as Where
from orchestrator.bus import Bus
from tests.e2e.brokers import DEVICES, MAIN, SITE, Broker, Place

pytestmark = pytest.mark.e2e

PC = DEVICES[0]
STATUS = device_topic(PC, Channel.STATUS)
PLAN = device_topic(PC, Channel.PLAN)
PRESENCE = instance_topic(MAIN)


class Harness:
    """A bus, what it has received, and when it connected."""

    def __init__(self, broker: Place, *, password: str | None = None) -> None:
        name, secret = broker.credentials(MAIN)
        self.received: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.connected = asyncio.Event()
        self.bus = Bus(
            broker=Where(broker.host, broker.port, name, password or secret),
            instance=MAIN,
            sites=[SITE],
            now=lambda: datetime.now(UTC),
            jitter=lambda: 0.0,
        )

    def handle(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - Handle
        """Take a message; one says that handling it fails."""
        if payload == b"poison":
            raise RuntimeError("a mistake in the handler")
        if topic != PRESENCE:
            self.received.put_nowait((topic, payload, retained))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that no event tells of."""
        while not holds():  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(harness: Harness) -> AsyncIterator[Harness]:
    """Run the bus until the block ends."""
    task = asyncio.create_task(harness.bus.run(harness.handle, harness.connected.set))
    try:
        yield harness
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def presences(client: aiomqtt.Client) -> AsyncIterator[tuple[Presence, bool]]:
    """Yield the orchestrator's presences as somebody else sees them."""
    await client.subscribe(PRESENCE, qos=1)
    async for message in client.messages:
        found = decode(message.topic.value, message.payload).message
        assert isinstance(found, Presence)
        yield found, message.retain


async def test_messages_come_in_and_go_out(broker: Broker) -> None:
    """Each with whether the broker had kept it; a mistake in handling one stops none."""
    async with broker.client(PC) as device:
        # Before the bus is there, or it would get it live.
        await device.publish(STATUS, b"kept", qos=1, retain=True)
        async with running(Harness(broker)) as harness:
            await harness.connected.wait()
            assert await harness.received.get() == (STATUS, b"kept", True)
            await device.publish(STATUS, b"poison", qos=1)
            await device.publish(STATUS, b"live", qos=1)
            assert await harness.received.get() == (STATUS, b"live", False)
            await device.subscribe(PLAN, qos=1)
            assert await harness.bus.publish(PLAN, b"plan", 1, True)  # noqa: FBT003 - MQTT's order
            message = await anext(aiter(device.messages))
            assert (message.topic.value, message.payload) == (PLAN, b"plan")


async def test_presence_is_online_then_offline_at_a_clean_end(broker: Broker) -> None:
    """The agents see at once that nobody acknowledges any more."""
    async with broker.client(PC) as device:
        seen = presences(device)
        async with running(Harness(broker)) as harness:
            await harness.connected.wait()
            online, _ = await anext(seen)
            assert online.state == "online"
        while (offline := (await anext(seen))[0]).state == "online":
            pass
        assert offline.at >= online.at


async def test_a_lost_broker_is_waited_for(broker: Broker) -> None:
    """`problem` says so meanwhile, publishing answers no, and a new connection is told."""
    async with running(Harness(broker)) as harness:
        await harness.connected.wait()
        harness.connected.clear()
        broker.kill()
        await harness.until(lambda: not harness.bus.connected)
        assert not await harness.bus.publish(PLAN, b"plan", 1, True)  # noqa: FBT003 - MQTT's order
        await harness.until(lambda: harness.bus.problem is not None)
        broker.restart()
        await harness.connected.wait()
        assert harness.bus.problem is None
        assert await harness.bus.publish(PLAN, b"plan", 1, True)  # noqa: FBT003 - MQTT's order


async def test_a_broker_that_falls_silent_is_left(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publish without its acknowledgement in time ends the connection, whatever TCP says."""
    monkeypatch.setattr(bus_module, "ACKNOWLEDGED_WITHIN", 0.3)
    async with running(Harness(broker)) as harness:
        await harness.connected.wait()
        broker.signal(signal.SIGSTOP)
        assert not await harness.bus.publish(PLAN, b"plan", 1, True)  # noqa: FBT003 - MQTT's order
        await harness.until(lambda: not harness.bus.connected)
        harness.connected.clear()
        broker.signal(signal.SIGCONT)
        await harness.connected.wait()


async def test_a_wrong_password_is_named_as_the_problem(broker: Broker) -> None:
    """Health shows it; trying goes on, since somebody may mend it at the broker."""
    async with running(Harness(broker, password="wrong")) as harness:  # noqa: S106 - no secret
        await harness.until(lambda: harness.bus.problem != "not connected yet")
        assert not harness.bus.connected
        assert "uthori" in (harness.bus.problem or "")


async def test_a_payload_that_no_broker_takes_is_not_sent(broker: Broker) -> None:
    """Sending it would end the connection, again and again."""
    async with running(Harness(broker)) as harness:
        await harness.connected.wait()
        harness.connected.clear()
        too_large = b"x" * (MAX_PAYLOAD + 1)
        assert not await harness.bus.publish(PLAN, too_large, 1, True)  # noqa: FBT003 - MQTT's order
        assert await harness.bus.publish(PLAN, b"plan", 1, True)  # noqa: FBT003 - MQTT's order
        assert not harness.connected.is_set()


async def test_a_late_will_of_our_own_is_contradicted(broker: Broker) -> None:
    """The broker may notice the end of an earlier connection only after the next was made."""
    name = broker.credentials(MAIN)
    async with running(Harness(broker)) as harness, broker.client(PC) as device:
        await harness.connected.wait()
        seen = presences(device)
        await anext(seen)
        late = encode(Presence(state="offline", at=utc_from_ms(0)))
        async with broker.anybody(username=name[0], password=name[1]) as earlier:
            await earlier.publish(PRESENCE, late, qos=1, retain=True)
        assert (await anext(seen))[0].state == "offline"
        assert (await anext(seen))[0].state == "online"
        assert harness.bus.others == []


async def test_other_orchestrators_are_noticed_while_they_live(broker: Broker) -> None:
    """Of another name, or with our own; a retained presence is no sign of life."""
    other = Instance("spare")
    broker.admit(instance=other)
    spare = instance_topic(other)
    online = encode(Presence(state="online", at=utc_from_ms(0)))
    offline = encode(Presence(state="offline", at=utc_from_ms(0)))
    async with broker.client(other) as elsewhere, broker.client(MAIN) as clone:
        await elsewhere.publish(spare, online, qos=1, retain=True)
        async with running(Harness(broker)) as harness:
            await harness.connected.wait()
            assert harness.bus.others == []
            await elsewhere.publish(spare, online, qos=1, retain=True)
            await clone.publish(PRESENCE, online, qos=1)
            await harness.until(lambda: harness.bus.others == sorted([spare, PRESENCE]))
            await elsewhere.publish(spare, offline, qos=1, retain=True)
            await harness.until(lambda: harness.bus.others == [PRESENCE])
