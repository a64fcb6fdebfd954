"""The rehearsal's network between an agent and its broker, for tests that have no event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from orchestrator.rehearsal.proxy import Proxy

T = TypeVar("T")


class Network:
    """A proxy in a thread of its own. `port` is where to connect."""

    def __init__(self, *, to_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network")
        self._thread.start()
        self._proxy = Proxy(to_port=to_port)
        self._await(self._proxy.start())

    @property
    def port(self) -> int:
        """Where to connect."""
        return self._proxy.port

    def stall(self) -> None:
        """Let everything hang: connections stay open, nothing passes."""
        self._do(self._proxy.stall)

    def part(self) -> None:
        """Let nobody reach the broker any more."""
        self._do(self._proxy.refuse)

    def join(self) -> None:
        """Let everybody reach the broker again, after `part`."""
        self._await(self._proxy.start())

    def heal(self) -> None:
        """Pass everything on again, after `stall`."""
        self._do(self._proxy.heal)

    def close(self) -> None:
        """Close everything."""
        self._await(self._proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _do(self, work: Callable[[], None]) -> None:
        async def do() -> None:
            work()

        self._await(do())
