"""The agent's connection on real brokers: presence, will, reconnection, dead connections."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest

from agents.config import BrokerSettings
from agents.link import Connection, Identity, Link, LinkLost, broker_problem
from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import Received, encode
from mqtt_schemas.messages import Ack, Presence, TimeAnswer
from mqtt_schemas.messages import Link as LinkMessage
from mqtt_schemas.topics import Address, Channel, device_topic, instance_topic, site_filter
from tests.agents.waiting import until
from tests.e2e.brokers import DEVICES, MAIN, SITE, Broker, Place

pytestmark = pytest.mark.e2e

ONE, TWO = DEVICES
BOOT = "00000000-0000-0000-0000-00000000000a"
LOG = "ffffffff-ffff-ffff-ffff-ffffffffffff"
#: Seconds: what the link waits for a broker, its heartbeat here, and the longest of any test's.
TIMEOUT, HEARTBEAT, WITHIN = 1.0, 0.3, 20.0


class Agent:
    """A link under way that publishes a heartbeat, and what it went through."""

    def __init__(self, broker: Place, address: Address, user: Address) -> None:
        name, secret = broker.credentials(user)
        identity = Identity(address, "pc", "0.1.0", BOOT, name, secret)
        settings = BrokerSettings(host=broker.host, port=broker.port)
        self.link = Link(broker=settings, identity=identity, timeout=TIMEOUT)
        self.connections: list[str] = []
        self.received: list[Received] = []
        self._news = asyncio.Event()

    async def serve(self, connection: Connection) -> None:
        """Publish until the connection is lost."""
        self.connections.append(connection.id)
        self._news.set()
        while True:
            await connection.publish(Channel.STATUS, b"beat")
            await asyncio.sleep(HEARTBEAT)

    def receive(self, received: Received) -> None:
        """Keep it."""
        self.received.append(received)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds`, looked at after each connection and message."""
        async with asyncio.timeout(WITHIN):
            while not holds():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def linked(
    broker: Broker, address: Address = ONE, user: Address = ONE
) -> AsyncIterator[Agent]:
    """Keep an agent connected for as long as the block lasts."""
    agent = Agent(broker, address, user)
    task = asyncio.create_task(agent.link.run(agent.serve, agent.receive))
    try:
        yield agent
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


class Desk:
    """What an orchestrator hears."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.heard: list[tuple[str, bytes]] = []
        self._news = asyncio.Event()

    async def listen(self) -> None:
        """Keep every message."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((message.topic.value, message.payload))
            self._news.set()

    def links(self, address: Address = ONE) -> list[tuple[str, str]]:
        """Return what was said of a device's link, as (state, connection id)."""
        topic = device_topic(address, Channel.LINK)
        said = [
            LinkMessage.model_validate_json(payload) for at, payload in self.heard if at == topic
        ]
        return [(message.state, message.connection) for message in said]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds`, looked at after each message."""
        async with asyncio.timeout(WITHIN):
            while not holds():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def desk(broker: Broker) -> AsyncIterator[Desk]:
    """Listen to the site for as long as the block lasts."""
    async with broker.client(MAIN) as client:
        made = Desk(client)
        task = asyncio.create_task(made.listen())
        await client.subscribe(site_filter(SITE), qos=1)
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.wait([task])


async def leftovers() -> list[str]:
    """Return the tasks of MQTT clients: one for each connection that somebody keeps alive."""
    await asyncio.sleep(0.1)  # those that were just closed
    names = [getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name == "_misc_loop"]


def sockets() -> int:
    """Return how many sockets this process has open."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(each.readlink()).startswith("socket:")
    return found


async def test_presence_is_retained_and_ends_with_offline(broker: Broker) -> None:
    """Online with the connection's id; at a clean end offline with the same one."""
    async with linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        async with desk(broker) as late:
            await late.until(lambda: bool(late.links()))
            assert late.links() == [("online", agent.connections[0])]
    async with desk(broker) as later:
        await later.until(lambda: bool(later.links()))
        assert later.links() == [("offline", agent.connections[0])]
    assert await leftovers() == []


async def test_it_hears_what_is_meant_for_it(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be read is logged once, and does not end the connection."""
    answer = TimeAnswer(nonce="0" * 32, received=utc_from_ms(0), sent=utc_from_ms(0))
    here = Presence(state="online", at=utc_from_ms(0))
    async with broker.client(MAIN) as main, linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        for payload in (b"{", b"{", encode(answer)):
            await main.publish(device_topic(ONE, Channel.TIME_ANSWER), payload, qos=1)
        await main.publish(device_topic(TWO, Channel.TIME_ANSWER), encode(answer), qos=1)
        await main.publish(instance_topic(MAIN), encode(here), qos=1)
        await agent.until(lambda: len(agent.received) == 2)
        assert [each.message for each in agent.received] == [answer, here]
        assert [each.source for each in agent.received] == [ONE, MAIN]
    assert caplog.text.count("a message was refused (not_json)") == 1
    assert len(agent.connections) == 1


async def test_what_is_retained_is_heard_at_connect(broker: Broker) -> None:
    """A plan waits at the broker for a device that was off."""
    ack = Ack(log=LOG, seq=0, chain=None)
    async with broker.client(MAIN) as main:
        await main.publish(device_topic(ONE, Channel.ACK), encode(ack), qos=1, retain=True)
        async with linked(broker) as agent:
            await agent.until(lambda: bool(agent.received))
            assert agent.received[0].message == ack


_ALONE = """
import asyncio, sys
from agents.config import BrokerSettings
from agents.link import Identity, Link
from mqtt_schemas.topics import Address

async def serve(connection):
    print(connection.id, flush=True)
    await asyncio.Event().wait()

port, site, device, boot, user = sys.argv[1:]
identity = Identity(Address(site, device), "pc", "0.1.0", boot, user, sys.stdin.readline().strip())
link = Link(broker=BrokerSettings(port=int(port)), identity=identity)
asyncio.run(link.run(serve, lambda received: None))
"""


async def test_a_killed_agent_leaves_its_will(broker: Broker) -> None:
    """The broker says offline for it, with the id of the connection that is gone."""
    user, secret = broker.credentials(ONE)
    words = [str(broker.port), ONE.site, ONE.device, BOOT, user]
    async with desk(broker) as hall:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _ALONE,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{secret}\n".encode())
        async with asyncio.timeout(WITHIN):
            connection = (await process.stdout.readline()).decode().strip()
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await hall.until(lambda: len(hall.links()) == 2)
        assert hall.links() == [("online", connection), ("offline", connection)]


async def test_it_comes_back_after_the_broker_was_killed(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """With a new connection id; the old connection is known to be lost at once."""
    caplog.set_level(logging.INFO)
    async with linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        broker.kill()
        await until(lambda: agent.link.connection is None, seconds=WITHIN)
        broker.restart()
        await agent.until(lambda: len(agent.connections) == 2)
        async with desk(broker) as hall:
            await hall.until(lambda: bool(hall.links()))
            assert hall.links()[-1] == ("online", agent.connections[1])
        assert len(await leftovers()) == 1
    assert len(set(agent.connections)) == 2
    assert caplog.text.count("connected to the broker") == 1  # the same thing, soon again
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_a_broker_that_went_silent_is_noticed(broker: Broker) -> None:
    """Within a heartbeat and the publish's time-out; once it speaks again, one connection is left.

    TCP alone would take a quarter of an hour. Each try in between must leave nothing behind
    that would connect when the broker wakes up.
    """
    loop = asyncio.get_running_loop()
    async with linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        broker.signal(signal.SIGSTOP)
        began = loop.time()
        await until(lambda: agent.link.connection is None, seconds=WITHIN)
        assert loop.time() - began < HEARTBEAT + TIMEOUT + 1
        await asyncio.sleep(3 * TIMEOUT)  # tries without an answer
        broker.signal(signal.SIGCONT)
        await agent.until(lambda: len(agent.connections) == 2)
        await asyncio.sleep(TIMEOUT)
        assert len(agent.connections) == 2
        assert len(await leftovers()) == 1


async def test_a_broker_that_is_away_floods_no_log(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again, ever more rarely, and said once."""
    caplog.set_level(logging.INFO)
    broker.kill()
    async with linked(broker) as agent:
        await asyncio.sleep(4)
        assert agent.link.connection is None
        broker.restart()
        await agent.until(lambda: len(agent.connections) == 1)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said
    assert said[0].startswith(f"{ONE}: no broker: ")
    assert said[1] == f"{ONE}: connected to the broker"


async def test_a_revoked_device_keeps_trying(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """It says why, once; when it is admitted again, it is back by itself."""
    async with linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        secret = broker._secrets[ONE.user]
        broker.revoke(ONE.user)
        await until(lambda: "uthori" in caplog.text, seconds=WITHIN)
        await asyncio.sleep(2)
        refusals = [each for each in caplog.messages if "uthori" in each]
        assert len(refusals) == 1, refusals
        assert secret not in caplog.text
        broker.admit([ONE])
        await agent.until(lambda: len(agent.connections) == 2)


async def test_a_device_that_poses_as_another_is_not_heard(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the broker swallows it or hangs up: nothing arrives, and no log is flooded."""
    async with desk(broker) as hall, linked(broker, address=TWO, user=ONE) as agent:
        await asyncio.sleep(3)
        assert hall.heard == []
        assert len(agent.connections) <= 4
    assert len(caplog.records) <= 2, caplog.messages


async def test_a_stop_is_heeded_at_any_moment(broker: Broker) -> None:
    """In the middle of connecting, subscribing, publishing, or between: it ends, and says so.

    The plan that is retained makes a connection with all that can come in it.
    """
    ack = Ack(log=LOG, seq=0, chain=None)
    async with broker.client(MAIN) as main:
        await main.publish(device_topic(ONE, Channel.ACK), encode(ack), qos=1, retain=True)
    before = sockets()
    for turns in range(60):
        agent = Agent(broker, ONE, ONE)
        task = asyncio.create_task(agent.link.run(agent.serve, agent.receive))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(WITHIN):
            await asyncio.wait([task])
        assert task.cancelled()
    agent = Agent(broker, ONE, ONE)
    task = asyncio.create_task(agent.link.run(agent.serve, agent.receive))
    await agent.until(lambda: bool(agent.received))
    task.cancel()
    async with asyncio.timeout(WITHIN):
        await asyncio.wait([task])
    assert await leftovers() == []
    await until(lambda: sockets() == before)


async def test_a_stop_while_the_broker_says_nothing_leaves_nothing_open(broker: Broker) -> None:
    """The connection that was never answered is closed: it would come alive with the broker."""
    broker.signal(signal.SIGSTOP)
    before = sockets()
    agent = Agent(broker, ONE, ONE)
    task = asyncio.create_task(agent.link.run(agent.serve, agent.receive))
    await until(lambda: sockets() > before)
    await asyncio.sleep(0.2)
    task.cancel()
    async with asyncio.timeout(WITHIN):
        await asyncio.wait([task])
    assert task.cancelled()
    assert await leftovers() == []
    assert sockets() == before
    broker.signal(signal.SIGCONT)


async def test_what_serving_raises_is_not_swallowed(broker: Broker) -> None:
    """A fault of our own is for whoever started the link; the connection ends in good order."""

    async def fault(connection: Connection) -> None:
        raise ZeroDivisionError

    agent = Agent(broker, ONE, ONE)
    with pytest.raises(ExceptionGroup) as raised:
        await agent.link.run(fault, agent.receive)
    assert raised.group_contains(ZeroDivisionError)
    async with desk(broker) as hall:
        await hall.until(lambda: bool(hall.links()))
        assert hall.links()[-1][0] == "offline"
    assert await leftovers() == []


async def test_a_lost_connection_takes_no_more(broker: Broker) -> None:
    """Whoever still holds it is told."""
    held: list[Connection] = []

    async def hold(connection: Connection) -> None:
        held.append(connection)
        await asyncio.Event().wait()

    agent = Agent(broker, ONE, ONE)
    task = asyncio.create_task(agent.link.run(hold, agent.receive))
    await until(lambda: bool(held), seconds=WITHIN)
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(LinkLost):
        await held[0].publish(Channel.STATUS, b"late")


async def test_a_check_of_the_broker_disturbs_nobody(broker: Broker) -> None:
    """It says nothing on any topic, and why the broker would refuse the device."""
    async with desk(broker) as hall, linked(broker) as agent:
        await agent.until(lambda: len(agent.connections) == 1)
        settings = BrokerSettings(host=broker.host, port=broker.port)
        name, secret = broker.credentials(ONE)
        good = Identity(ONE, "pc", "0.1.0", BOOT, name, secret)
        assert await broker_problem(settings, good) is None
        bad = Identity(ONE, "pc", "0.1.0", BOOT, name, "wrong")
        problem = await broker_problem(settings, bad)
        assert problem is not None
        assert "uthori" in problem
        await hall.until(lambda: len(hall.heard) > 3)
        assert [state for state, _ in hall.links()] == ["online"]
        assert len(agent.connections) == 1
