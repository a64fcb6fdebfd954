"""How an orchestrator begins and ends, here without a broker: see tests/e2e/test_serve.py."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from orchestrator.app import CanNotServe, Signals, serve
from orchestrator.config import Configuration, load
from orchestrator.notify import Notify
from orchestrator.places import ADMIN_SOCKET, DATABASE, HTTP_URL
from orchestrator.store.database import Database
from tests.orchestrator.parts import CONFIG


class Ready(Notify):
    """Tells the test instead of systemd."""

    def __init__(self) -> None:
        super().__init__({})
        self.event = asyncio.Event()

    def ready(self) -> None:
        """Say so."""
        self.event.set()


def configured(folder: Path, broker: str = "", http: str = "port = 0") -> Configuration:
    """Return the configuration of an orchestrator whose broker nobody has started."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    external = f'kind = "external"\nport = {port}\n{broker}'
    text = CONFIG.replace("[http]\nport = 0", f"[http]\n{http}")
    path = folder / "laitevuoro.toml"
    path.write_text(text.replace("[broker]\nport = 0", f"[broker]\n{external}"))
    return load(path, {})


@asynccontextmanager
async def serving(config: Configuration) -> AsyncIterator[Signals]:
    """Run an orchestrator while the block lasts."""
    signals, ready = Signals(stop=asyncio.Event(), reload=asyncio.Event()), Ready()
    task = asyncio.create_task(serve(config, signals=signals, notify=ready))
    waiting = asyncio.create_task(ready.event.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
    try:
        yield signals
    finally:
        signals.stop.set()
        await task


async def test_it_serves_without_a_broker_and_says_so(tmp_path: Path) -> None:
    """A broker that is down is waited for; whoever looks is told."""
    config = configured(tmp_path)
    state = config.orchestrator.state_dir
    async with serving(config), httpx.AsyncClient(trust_env=False) as client:
        address = (state / HTTP_URL).read_text().strip()
        health = await client.get(f"{address}/healthz")
        assert health.status_code == 503
        assert health.json()["broker"]["connected"] is False
        assert (state / ADMIN_SOCKET).is_socket()
    assert not (state / HTTP_URL).exists()
    assert not (state / ADMIN_SOCKET).exists()
    Database.open(state / DATABASE).close()


async def test_a_second_one_on_the_same_state_is_refused(tmp_path: Path) -> None:
    """And leaves the first one alone."""
    config = configured(tmp_path)
    async with serving(config):
        with pytest.raises(CanNotServe, match=r"laitevuoro\.db is in use by another process"):
            async with serving(config):
                pass
        assert (config.orchestrator.state_dir / ADMIN_SOCKET).is_socket()


async def test_what_can_not_be_opened_is_one_sentence(tmp_path: Path) -> None:
    """A port in use, a file that is not there; and nothing stays open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configured(tmp_path, http=f"port = {port}")
        with pytest.raises(CanNotServe, match=f"port {port} can't be listened on"):
            async with serving(config):
                pass
    config = configured(tmp_path, broker='ca_file = "ca.pem"')
    with pytest.raises(CanNotServe, match=r"ca\.pem: No such file or directory\."):
        async with serving(config):
            pass
    config = configured(tmp_path, broker='username = "x"\npassword_file = "secret"')
    with pytest.raises(CanNotServe, match=r"secret: No such file or directory\."):
        async with serving(config):
            pass
    Database.open(config.orchestrator.state_dir / DATABASE).close()


async def test_credentials_that_can_not_be_read_again_do_not_end_it(tmp_path: Path) -> None:
    """Towards an external broker there is nothing to do."""
    async with serving(configured(tmp_path)) as signals:
        signals.reload.set()
        await asyncio.sleep(0)
