"""Sockets, and a server that is told when to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from orchestrator.web.server import CanNotListen, Server, listen_tcp, listen_unix, url


def test_a_free_port_is_told_by_its_url() -> None:
    """For people and programs, IPv6 in brackets."""
    with listen_tcp("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert url(listening) == f"http://127.0.0.1:{port}"
    with listen_tcp("::1", 0) as listening:
        assert url(listening).startswith("http://[::1]:")


def test_a_port_in_use_is_one_sentence() -> None:
    """And so is a host that is not ours."""
    with listen_tcp("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(
            CanNotListen, match=rf"http: 127\.0\.0\.1 port {port} can't be .* in use"
        ):
            listen_tcp("127.0.0.1", port)
    with pytest.raises(CanNotListen, match=r"192\.0\.2\.1 port 0 can't be listened on"):
        listen_tcp("192.0.2.1", 0)


def test_the_unix_socket_is_for_owner_and_group_from_the_start(tmp_path: Path) -> None:
    """In place of what an earlier run left behind."""
    path = tmp_path / "admin.sock"
    for _ in range(2):
        with listen_unix(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
    with pytest.raises(CanNotListen, match="can't be listened on"):
        listen_unix(tmp_path / ("x" * 120))
    with pytest.raises(CanNotListen, match="No such file"):
        listen_unix(tmp_path / "nowhere" / "admin.sock")


async def test_a_server_finishes_what_it_answers_before_it_ends() -> None:
    """Signals stay with the application: uvicorn would take them over."""
    app = FastAPI()
    asked, go_on = asyncio.Event(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        asked.set()
        await go_on.wait()
        return "done"

    listening = listen_tcp("127.0.0.1", 0)
    address = url(listening)
    before = signal.getsignal(signal.SIGTERM)
    server = Server(app, listening)
    async with asyncio.TaskGroup() as group, httpx.AsyncClient(trust_env=False) as client:
        serving = group.create_task(server.run_until_stopped())
        answer = group.create_task(client.get(f"{address}/slow"))
        await asked.wait()
        assert signal.getsignal(signal.SIGTERM) == before
        server.stop()
        go_on.set()
        assert (await answer).json() == "done"
        await serving
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])))
