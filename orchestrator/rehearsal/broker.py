"""The rehearsed broker, Mosquitto or NATS: a process of its own, to be killed and wiped."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from orchestrator.broker import mosquitto, nats
from orchestrator.broker.access import User
from orchestrator.broker.embedded import server_binary
from orchestrator.broker.files import make_folder, write_files
from orchestrator.broker.listener import Listener
from orchestrator.broker.server import BrokerFailed
from orchestrator.children import Child, RunFailed, free_port, start
from orchestrator.rehearsal.proxy import HOST

BrokerKind = Literal["mosquitto", "nats"]
#: Seconds. A cold start takes some 0.3 s.
READY_WITHIN = 20.0


def program(kind: BrokerKind) -> Path:
    """Return the broker's program. Raises RunFailed where it is not installed."""
    if kind == "nats":
        try:
            return server_binary()
        except BrokerFailed as error:
            raise RunFailed(f"{error}.") from None
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise RunFailed("Mosquitto is not installed; install it, or rehearse with --broker nats.")
    return Path(found)


class Broker:
    """The broker's process, and what it keeps."""

    def __init__(self, *, kind: BrokerKind, folder: Path, users: Sequence[User]) -> None:
        self.port = free_port()
        self.child: Child | None = None
        self._program = program(kind)
        self._folder = folder
        self._store = folder / "store"
        make_folder(self._store)
        listener = Listener(host=HOST, port=self.port)
        if kind == "nats":
            places = nats.Places(store=self._store, client_port=nats.ANY_PORT)
            files = nats.render(listener=listener, users=users, places=places)
            self._config = folder / nats.CONFIG
        else:
            # Started by root, it would change to an account that may not read a scratch folder.
            run_as = "root" if os.geteuid() == 0 else None
            for_files = mosquitto.Places(folder=folder, store=self._store, run_as=run_as)
            files = mosquitto.render(listener=listener, users=users, places=for_files)
            self._config = folder / mosquitto.CONFIG
        write_files(folder, files)

    async def start(self) -> None:
        """Start it, and return once it listens. Raises RunFailed."""
        make_folder(self._store)
        command = [str(self._program), "-c", str(self._config)]
        self.child = await start("broker", command, log=self._folder / "broker.log")
        try:
            async with asyncio.timeout(READY_WITHIN):
                while not await _listens(self.port):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise RunFailed(f"The broker does not listen.{self.child.last_lines()}") from None

    async def kill(self) -> None:
        """Kill -9: what it had not written is lost."""
        if self.child is not None:
            await self.child.kill()
            self.child = None

    async def wipe(self) -> None:
        """Kill -9, and take all that it kept."""
        await self.kill()
        shutil.rmtree(self._store)

    async def stop(self) -> None:
        """End it in good order."""
        if self.child is not None:
            await self.child.stop()
            self.child = None


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
