"""One device's MQTT connection: will, presence, reconnection. The only user of aiomqtt here.

Clean sessions and a random client id for each connection: the outbox makes the broker's
memory needless, and nobody can evict another. A publish that is not acknowledged in time
means that the connection is dead, whatever TCP believes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import aiomqtt

from agents.config import BrokerSettings
from mqtt_schemas import messages
from mqtt_schemas.codec import InvalidMessage, Received, decode, encode
from mqtt_schemas.topics import (
    Address,
    Channel,
    device_topic,
    down_filter,
    instances_filter,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Small messages that wait for their acknowledgement: Nagle's algorithm would add 40 ms each.
SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
#: Seconds within which the broker must acknowledge.
PUBLISH_TIMEOUT = 10.0
#: Seconds for a TCP connection that is under way when nobody wants it any more.
TCP_GRACE = 0.2
FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
#: In a SUBACK (MQTT 3.1.1, section 3.9.3).
REFUSED = 0x80
#: Seconds until the same thing is logged again.
SAY_AGAIN = 600.0

#: The library logs each failed try; we log each change.
_QUIET = logging.getLogger(f"{__name__}.client")
_QUIET.setLevel(logging.CRITICAL)


class LinkLost(Exception):
    """The connection to the broker is gone, or was never made."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose connection it is. `password` None: the broker asks for none."""

    address: Address
    kind: str
    version: str
    boot_id: str
    user: str
    password: str | None


class Connection(Protocol):
    """One connection, from its CONNACK to its end. `id` is new for each."""

    id: str

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish and, with QoS 1, wait for the broker's PUBACK. Raises LinkLost."""


class _Connected:
    """A Connection over aiomqtt."""

    def __init__(self, *, client: aiomqtt.Client, address: Address, connection_id: str) -> None:
        self._client = client
        self._address = address
        self.id = connection_id

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        topic = device_topic(self._address, channel)
        try:
            await heeding(self._client.publish(topic, payload, qos=qos, retain=retain))
        except aiomqtt.MqttError as error:
            raise LinkLost(str(error)) from None


Serve = Callable[[Connection], Awaitable[None]]
Receive = Callable[[Received], None]


class Link:
    """Keeps one device connected. `connection` is None while it is not.

    timeout: seconds within which the broker must acknowledge anything. longest_wait: seconds
    from one try to the next at most.
    """

    def __init__(
        self,
        *,
        broker: BrokerSettings,
        identity: Identity,
        timeout: float = PUBLISH_TIMEOUT,
        longest_wait: float = LAST_BACKOFF,
    ) -> None:
        self._broker = broker
        self._identity = identity
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._said: dict[str, float] = {}
        self.connection: Connection | None = None

    async def run(self, serve: Serve, receive: Receive) -> None:
        """Connect, run `serve` for as long as the connection lasts, and again, for ever.

        `receive` gets each valid message from below `down/` and of the orchestrators.
        """
        backoff = FIRST_BACKOFF
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await by_itself(self._connect(serve, receive))
            except* (aiomqtt.MqttError, LinkLost) as group:
                self._say(logging.WARNING, f"no broker: {_first(group)}")
            if loop.time() - began > self._longest_wait:
                backoff = FIRST_BACKOFF
            # Full jitter, so that a library's agents don't all return in the same instant.
            await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            backoff = min(backoff * 2, self._longest_wait)

    async def _connect(self, serve: Serve, receive: Receive) -> None:
        connection_id = secrets.token_hex(16)
        address = self._identity.address
        will = aiomqtt.Will(
            device_topic(address, Channel.LINK),
            payload=self._presence(connection_id, "offline"),
            qos=1,
            retain=True,
        )
        client = _client(self._broker, self._identity, will, self._timeout)
        async with _entered(client), asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(client, receive), name=f"{address} reads")
            await _subscribe(client, down_filter(address))
            await _subscribe(client, instances_filter())
            connection = _Connected(client=client, address=address, connection_id=connection_id)
            await connection.publish(
                Channel.LINK, self._presence(connection_id, "online"), retain=True
            )
            self._say(logging.INFO, "connected to the broker")
            self.connection = connection
            try:
                await serve(connection)
            finally:
                self.connection = None
                reader.cancel()
                await self._say_goodbye(connection)

    async def _read(self, client: aiomqtt.Client, receive: Receive) -> None:
        async for message in client.messages:
            payload = message.payload
            if not isinstance(payload, bytes):
                continue
            try:
                received = decode(message.topic.value, payload)
            except InvalidMessage as error:
                self._say(logging.WARNING, f"a message was refused ({error.fault}): {error.reason}")
            else:
                receive(received)

    def _say(self, level: int, text: str) -> None:
        """Log, but not the same thing over and over: a broker may be down, or flap, for days."""
        now = asyncio.get_running_loop().time()
        self._said = {said: at for said, at in self._said.items() if now - at < SAY_AGAIN}
        if text not in self._said:
            self._said[text] = now
            log.log(level, "%s: %s", self._identity.address, text)

    async def _say_goodbye(self, connection: Connection) -> None:
        """Publish "offline" at a clean end, since the broker then sends no will."""
        offline = self._presence(connection.id, "offline")
        with suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(2):
                await connection.publish(Channel.LINK, offline, retain=True)

    def _presence(self, connection_id: str, state: messages.LinkState) -> bytes:
        return encode(
            messages.Link(
                state=state,
                connection=connection_id,
                boot_id=self._identity.boot_id,
                version=self._identity.version,
                kind=self._identity.kind,
            )
        )


def _client(
    broker: BrokerSettings, identity: Identity, will: aiomqtt.Will | None, timeout: float
) -> aiomqtt.Client:
    tls = None
    if broker.ca_file is not None:
        tls = aiomqtt.TLSParameters(
            ca_certs=str(broker.ca_file),
            certfile=str(broker.cert_file) if broker.cert_file else None,
            keyfile=str(broker.key_file) if broker.key_file else None,
        )
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=identity.user if identity.password is not None else None,
        password=identity.password,
        identifier=secrets.token_hex(16),
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        will=will,
        keepalive=30,
        timeout=timeout,
        tls_params=tls,
        socket_options=SOCKET_OPTIONS,
        logger=_QUIET,
    )


async def broker_problem(broker: BrokerSettings, identity: Identity) -> str | None:
    """Connect and leave again, without a word on any topic; return what went wrong, or None."""
    client = _client(broker, identity, will=None, timeout=PUBLISH_TIMEOUT)
    try:
        async with _entered(client):
            return None
    except aiomqtt.MqttError as error:
        return str(error)


async def _subscribe(client: aiomqtt.Client, topic_filter: str) -> None:
    """Subscribe. Raises LinkLost where the broker refuses: it says so only in its answer."""
    answers = await heeding(client.subscribe(topic_filter, qos=1))
    if any((each if isinstance(each, int) else each.value) >= REFUSED for each in answers):
        raise LinkLost(f"the broker refuses the subscription to {topic_filter}")


@asynccontextmanager
async def _entered(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Connect, and leave no socket behind where that fails: aiomqtt would keep it pinging."""
    connecting = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(connecting)
    except BaseException:
        client.timeout = 0  # nobody will answer
        # A thread makes the TCP connection, and can't be called back: what it opened after
        # everybody had left would stay.
        await asyncio.wait([connecting], timeout=TCP_GRACE)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
        raise
    try:
        yield
    finally:
        with suppress(aiomqtt.MqttError):
            await heeding(client.__aexit__(None, None, None))


async def heeding(operation: Awaitable[T]) -> T:
    """Await, and heed a cancellation that comes in the very moment in which it is done.

    aiomqtt waits by asyncio.wait_for, which until Python 3.12 then forgets the cancellation:
    an agent that was told to stop would go on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    result = await operation
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return result


async def by_itself(work: Coroutine[Any, Any, None]) -> None:
    """Await in a task of its own, where a cancellation can't get lost.

    A TaskGroup that fails in the moment in which its task is cancelled tells, until Python
    3.13, only of its failure: an agent that was told to stop would stay connected, and watch
    nothing any more. Nor does the task's count of cancellations tell, which a failed group
    leaves raised. What the work raises at a cancellation is the cause of the CancelledError.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError as stop:
        task.cancel()
        await asyncio.wait([task])
        raise stop from (None if task.cancelled() else task.exception())
    await task


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
