"""What of the link needs no broker; the rest is in tests/e2e/test_agent_link.py."""

from __future__ import annotations

import asyncio

import pytest

from agents.config import BrokerSettings
from agents.link import Connection, Identity, Link, LinkLost, Receive, Serve, heeding
from mqtt_schemas.codec import Received
from tests.agents.fakes import ADDRESS, BOOT


async def test_a_cancellation_is_heeded_in_the_moment_in_which_the_wait_is_over() -> None:
    """What was waited for has come, and the cancellation with it: it counts all the same."""
    came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await heeding(asyncio.wait_for(came, 10))

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    came.set_result(None)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_what_is_waited_for_after_a_cancellation_still_comes() -> None:
    """The goodbye of a task that is on its way out is no second cancellation."""
    said: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            said.append(await heeding(asyncio.sleep(0, "goodbye")))

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert said == ["goodbye"]
    assert task.cancelled()


async def test_a_time_out_of_ours_stays_a_time_out() -> None:
    """Though it works by cancelling."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await heeding(asyncio.wait_for(asyncio.Event().wait(), 10))


class FailingLink(Link):
    """A link whose connection fails in the very moment in which it is to end."""

    def __init__(self) -> None:
        identity = Identity(ADDRESS, "pc", "0", BOOT, ADDRESS.user, None)
        super().__init__(broker=BrokerSettings(host="127.0.0.1"), identity=identity)
        self.connections = 0

    async def _connect(self, serve: Serve, receive: Receive) -> None:  # noqa: ARG002 - Link's
        self.connections += 1

        async def lose() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise LinkLost("gone")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lose())


async def test_a_link_ends_though_its_connection_fails_in_that_moment() -> None:
    """A TaskGroup that fails forgets that it was cancelled; the link does not go on."""

    async def serve(_connection: Connection) -> None:
        return

    def receive(_received: Received) -> None:
        return

    link = FailingLink()
    task = asyncio.create_task(link.run(serve, receive))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert link.connections == 1
