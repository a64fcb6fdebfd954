"""The orchestrator's MQTT connection: will, presence, reconnection. The only user of aiomqtt here.

A clean session, a random client id and a new Client for each connection. A publish that the
broker does not acknowledge in time means that the connection is dead, whatever TCP believes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import structlog
from paho.mqtt.reasoncodes import ReasonCode

from mqtt_schemas.codec import MAX_PAYLOAD, InvalidMessage, decode, encode
from mqtt_schemas.messages import LinkState, Presence
from mqtt_schemas.topics import Instance, instance_topic, instances_filter, site_filter
from orchestrator.rivals import Rivals, Self

#: Takes topic, payload, and whether the broker had kept the message.
Handle = Callable[[str, bytes, bool], None]

#: Small messages that wait for their acknowledgement: Nagle's algorithm would add 40 ms each.
SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
#: Seconds within which the broker must acknowledge.
ACKNOWLEDGED_WITHIN = 10.0
#: Seconds between two signs of life. The first one missed is the end of the connection.
HEARTBEAT = 30.0
#: Another orchestrator that has not been heard for longer is gone.
HEARD_WITHIN = timedelta(seconds=3 * HEARTBEAT)
FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
#: Seconds for a connection to end in good order when the bus is told to stop.
LEAVE_WITHIN = 5.0
#: Plans for hundreds of devices go out at once; paho's own limit is 20.
IN_FLIGHT = 200

_LOG = structlog.get_logger(__name__)
#: The library logs each failed try; we log each change.
_QUIET = logging.getLogger(f"{__name__}.client")
_QUIET.setLevel(logging.CRITICAL)


class BusLost(Exception):
    """The connection to the broker is gone, or of no use. The text says why."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a TLS connection. Without `cert` the password alone tells who we are."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and as whom to come. `username` None: it asks for nobody."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: within which the broker must acknowledge, and from try to try at most."""

    acknowledged_within: float = ACKNOWLEDGED_WITHIN
    longest_wait: float = LAST_BACKOFF


class Bus:
    """Keeps the orchestrator connected.

    connected: whether it is now. problem: why not, in words, else None.
    """

    def __init__(
        self,
        *,
        broker: Broker,
        instance: Instance,
        sites: Sequence[str],
        now: Callable[[], datetime],
        database: str | None = None,
        jitter: Callable[[], float] = random.random,
        patience: Patience = Patience(),
    ) -> None:
        self.connected = False
        self.problem: str | None = "not connected yet"
        self._broker = broker
        self._topic = instance_topic(instance)
        self._filters = [*(site_filter(site) for site in sites), instances_filter()]
        self._jitter = jitter
        self._patience = patience
        self._client: aiomqtt.Client | None = None
        self._lost = asyncio.Event()
        self._say_again = asyncio.Event()
        own = Self(self._topic, database, frozenset(sites))
        self._rivals = Rivals(own=own, within=HEARD_WITHIN, now=now)

    @property
    def others(self) -> list[str]:
        """The topics of other orchestrators of our sites that were heard of late (rivals.py)."""
        return self._rivals.topics

    async def run(self, handle: Handle, on_connected: Callable[[], None]) -> None:
        """Connect, call `on_connected`, give each message to `handle`; and again, for ever.

        `handle` is called between two turns of the event loop and has to be fast.
        """
        backoff, told = FIRST_BACKOFF, ""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await _by_itself(self._connection(handle, on_connected))
            except* (aiomqtt.MqttError, BusLost) as group:
                self.problem = str(_first(group))
            if loop.time() - began > self._patience.longest_wait:
                backoff, told = FIRST_BACKOFF, ""
            if self.problem != told:
                _LOG.warning("broker_lost", reason=self.problem)
                told = self.problem or ""
            await asyncio.sleep(backoff * (0.5 + self._jitter() / 2))
            backoff = min(backoff * 2, self._patience.longest_wait)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,  # noqa: FBT001 - MQTT's own order
    ) -> bool:
        """Publish; tell whether the broker took it (QoS 1), or whether it was written (QoS 0)."""
        client = self._client
        if client is None:
            return False
        if len(payload) > MAX_PAYLOAD:
            # The broker would close the connection, and again after each reconnection.
            _LOG.error("payload_too_large", topic=topic, bytes=len(payload))
            return False
        try:
            await client.publish(
                topic, payload, qos=qos, retain=retain, timeout=self._patience.acknowledged_within
            )
        except aiomqtt.MqttError:
            if client is self._client:
                self._lost.set()
            return False
        return True

    async def _connection(self, handle: Handle, on_connected: Callable[[], None]) -> None:
        """One connection, from its CONNACK to its end. Raises MqttError, BusLost, in a group."""
        client = self._new_client(handle)
        async with _entered(client), asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(_until_lost(client), name="bus reads")
            for topics in self._filters:
                await _subscribe(client, topics)
            await self._say(client, "online")
            self._lost.clear()
            self._client, self.connected, self.problem = client, True, None
            _LOG.info("broker_connected", host=self._broker.host, port=self._broker.port)
            try:
                on_connected()
                async with asyncio.TaskGroup() as alive:
                    alive.create_task(self._heartbeat(client), name="bus heartbeat")
                    await self._lost.wait()
                    raise BusLost("the broker does not acknowledge what it is sent")
            finally:
                self._client, self.connected = None, False
                reader.cancel()
                await self._say_goodbye(client)

    async def _heartbeat(self, client: aiomqtt.Client) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._say_again.wait()
            self._say_again.clear()
            await self._say(client, "online")

    async def _say(self, client: aiomqtt.Client, state: LinkState) -> None:
        await client.publish(
            self._topic,
            self._presence(state),
            qos=1,
            retain=True,
            timeout=self._patience.acknowledged_within,
        )

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """Publish "offline" at a clean end, since the broker then sends no will."""
        with suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(2):
                await self._say(client, "offline")

    def _presence(self, state: LinkState) -> bytes:
        return encode(self._rivals.say(state))

    def _new_client(self, handle: Handle) -> aiomqtt.Client:
        broker = self._broker
        tls = broker.tls and aiomqtt.TLSParameters(
            ca_certs=str(broker.tls.ca),
            certfile=str(broker.tls.cert) if broker.tls.cert else None,
            keyfile=str(broker.tls.key) if broker.tls.key else None,
        )
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=secrets.token_hex(16),
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            will=aiomqtt.Will(self._topic, self._presence("offline"), qos=1, retain=True),
            keepalive=30,
            timeout=self._patience.acknowledged_within,
            max_inflight_messages=IN_FLIGHT,
            queue_type=_straight_to(self._receiver(handle)),
            tls_params=tls or None,
            socket_options=SOCKET_OPTIONS,
            logger=_QUIET,
        )
        client.pending_calls_threshold = 10 * IN_FLIGHT
        return client

    def _receiver(self, handle: Handle) -> Callable[[aiomqtt.Message], None]:
        orchestrators = instances_filter().removesuffix("#")

        def receive(message: aiomqtt.Message) -> None:
            topic = message.topic.value
            if topic.startswith(orchestrators):
                self._see_presence(topic, message)
            try:
                handle(topic, message.payload, message.retain)
            except Exception:  # noqa: BLE001 - a message must not end the connection for all
                _LOG.exception("message_not_handled", topic=topic)

        return receive

    def _see_presence(self, topic: str, message: aiomqtt.Message) -> None:
        try:
            presence = decode(topic, message.payload).message
        except InvalidMessage:
            return
        if not isinstance(presence, Presence):
            return
        self._rivals.see(topic, presence, retained=message.retain)
        if topic == self._topic and presence.state == "offline" and not message.retain:
            # The will of a connection before this one, which the broker noticed late.
            self._say_again.set()


def _straight_to(
    receive: Callable[[aiomqtt.Message], None],
) -> type[asyncio.Queue[aiomqtt.Message]]:
    """Return a queue that keeps nothing: iterating aiomqtt's costs a task for each message."""

    class Straight(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            receive(item)

    return Straight


async def _until_lost(client: aiomqtt.Client) -> None:
    """Raise MqttError when the connection ends. The messages go past this (_straight_to)."""
    async for _ in client.messages:
        pass


async def _subscribe(client: aiomqtt.Client, topics: str) -> None:
    granted = await client.subscribe(topics, qos=1)
    for code in granted:
        if isinstance(code, ReasonCode) and code.is_failure:
            raise BusLost(f"the broker does not let us read {topics}")


@asynccontextmanager
async def _entered(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Connect, and leave no socket behind where that fails: aiomqtt would keep it pinging."""
    try:
        await client.__aenter__()
    except BaseException:
        client.timeout = 0  # nobody will answer
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
        raise
    try:
        yield
    finally:
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


async def _by_itself(work: Coroutine[Any, Any, None]) -> None:
    """Await in a task of its own, where a cancellation can't get lost.

    A TaskGroup that fails in the moment in which its task is cancelled tells, until Python
    3.13, only of its failure: a bus that was told to stop would go on for ever.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        # Until Python 3.12 asyncio.wait_for, by which aiomqtt waits, can swallow one as well.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=LEAVE_WITHIN)
        await asyncio.gather(task, return_exceptions=True)
        raise
    await task


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
