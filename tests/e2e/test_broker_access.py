"""What the rendered access rules do on real brokers. The same tests on Mosquitto and NATS.

Denials are judged by what arrives: under MQTT 3.1.1 a broker acknowledges what it denies.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import aiomqtt
import pytest
from aiomqtt.exceptions import MqttConnectError

from mqtt_schemas.codec import MAX_PAYLOAD
from mqtt_schemas.topics import (
    Address,
    Channel,
    Instance,
    device_topic,
    down_filter,
    instance_topic,
    instances_filter,
    site_filter,
    up_filter,
)
from tests.e2e.brokers import DEVICES, MAIN, SITE, Broker

pytestmark = pytest.mark.e2e

ONE, TWO = DEVICES
ELSEWHERE = Address("elsewhere", "pc-1")
BRANCH = Instance("branch")
WITHIN = 10.0


async def heard(client: aiomqtt.Client, until: bytes) -> list[tuple[str, bytes]]:
    """Return what the client receives up to and with a payload, as (topic, payload)."""
    found: list[tuple[str, bytes]] = []
    async with asyncio.timeout(WITHIN):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found.append((message.topic.value, message.payload))
            if message.payload == until:
                return found
    raise AssertionError


async def attempt(broker: Broker, user: str | Address | Instance, topic: str) -> None:
    """Publish a retained message by a connection of its own, whatever the broker says."""
    with suppress(aiomqtt.MqttError):
        async with broker.client(user) as client:
            await client.publish(topic, b"forged", qos=1, retain=True, timeout=2)


async def subscribe_all(client: aiomqtt.Client, *filters: str) -> None:
    """Subscribe, whatever the broker says."""
    for each in filters:
        with suppress(aiomqtt.MqttError):
            await client.subscribe(each, qos=1)


async def test_a_device_is_heard_and_told(broker: Broker) -> None:
    """A device publishes below its own up/, and reads its own down/ and the presence."""
    async with broker.client(MAIN) as main, broker.client(ONE) as one:
        await main.subscribe(site_filter(SITE), qos=1)
        await subscribe_all(one, down_filter(ONE), instances_filter())
        await one.publish(device_topic(ONE, Channel.STATUS), b"status", qos=1)
        await main.publish(device_topic(ONE, Channel.PLAN), b"plan", qos=1)
        assert await heard(main, b"status") == [(device_topic(ONE, Channel.STATUS), b"status")]
        assert await heard(one, b"plan") == [(device_topic(ONE, Channel.PLAN), b"plan")]
        await main.publish(instance_topic(MAIN), b"here", qos=1)
        assert await heard(one, b"here") == [(instance_topic(MAIN), b"here")]


@pytest.mark.parametrize(
    "topic",
    [
        device_topic(TWO, Channel.STATUS),
        device_topic(TWO, Channel.PLAN),
        device_topic(ONE, Channel.PLAN),
        device_topic(ELSEWHERE, Channel.STATUS),
        instance_topic(MAIN),
        "laitevuoro/v1/library/pc-1/upper/status",
    ],
)
async def test_a_device_forges_nothing(broker: Broker, topic: str) -> None:
    """What a device publishes outside its own up/ reaches nobody, and is not retained."""
    broker.admit((ELSEWHERE,), instance=BRANCH, sites=["elsewhere"])
    async with broker.client(MAIN) as main, broker.client(BRANCH) as branch:
        await subscribe_all(main, site_filter(SITE), instances_filter())
        await subscribe_all(branch, site_filter("elsewhere"))
        async with broker.client(TWO) as two, broker.client(ONE) as one:
            await subscribe_all(one, down_filter(ONE))
            await subscribe_all(two, down_filter(TWO))
            await attempt(broker, ONE, topic)
            for marker in (b"1", b"2"):
                await main.publish(device_topic(ONE, Channel.PLAN), marker, qos=1)
                await main.publish(device_topic(TWO, Channel.PLAN), marker, qos=1)
                await main.publish(instance_topic(MAIN), marker, qos=1)
            await branch.publish(instance_topic(BRANCH), b"2", qos=1)
            seen = await heard(one, b"2") + await heard(two, b"2") + await heard(main, b"2")
    async with broker.client(MAIN) as later:
        await subscribe_all(later, site_filter(SITE), instances_filter())
        await later.publish(instance_topic(MAIN), b"3", qos=1)
        seen += await heard(later, b"3")
    assert b"forged" not in [payload for _, payload in seen]


@pytest.mark.parametrize(
    "topic_filter",
    [down_filter(ONE), up_filter(ONE), "laitevuoro/v1/+/+/#", "laitevuoro/#", "#", "+/+/+/+/+/+"],
)
@pytest.mark.parametrize("retained", [True, False], ids=["retained", "live"])
async def test_a_device_reads_nothing_of_others(
    broker: Broker, topic_filter: str, *, retained: bool
) -> None:
    """Whatever a device subscribes to, it gets only its own messages, retained or live."""
    async with (
        broker.client(MAIN) as main,
        broker.client(ONE) as one,
        broker.client(TWO) as two,
        broker.client(MAIN) as witness,
    ):

        async def talk() -> None:
            await one.publish(device_topic(ONE, Channel.STATUS), b"foreign", qos=1, retain=retained)
            await main.publish(device_topic(ONE, Channel.PLAN), b"foreign", qos=1, retain=retained)

        await subscribe_all(witness, site_filter(SITE))
        if retained:
            await talk()
        # A denied subscription may end the connection (it does on neither broker today).
        await subscribe_all(two, topic_filter, down_filter(TWO))
        if not retained:
            await talk()
        for marker in (b"1", b"2", b"3"):
            await main.publish(device_topic(TWO, Channel.PLAN), marker, qos=1)
        seen = await heard(two, b"3")
        assert (device_topic(ONE, Channel.STATUS), b"foreign") in await heard(witness, b"foreign")
    assert {topic for topic, _ in seen} == {device_topic(TWO, Channel.PLAN)}


async def test_an_orchestrator_stays_within_its_sites(broker: Broker) -> None:
    """An orchestrator neither reads another site, nor writes plans or presence there."""
    broker.admit((ELSEWHERE,), instance=BRANCH, sites=["elsewhere"])
    plan, status = device_topic(ONE, Channel.PLAN), device_topic(ONE, Channel.STATUS)
    async with broker.client(ONE) as one, broker.client(BRANCH) as branch:
        await subscribe_all(one, down_filter(ONE), instances_filter())
        await subscribe_all(
            branch, site_filter(SITE), "laitevuoro/#", "#", site_filter("elsewhere")
        )
        for topic in (plan, status, instance_topic(MAIN)):
            await attempt(broker, BRANCH, topic)
        await one.publish(status, b"foreign", qos=1, retain=True)
        async with broker.client(MAIN) as main, broker.client(ELSEWHERE) as elsewhere:
            await main.publish(plan, b"end", qos=1)
            assert await heard(one, b"end") == [(plan, b"end")]
            for marker in (b"1", b"2"):
                await elsewhere.publish(device_topic(ELSEWHERE, Channel.STATUS), marker, qos=1)
        seen = await heard(branch, b"2")
    assert {topic for topic, _ in seen} == {device_topic(ELSEWHERE, Channel.STATUS)}


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"username": ONE.user},
        {"username": ONE.user, "password": ""},
        {"username": ONE.user, "password": "wrong"},
        {"username": "nobody.here", "password": "wrong"},
        {"username": "", "password": ""},
    ],
    ids=["anonymous", "no password", "empty", "wrong", "unknown", "nothing"],
)
async def test_strangers_are_refused(broker: Broker, credentials: dict[str, str]) -> None:
    """Without the right password nobody gets in, and the client is told so."""
    with pytest.raises(aiomqtt.MqttError) as refusal:
        async with broker.anybody(**credentials):
            pass
    assert "not authori" in str(refusal.value).lower() or "bad user" in str(refusal.value).lower()


async def test_another_users_password_is_refused(broker: Broker) -> None:
    """A device's secret opens no other user."""
    _, secret = broker.credentials(TWO)
    with pytest.raises(MqttConnectError):
        async with broker.anybody(username=ONE.user, password=secret):
            pass


async def test_wills_and_retained_messages_work(broker: Broker) -> None:
    """The will of a device whose connection breaks is published, retained, and can be deleted."""
    topic = device_topic(ONE, Channel.LINK)
    will = aiomqtt.Will(topic, b"offline", qos=1, retain=True)
    async with broker.client(MAIN) as main:
        await main.subscribe(site_filter(SITE), qos=1)
        await cut_off(broker.client(ONE, will=will), topic, b"online")
        assert await heard(main, b"offline") == [(topic, b"online"), (topic, b"offline")]
    async with broker.client(MAIN) as later, broker.client(ONE) as one:
        await later.subscribe(site_filter(SITE), qos=1)
        assert await heard(later, b"offline") == [(topic, b"offline")]
        await one.publish(topic, b"", qos=1, retain=True)
        await heard(later, b"")
    async with broker.client(MAIN) as last, broker.client(ONE) as one:
        await last.subscribe(site_filter(SITE), qos=1)
        await one.publish(topic, b"end", qos=1)
        assert await heard(last, b"end") == [(topic, b"end")]


async def test_a_forged_will_reaches_nobody(broker: Broker) -> None:
    """A device can't speak for another by its will either."""
    forged = aiomqtt.Will(device_topic(TWO, Channel.LINK), b"offline", qos=1, retain=True)
    own = device_topic(ONE, Channel.LINK)
    async with broker.client(MAIN) as main, broker.client(TWO) as two:
        await main.subscribe(site_filter(SITE), qos=1)
        with suppress(aiomqtt.MqttError):
            await cut_off(broker.client(ONE, will=forged), own, b"online")
        for marker in (b"1", b"2", b"3"):
            await two.publish(device_topic(TWO, Channel.STATUS), marker, qos=1)
        seen = await heard(main, b"3")
    assert b"offline" not in [payload for _, payload in seen]


async def cut_off(client: aiomqtt.Client, topic: str, payload: bytes) -> None:
    """Connect, publish, and lose the connection without a DISCONNECT."""
    await client.__aenter__()
    await client.publish(topic, payload, qos=1, retain=True)
    connection = client._client.socket()
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(aiomqtt.MqttError):
        await asyncio.wait_for(anext(aiter(client.messages)), WITHIN)


@pytest.mark.parametrize("size", [250_000, MAX_PAYLOAD])
async def test_a_large_plan_is_retained_whole(broker: Broker, size: int) -> None:
    """A plan of the contract's greatest size comes through, live and retained."""
    topic, plan = device_topic(ONE, Channel.PLAN), b"p" * size
    async with broker.client(MAIN) as main, broker.client(ONE) as one:
        await one.subscribe(down_filter(ONE), qos=1)
        await main.publish(topic, plan, qos=1, retain=True)
        assert await heard(one, plan) == [(topic, plan)]
    async with broker.client(ONE) as later:
        await later.subscribe(down_filter(ONE), qos=1)
        assert await heard(later, plan) == [(topic, plan)]


async def test_an_oversized_packet_ends_only_its_own_connection(broker: Broker) -> None:
    """A packet beyond the broker's limit is not acknowledged, and disturbs nobody else."""
    async with broker.client(MAIN) as main, broker.client(TWO) as two:
        await main.subscribe(site_filter(SITE), qos=1)
        with pytest.raises(aiomqtt.MqttError):
            async with broker.client(ONE) as one:
                await one.publish(
                    device_topic(ONE, Channel.STATUS), b"x" * 3 * MAX_PAYLOAD, qos=1, timeout=2
                )
        await two.publish(device_topic(TWO, Channel.STATUS), b"fine", qos=1)
        assert await heard(main, b"fine") == [(device_topic(TWO, Channel.STATUS), b"fine")]


async def test_a_revoked_user_is_dropped_and_others_stay(broker: Broker) -> None:
    """After a reload a revoked device is out and stays out; the others keep their connections."""
    async with broker.client(MAIN) as main, broker.client(TWO) as two:
        await main.subscribe(site_filter(SITE), qos=1)
        async with broker.client(ONE) as one:
            broker.revoke(ONE.user)
            with pytest.raises(aiomqtt.MqttError):
                await asyncio.wait_for(anext(aiter(one.messages)), WITHIN)
        with pytest.raises(MqttConnectError):
            async with broker.client(ONE):
                pass
        await two.publish(device_topic(TWO, Channel.STATUS), b"still here", qos=1)
        await heard(main, b"still here")


async def test_a_new_user_is_let_in_and_others_stay(broker: Broker) -> None:
    """A device enrolled while the broker runs gets in after a reload; nobody else notices."""
    new = Address(SITE, "printer-1")
    async with broker.client(MAIN) as main, broker.client(TWO) as two:
        await main.subscribe(site_filter(SITE), qos=1)
        broker.admit((new,))
        async with broker.client(new) as client:
            await client.publish(device_topic(new, Channel.STATUS), b"new", qos=1)
            await heard(main, b"new")
        await two.publish(device_topic(TWO, Channel.STATUS), b"still here", qos=1)
        await heard(main, b"still here")


async def test_two_connections_of_one_user_live_side_by_side(broker: Broker) -> None:
    """A second connection with the same credentials evicts nobody, and both are served."""
    async with broker.client(MAIN) as main, broker.client(ONE) as first:
        await first.subscribe(down_filter(ONE), qos=1)
        async with broker.client(ONE) as second:
            await second.subscribe(down_filter(ONE), qos=1)
            await main.publish(device_topic(ONE, Channel.PLAN), b"plan", qos=1)
            await heard(first, b"plan")
            await heard(second, b"plan")


async def test_a_whole_fleet_is_seen_at_once(broker: Broker) -> None:
    """A new subscriber gets every retained message, more than a broker's default queue holds."""
    topics = [f"laitevuoro/v1/{SITE}/{ONE.device}/up/{number}" for number in range(2500)]
    async with broker.client(ONE, max_inflight_messages=100, timeout=30) as one:
        one.pending_calls_threshold = len(topics)
        async with asyncio.TaskGroup() as tasks:
            for topic in topics:
                tasks.create_task(one.publish(topic, topic.encode(), qos=1, retain=True))
    async with broker.client(MAIN) as main:
        await main.subscribe(site_filter(SITE), qos=1)
        found: set[str] = set()
        async with asyncio.timeout(30):
            async for message in main.messages:
                found.add(message.topic.value)
                if len(found) == len(topics):
                    break
    assert found == set(topics)
