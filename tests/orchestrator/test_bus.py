"""What of the bus needs no broker; the rest is in tests/e2e/test_bus.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from mqtt_schemas.topics import Instance
from orchestrator.bus import Broker, Bus, BusLost, Handle


class FailingBus(Bus):
    """A bus whose connection fails in the very moment in which it is to end."""

    def __init__(self) -> None:
        super().__init__(
            broker=Broker("127.0.0.1", 1),
            instance=Instance("main"),
            sites=["paja"],
            now=lambda: datetime.now(UTC),
        )
        self.connections = 0

    async def _connection(
        self,
        handle: Handle,  # noqa: ARG002 - Bus's
        on_connected: Callable[[], None],  # noqa: ARG002 - Bus's
    ) -> None:
        self.connections += 1

        async def lose() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise BusLost("gone")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lose())


async def test_a_bus_ends_though_its_connection_fails_in_that_moment() -> None:
    """A TaskGroup that fails forgets that it was cancelled; the bus does not go on."""

    def handle(_topic: str, _payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - Handle
        return

    def on_connected() -> None:
        return

    bus = FailingBus()
    task = asyncio.create_task(bus.run(handle, on_connected))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert bus.connections == 1
