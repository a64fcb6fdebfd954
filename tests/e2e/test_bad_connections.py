"""Connections that end right after they were accepted, on both brokers: agent and orchestrator.

Such an end can leave a client waiting for ever for messages that nobody will send.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mqtt_schemas.topics import Address, Instance
from orchestrator.rehearsal.proxy import Proxy
from tests.e2e.brokers import DEVICES, Broker
from tests.e2e.test_agent_link import Agent
from tests.e2e.test_bus import Harness, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

#: Connections that are closed after their CONNACK, so that it isn't luck.
TRIES = 3


class Closing(Proxy):
    """Stands where a broker does, and closes each connection after its CONNACK until `heal`."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(to_port=broker.port)
        self.host = broker.host
        self.tries = asyncio.Semaphore(0)
        self._broker = broker

    def credentials(self, user: str | Address | Instance) -> tuple[str, str]:
        """Return those of the broker behind."""
        return self._broker.credentials(user)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        await super()._connected(reader, writer)
        self.tries.release()

    async def tried(self) -> None:
        """Wait for some connections that were made and closed."""
        async with asyncio.timeout(20):
            for _ in range(TRIES):
                await self.tries.acquire()


@asynccontextmanager
async def closing(broker: Broker) -> AsyncIterator[Closing]:
    """Stand before a broker."""
    proxy = Closing(broker)
    await proxy.start()
    proxy.cut_after_connack()
    try:
        yield proxy
    finally:
        await proxy.stop()


async def test_an_agent_outlives_a_close_right_after_connack(broker: Broker) -> None:
    """It tries again each time, and is connected once it is let."""
    async with closing(broker) as proxy:
        agent = Agent(proxy, DEVICES[0], DEVICES[0])
        task = asyncio.create_task(agent.link.run(agent.serve, agent.receive))
        try:
            await proxy.tried()
            assert agent.connections == []
            proxy.heal()
            await agent.until(lambda: bool(agent.connections))
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_an_orchestrator_outlives_a_close_right_after_connack(broker: Broker) -> None:
    """Its health says so meanwhile."""
    async with closing(broker) as proxy, running(Harness(proxy)) as harness:
        await proxy.tried()
        assert not harness.bus.connected
        assert harness.bus.problem
        proxy.heal()
        async with asyncio.timeout(20):
            await harness.connected.wait()
        assert harness.bus.connected
