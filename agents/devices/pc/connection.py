"""The way to logind: connected again and again, for ever, with growing pauses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from agents.devices.pc.logind import Logind, LogindError, NoSystemBus

log = logging.getLogger(__name__)

#: Seconds between tries: first, and at most. Each pause is twice the one before.
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0

Connect = Callable[[], Awaitable[Logind]]


class Connection:
    """Keeps one connection to logind while it runs.

    `on_change` is called when a connection was made or lost.
    """

    def __init__(
        self,
        *,
        connect: Connect,
        on_change: Callable[[], None],
        first_wait: float = FIRST_WAIT,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._connect = connect
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._on_change = on_change
        self._logind: Logind | None = None
        self._task: asyncio.Task[None] | None = None
        self._reason: LogindError = NoSystemBus("not connected yet")
        self._tried = asyncio.Event()

    def start(self) -> None:
        """Begin to connect, in a task of its own."""
        self._task = asyncio.create_task(self._run(), name="pc system bus")

    async def stop(self) -> None:
        """Leave the bus."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def logind(self) -> Logind:
        """Return the connection, once the first try is over. Raises LogindError without one."""
        await self._tried.wait()
        if self._logind is None:
            raise self._reason
        return self._logind

    async def _run(self) -> None:
        wait = self._first_wait
        while True:
            try:
                logind = await self._connect()
            except LogindError as error:
                self._not_connected(error)
            else:
                wait = self._first_wait
                await self._hold(logind)
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._longest_wait)

    async def _hold(self, logind: Logind) -> None:
        self._logind = logind
        log.info("connected to the system bus")
        self._tried.set()
        self._on_change()
        try:
            await logind.closed()
        finally:
            self._logind = None
            logind.disconnect()
        self._not_connected(NoSystemBus("the system bus went away"))
        self._on_change()

    def _not_connected(self, error: LogindError) -> None:
        # Said once for each new reason, not at every try.
        if str(error) != str(self._reason):
            log.warning("%s", error)
        self._reason = error
        self._tried.set()
