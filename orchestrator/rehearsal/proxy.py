"""A TCP proxy before the broker; each end has one of its own, so each network fails by itself."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from orchestrator.children import free_port

HOST = "127.0.0.1"
#: CONNACK (MQTT 3.1.1, section 3.2): two bytes of header, two of content.
CONNACK = 4
#: Close with RST: nothing that waits is sent any more.
_LINGER = struct.pack("ii", 1, 0)


class Proxy:
    """Passes bytes on between whoever connects and the broker, as well as it may."""

    def __init__(self, *, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._delay = 0.0
        self._after_connack = False
        self._passing = asyncio.Event()
        self._passing.set()
        self._open: dict[asyncio.Task[None], tuple[StreamWriter, ...]] = {}

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def stop(self) -> None:
        """Close everything."""
        self.refuse()
        await asyncio.gather(*self._open, return_exceptions=True)

    def cut(self) -> None:
        """Reset all connections."""
        for writers in self._open.values():
            for writer in writers:
                _reset(writer)

    def refuse(self) -> None:
        """Reset all connections, and refuse new ones until `start`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        for task in self._open:
            task.cancel()

    def stall(self) -> None:
        """Let everything hang, on both sides: connections stay open, nothing passes."""
        self._passing.clear()

    def delay(self, seconds: float) -> None:
        """Let everything come later by so much."""
        self._delay = seconds

    def cut_after_connack(self) -> None:
        """Reset each new connection as soon as the broker has accepted it, and the present ones."""
        self._after_connack = True
        self.cut()

    def heal(self) -> None:
        """Pass everything on again, what was held up first."""
        self._passing.set()
        self._delay = 0.0
        self._after_connack = False

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs it as one
        self._open[task] = (writer,)
        try:
            await self._serve(reader, writer, task)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in self._open.pop(task):
                each.close()

    async def _serve(
        self, reader: StreamReader, writer: StreamWriter, task: asyncio.Task[None]
    ) -> None:
        await self._passing.wait()
        from_broker, to_broker = await asyncio.open_connection(HOST, self._to_port)
        self._open[task] = (writer, to_broker)
        directions = [
            asyncio.create_task(self._pass_on(reader, to_broker)),
            asyncio.create_task(self._pass_on(from_broker, writer, answers=True)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _pass_on(
        self, reader: StreamReader, writer: StreamWriter, *, answers: bool = False
    ) -> None:
        passed = 0
        while data := await reader.read(65_536):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._passing.wait()
            if answers and self._after_connack and passed < CONNACK:
                data = data[: CONNACK - passed]
            writer.write(data)
            await writer.drain()
            passed += len(data)
            if answers and self._after_connack and passed >= CONNACK:
                return


def _reset(writer: StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.is_closing():
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    writer.transport.abort()
