"""A device's own socket: who may read its folder may ask for what people at the device may.

`laitevuoro-agent turn …` speaks to it: for staff at the machine, and for start screens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path

from agents.helper.wire import MAX_LINE, BadLine, Shown, Told, from_helper
from agents.model import Ask
from agents.wishes import said

log = logging.getLogger(__name__)

NAME = "requests.sock"
#: Seconds in which a connection says something.
PATIENCE = 60.0


class RequestSocket:
    """Listens at `path`, and has each request answered by `ask`."""

    def __init__(self, *, path: Path, ask: Ask) -> None:
        self._path = path
        self._ask = ask

    async def run(self) -> None:
        """Serve until cancelled. Where nothing can be made at `path`, the agent does without."""
        try:
            listening = _listen(self._path)
        except OSError as error:
            log.warning("no requests are taken: %s: %s", self._path, error.strerror or error)
            return
        server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MAX_LINE)
        try:
            async with server:
                await server.serve_forever()
        finally:
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    line = await reader.readline()
                if not line:
                    return
                writer.write((await self._answer(line)).line())
                await writer.drain()
        except (OSError, ValueError, BadLine) as error:
            # ValueError: a line longer than the limit. TimeoutError is an OSError.
            log.info("a request was not understood: %s", error)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Told:
        wished = from_helper(line)
        if isinstance(wished, Shown):
            raise BadLine("wish: there is none")
        reply = await self._ask(wished.wish.request())
        return Told(id=wished.id, said=said(reply))


def _listen(path: Path) -> socket.socket:
    """Return a socket that nobody but its owner ever could connect to. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listening.bind(str(path))
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening
