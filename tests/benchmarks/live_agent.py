"""One agent at whose device something happens all the time.

python -m tests.benchmarks.live_agent CONFIG EVENTS
Says "ready" once it is connected, waits for a line, and commits so many events, each by itself;
sending and acknowledging go on meanwhile, by the agent's own code. Prints the seconds until
the last one was acknowledged, and the number of messages that it took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from itertools import islice
from pathlib import Path

from agents.app import identity_of, open_outbox
from agents.clock import SystemClock
from agents.config import load
from agents.link import Connection, Link
from agents.outbox import Outbox
from agents.sending import send_events
from mqtt_schemas.codec import Received
from mqtt_schemas.messages import Ack
from mqtt_schemas.topics import Channel
from tests.benchmarks.life import bodies

#: What the runtime saves with each event is about as long.
STATE = {"saved": "s" * 600}


class _Counting:
    """A connection that counts what goes out."""

    def __init__(self, connection: Connection) -> None:
        self.id = connection.id
        self.messages = 0
        self._connection = connection

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        self.messages += channel is Channel.EVENTS
        await self._connection.publish(channel, payload, qos=qos, retain=retain)


class LiveAgent:
    """Commits events, sends them, takes acknowledgements; as agents.runtime does."""

    def __init__(self, outbox: Outbox, events: int) -> None:
        self.connected = asyncio.Event()
        self.done = asyncio.Event()
        self.connection: _Counting | None = None
        self._outbox = outbox
        self._events = events
        self._bodies = list(islice(bodies("pc-1"), events))
        self._changed = asyncio.Event()

    async def serve(self, connection: Connection) -> None:
        """Send while connected."""
        self.connection = _Counting(connection)
        self.connected.set()
        await send_events(self.connection, self._outbox, self._changed)

    def receive(self, received: Received) -> None:
        """Take an acknowledgement."""
        if isinstance(received.message, Ack):
            self._outbox.acknowledge(received.message)
            self._changed.set()
            if self._outbox.acknowledged == self._events:
                self.done.set()

    async def live(self) -> None:
        """Commit all events, one at a time."""
        for body in self._bodies:
            self._outbox.commit([body], STATE)
            self._changed.set()
            await asyncio.sleep(0)
        await self.done.wait()


async def main(path: Path, events: int) -> None:
    """Live, and tell how long it took."""
    configuration = load(path, os.environ)
    (device,) = configuration.device
    clock = SystemClock()
    outbox, _ = open_outbox(configuration.state_dir / device.address.user, clock)
    link = Link(broker=configuration.broker, identity=identity_of(device, clock.boot_id))
    agent = LiveAgent(outbox, events)
    async with asyncio.TaskGroup() as tasks:
        linked = tasks.create_task(link.run(agent.serve, agent.receive))
        await agent.connected.wait()
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        began = time.perf_counter()
        await agent.live()
        seconds = time.perf_counter() - began
        assert agent.connection is not None
        _say(f"{seconds} {agent.connection.messages}")
        linked.cancel()
    outbox.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
