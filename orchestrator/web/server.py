"""Sockets bound before anything serves on them, and uvicorn without signals of its own."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

#: Seconds that answers under way have to end.
GRACE = 3
#: What the group of the socket's file may do: open it.
SOCKET_MODE = 0o660


class CanNotListen(Exception):
    """The place to listen on can't be had. The text is one sentence."""


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one. Raises CanNotListen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or error
        raise CanNotListen(f"http: {host} port {port} can't be listened on: {reason}.") from None


def listen_unix(path: Path) -> socket.socket:
    """Return a listening socket in place of what an earlier run left. Raises CanNotListen."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Right from the start: between bind and chmod anybody could connect.
    before = os.umask(0o777 & ~SOCKET_MODE)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        listening.listen()
    except OSError as error:
        listening.close()
        raise CanNotListen(f"{path} can't be listened on: {error.strerror or error}.") from None
    finally:
        os.umask(before)
    return listening


def url(listening: socket.socket) -> str:
    """Return the address of a TCP socket for people and programs."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves one application on one socket until it is told to stop."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                access_log=False,
                date_header=False,
                http="h11",
                lifespan="off",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
                ws="none",
            )
        )
        self._listening = listening
        self._stop = asyncio.Event()

    async def run_until_stopped(self) -> None:
        """Serve, then finish the answers under way."""
        await self.serve([self._listening])

    def stop(self) -> None:
        """Take no more requests."""
        self._stop.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the application."""
        yield

    async def main_loop(self) -> None:
        """Wait to be told, where uvicorn would look ten times a second."""
        await self.on_tick(0)
        await self._stop.wait()
