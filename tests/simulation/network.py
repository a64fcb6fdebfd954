"""A broker and the ways to it, where messages are lost, repeated, late and out of order.

Both wings' connections, as they are without aiomqtt: presence, will, reconnection, and a
publish that fails where no PUBACK comes in time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agents.config import BrokerSettings
from agents.link import Identity, Link, LinkLost, Receive, Serve
from agents.outbox import Outbox
from mqtt_schemas import codec
from mqtt_schemas.messages import Ack
from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic, parse
from tests.simulation.loop import Process
from tests.simulation.world import World

PUBACK_WITHIN = 10.0
KEEPALIVE = 45.0

Deliver = Callable[[str, bytes, bool], None]


@dataclass(slots=True)
class Weather:
    """How likely each of a message's mishaps is."""

    lost: float = 0.0
    lost_acknowledged: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    latest: float = 20.0


@dataclass(slots=True)
class Way:
    """A host's way to the broker. cut: nothing passes, and nobody is told."""

    cut: bool = False


class Client:
    """One connection to the broker."""

    def __init__(
        self,
        broker: Broker,
        process: Process,
        way: Way,
        wants: Callable[[str], bool],
        deliver: Deliver,
        will: tuple[str, bytes],
    ) -> None:
        self.lost = asyncio.Event()
        self.process = process
        self.way = way
        self.wants = wants
        self.will = will
        self.there = True
        self._broker = broker
        self._deliver = deliver

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:  # noqa: FBT001 - MQTT's own order
        """Publish, and with QoS 1 wait for the PUBACK. Raises LinkLost."""
        if not self.there or self.lost.is_set():
            raise LinkLost("the connection is gone")
        acknowledged = asyncio.Event()
        self._broker.send(self, topic, payload, retain, acknowledged)
        if qos == 0:
            return
        try:
            async with asyncio.timeout(PUBACK_WITHIN):
                await acknowledged.wait()
        except TimeoutError:
            raise LinkLost("no PUBACK") from None

    def take(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - as MQTT gives it
        """Have a message come out at the client's end."""
        if self.there and self.process.alive and not self.lost.is_set():
            self._deliver(topic, payload, retained)

    def drop(self) -> None:
        """End the connection at the client's end."""
        self.there = False


class Broker:
    """A broker that keeps retained messages, and promises nothing."""

    def __init__(self, world: World, weather: Weather) -> None:
        self.world = world
        self.weather = weather
        self.up = True
        self.retained: dict[str, bytes] = {}
        self.clients: list[Client] = []

    def connect(
        self,
        process: Process,
        way: Way,
        wants: Callable[[str], bool],
        deliver: Deliver,
        will: tuple[str, bytes],
    ) -> Client:
        """Return a connection. Raises LinkLost."""
        if way.cut or not self.up:
            raise LinkLost("no broker")
        client = Client(self, process, way, wants, deliver, will)
        self.clients.append(client)
        for topic, payload in self.retained.items():
            if wants(topic):
                self._pass_on(client, topic, payload, retained=True)
        return client

    def send(
        self,
        client: Client,
        topic: str,
        payload: bytes,
        retain: bool,  # noqa: FBT001 - MQTT's own order
        done: asyncio.Event,
    ) -> None:
        """Take a message in at the client's end of the way."""
        world, weather = self.world, self.weather
        if client.way.cut or (not world.healed and world.chance(weather.lost)):
            return
        delay = self._delay()
        world.loop.at(delay, self._arrive, client, topic, payload, retain, done)
        if not world.healed and world.chance(weather.repeated):
            world.loop.at(delay + self._delay(), self._arrive, client, topic, payload, retain, done)

    def leave(self, client: Client) -> None:
        """End a connection properly, without a will."""
        client.drop()
        if client in self.clients:
            self.clients.remove(client)

    def lose(self, client: Client, after: float) -> None:
        """End a connection that broke: its will is published some time later."""
        client.drop()
        if client in self.clients:
            self.clients.remove(client)
            self.world.loop.at(after, self._publish, *client.will, True)  # noqa: FBT003 - retained

    def hang_up(self, client: Client) -> None:
        """End a connection from the broker's side."""
        self.lose(client, self.world.between(0.0, 0.1))
        self.world.loop.soon_in(client.process, client.lost.set)

    def restart(self, *, wiped: bool) -> None:
        """Kill the broker and start it anew; maybe without what it had kept."""
        clients, self.clients = self.clients, []
        for client in clients:
            client.drop()
            self.world.loop.soon_in(client.process, client.lost.set)
        if wiped:
            self.retained.clear()

    def process_died(self, process: Process) -> None:
        """Notice that a process is gone: at once where its kernel says so, else in a while."""
        for client in [each for each in self.clients if each.process is process]:
            quiet = client.way.cut or self.world.chance(0.2)
            self.lose(client, self.world.between(20, KEEPALIVE) if quiet else 0.001)

    def _delay(self) -> float:
        world = self.world
        if not world.healed and world.chance(self.weather.late):
            return world.between(0.0, self.weather.latest)
        return world.between(0.0005, 0.02)

    def _arrive(
        self,
        client: Client,
        topic: str,
        payload: bytes,
        retain: bool,  # noqa: FBT001 - MQTT's own order
        done: asyncio.Event,
    ) -> None:
        if not self.up or client.way.cut:
            return
        if client.process.alive:
            self.world.loop.at(self._delay(), self._acknowledge, client, done)
        if self.world.healed or not self.world.chance(self.weather.lost_acknowledged):
            self._publish(topic, payload, retain)

    def _acknowledge(self, client: Client, done: asyncio.Event) -> None:
        if client.process.alive and not client.way.cut:
            self.world.loop.soon_in(client.process, done.set)

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:  # noqa: FBT001 - MQTT's own order
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for client in self.clients:
            if client.wants(topic):
                self._pass_on(client, topic, payload, retained=False)

    def _pass_on(self, client: Client, topic: str, payload: bytes, *, retained: bool) -> None:
        world = self.world
        if not world.healed and world.chance(self.weather.lost):
            return
        world.loop.at(self._delay(), self._come_out, client, topic, payload, retained)
        if not world.healed and world.chance(self.weather.repeated):
            world.loop.at(self._delay(), self._come_out, client, topic, payload, retained)

    def _come_out(self, client: Client, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - as MQTT gives it
        if client.way.cut or not client.process.alive:
            return
        # Nonces of the time exchange are the system's own random bits.
        digest = "" if topic.endswith("/time") else hashlib.md5(payload).hexdigest()[:8]  # noqa: S324 - to tell runs apart
        world = self.world
        world.trace(f"{client.process.name} <- {topic} {digest}")
        world.loop.soon_in(client.process, client.take, topic, payload, retained)


class AgentLink(Link):
    """The agents' link, reconnection and all, with the simulated broker for aiomqtt's."""

    def __init__(
        self,
        *,
        broker: Broker,
        process: Process,
        way: Way,
        address: Address,
        boot_id: str,
        outbox: Callable[[], Outbox | None],
    ) -> None:
        super().__init__(
            broker=BrokerSettings(host="simulated"),
            identity=Identity(address, "simulated", "0", boot_id, address.user, None),
        )
        self.broker = broker
        self.address = address
        self.outbox = outbox
        self._process = process
        self._way = way

    async def _connect(self, serve: Serve, receive: Receive) -> None:
        world, prefix = self.broker.world, device_topic(self.address, Channel.PLAN)[: -len("plan")]
        connection_id = world.hex()
        await asyncio.sleep(world.between(0.001, 0.05))

        def deliver(topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - as MQTT gives it
            receive(codec.decode(topic, payload))

        client = self.broker.connect(
            self._process,
            self._way,
            lambda topic: topic.startswith(prefix),
            deliver,
            (device_topic(self.address, Channel.LINK), self._presence(connection_id, "offline")),
        )
        connection = self.connected(client, connection_id)
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(_until_lost(client))
                online = self._presence(connection_id, "online")
                await connection.publish(Channel.LINK, online, retain=True)
                try:
                    await serve(connection)
                finally:
                    watch.cancel()
                    await self._say_goodbye(connection)
        finally:
            self.broker.leave(client)

    def connected(self, client: Client, connection_id: str) -> AgentConnection:
        """Return what the runtime publishes by."""
        return AgentConnection(client, self.address, connection_id)


class AgentConnection:
    """An agent's connection."""

    def __init__(self, client: Client, address: Address, connection_id: str) -> None:
        self.id = connection_id
        self._client = client
        self._address = address

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish. Raises LinkLost."""
        await self._client.publish(device_topic(self._address, channel), payload, qos, retain)


class Bus:
    """orchestrator.bus.Bus, likewise. `promised` is called with each acknowledgement sent."""

    def __init__(
        self,
        *,
        broker: Broker,
        process: Process,
        way: Way,
        promised: Callable[[Address, Ack], None],
    ) -> None:
        self._broker = broker
        self._process = process
        self._way = way
        self._promised = promised
        self._client: Client | None = None

    async def run(self, handle: Deliver, on_connected: Callable[[], None]) -> None:
        """Connect, and again, for ever."""
        while True:
            await asyncio.sleep(self._broker.world.between(0.01, 2.0))
            will = instance_topic(Instance("main")), b""
            with suppress(LinkLost):
                client = self._broker.connect(self._process, self._way, _upward, handle, will)
                self._client = client
                on_connected()
                try:
                    await _until_lost(client)
                finally:
                    self._client = None
                    self._broker.leave(client)

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> bool:  # noqa: FBT001 - MQTT's own order
        """Publish; tell whether the broker took it, or with QoS 0 whether it was written."""
        if topic.endswith(Channel.ACK):
            self._note(topic, payload)
        client = self._client
        if client is None:
            return False
        try:
            await client.publish(topic, payload, qos, retain)
        except LinkLost:
            client.lost.set()
            return False
        return True

    def _note(self, topic: str, payload: bytes) -> None:
        address: Any = parse(topic)
        message = codec.decode(topic, payload).message
        assert isinstance(message, Ack)
        self._promised(address[0], message)


async def _until_lost(client: Client) -> None:
    await client.lost.wait()
    raise LinkLost("the broker hung up")


def _upward(topic: str) -> bool:
    return "/up/" in topic
