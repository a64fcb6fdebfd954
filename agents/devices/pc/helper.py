"""The agent's end of the desktop helper: shows phrases to whoever sits at the seat, hears requests.

A helper is trusted for its peer's user id alone, which the kernel tells (SO_PEERCRED,
unix(7)): it must be the user of the session in use, when it connects, at each phrase and at
each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable
from itertools import count
from pathlib import Path

from agents.helper.wire import MAX_LINE, BadLine, Show, Told, Wished, from_helper
from agents.model import Ask, Order
from agents.wishes import said

log = logging.getLogger(__name__)

#: Seconds that the desktop has to take a phrase.
SHOW_SECONDS = 3.0
#: Connections at once. One seat has one helper; a few more while sessions change.
MAX_HELPERS = 4
#: Seconds from one request of a desktop to the next at least: each may leave an event behind.
ASK_PAUSE = 1.0
_PEER = struct.Struct("3i")


class HelperServer:
    """Listens for helpers at `path`. `uid` tells the user id of the session in use, if any."""

    def __init__(
        self,
        *,
        path: Path | None,
        uid: Callable[[], int | None],
        show_seconds: float = SHOW_SECONDS,
        ask_pause: float = ASK_PAUSE,
    ) -> None:
        self.ask: Ask | None = None
        self._ask_pause = ask_pause
        self._path = path
        self._show_seconds = show_seconds
        self._uid = uid
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._helpers: dict[asyncio.StreamWriter, int] = {}
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._numbers = count(1)

    @property
    def connected(self) -> int:
        """How many helpers are there."""
        return len(self._helpers)

    async def start(self) -> None:
        """Begin to listen. Where the folder is missing there are no helpers, and no error."""
        if self._path is None:
            return
        try:
            if self._path.is_socket():
                self._path.unlink()
            self._server = await asyncio.start_unix_server(
                self._accept, path=self._path, limit=MAX_LINE
            )
            # Whoever logs in next must be able to connect; who may stay is decided by uid.
            self._path.chmod(0o666)
        except OSError as error:
            log.info("no desktop helper: %s: %s", self._path, error.strerror)

    async def stop(self) -> None:
        """Close the socket and let the helpers go."""
        if self._server is None or self._path is None:
            return
        self._server.close()
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def send(self, order: Order) -> bool:
        """Show the order's phrase to the person at the seat. Tell whether a desktop took it."""
        uid = self._uid()
        writers = [writer for writer, peer in self._helpers.items() if peer == uid]
        if order.phrase is None or not writers:
            return False
        shown = await asyncio.gather(*(self._show(writer, order) for writer in writers))
        return any(shown)

    async def _show(self, writer: asyncio.StreamWriter, order: Order) -> bool:
        show = Show(
            id=next(self._numbers),
            phrase=order.phrase or "",
            arguments=dict(order.arguments),
            seconds_left=order.seconds_left,
        )
        answer = asyncio.get_running_loop().create_future()
        self._waiting[show.id] = answer
        try:
            async with asyncio.timeout(self._show_seconds):
                writer.write(show.line())
                await writer.drain()
                return bool(await answer)
        except (OSError, TimeoutError):
            return False
        finally:
            del self._waiting[show.id]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer), name="pc helper")
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = peer_uid(writer.get_extra_info("socket"))
        try:
            if uid != self._uid() or self.connected >= MAX_HELPERS:
                return
            self._helpers[writer] = uid
            await self._listen(reader, writer, uid)
        except (OSError, ValueError, BadLine) as error:
            # ValueError: a line longer than the limit.
            log.warning("a desktop helper was let go: %s", error)
        finally:
            self._helpers.pop(writer, None)
            writer.close()

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, uid: int
    ) -> None:
        while line := await reader.readline():
            told = from_helper(line)
            if isinstance(told, Wished):
                if self.ask is None or uid != self._uid():
                    return
                reply = await self.ask(told.wish.request())
                writer.write(Told(id=told.id, said=said(reply)).line())
                await asyncio.sleep(self._ask_pause)
                continue
            waiting = self._waiting.get(told.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(told.shown)


def peer_uid(peer: socket.socket) -> int:
    """Return the user id of the process at the other end, as it was when it connected."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(credentials)
    return int(uid)
