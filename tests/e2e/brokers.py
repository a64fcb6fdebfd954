"""Real brokers for tests: Mosquitto and NATS, with users rendered from the one access model.

A test that takes the fixture `broker` runs on both. Default users: the orchestrator `main` of
the site `library`, and the devices in DEVICES. `admit` adds more at any time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

import aiomqtt
import pytest

from mqtt_schemas.topics import Address, Channel, Instance, device_topic, up_filter
from orchestrator.broker import launch, mosquitto, nats
from orchestrator.broker.access import User, orchestrator_user, users
from orchestrator.broker.credentials import hash_secret, new_secret
from orchestrator.broker.embedded import server_binary
from orchestrator.broker.files import write_files
from orchestrator.broker.listener import Listener, Tls
from orchestrator.children import free_port
from tests.parts import require

Kind = Literal["mosquitto", "nats"]
KINDS: tuple[Kind, ...] = ("mosquitto", "nats")
HOST = "127.0.0.1"
SITE = "library"
MAIN = Instance("main")
DEVICES = (Address(SITE, "pc-1"), Address(SITE, "pc-2"))
#: Seconds. A cold start takes some 0.3 s.
START_WITHIN = 15.0

SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class BrokerNotStarted(Exception):
    """The broker ended or stayed silent. The text holds its log."""


class Place(Protocol):
    """Where somebody connects, and as whom: a broker, or what stands before it."""

    host: str
    port: int

    def credentials(self, user: str | Address | Instance) -> tuple[str, str]:
        """Return (user name, password)."""


class Broker:
    """A running broker. Nothing here waits longer than START_WITHIN; all is synchronous.

    It dies with the test process, even where that is killed.
    """

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.host = HOST
        self.port = 0
        #: The broker's certificate. Takes effect at the next start.
        self.tls: Tls | None = None
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._users: dict[str, User] = {}
        self._secrets: dict[str, str] = {}
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        self._program = (
            str(server_binary())
            if kind == "nats"
            else require(program, "mosquitto is not installed")
        )

    def admit(
        self,
        devices: Sequence[Address] = (),
        *,
        instance: Instance = MAIN,
        sites: Sequence[str] = (SITE,),
    ) -> None:
        """Give these devices, and the orchestrator of these sites, users beside those there are."""
        names = [orchestrator_user(instance), *(device.user for device in devices)]
        for name in names:
            self._secrets.setdefault(name, new_secret())
        hashes = {name: hash_secret(self._secrets[name]) for name in names}
        made = users(instance=instance, sites=sites, devices=devices, hashes=hashes)
        self._users |= {user.name: user for user in made}
        self._write()
        self.reload()

    def revoke(self, user: str) -> None:
        """Take a user away."""
        del self._users[user]
        self._write()
        self.reload()

    def allow(self, device: Address, channels: Sequence[Channel] = ()) -> None:
        """Let a device publish on these channels only; by default on all that is its own."""
        topics = tuple(device_topic(device, channel) for channel in channels)
        user = self._users[device.user]
        self._users[user.name] = replace(user, publish=topics or (up_filter(device),))
        self._write()
        self.reload()

    def credentials(self, user: str | Address | Instance) -> tuple[str, str]:
        """Return (user name, password)."""
        name = user if isinstance(user, str) else _name(user)
        return name, self._secrets[name]

    def client(self, user: str | Address | Instance, **options: Any) -> aiomqtt.Client:  # noqa: ANN401 # aiomqtt's own
        """Return a client of this user, yet to be entered."""
        name, secret = self.credentials(user)
        return self.anybody(username=name, password=secret, **options)

    def anybody(self, **options: Any) -> aiomqtt.Client:  # noqa: ANN401 # aiomqtt's own
        """Return a client without credentials, or with those given."""
        defaults: dict[str, Any] = {
            "identifier": secrets.token_hex(16),
            "clean_session": True,
            "socket_options": SOCKET_OPTIONS,
            "timeout": 5,
        }
        return aiomqtt.Client(self.host, self.port, **{**defaults, **options})

    def start(self) -> None:
        """Start it and wait until it listens. Raises BrokerNotStarted."""
        for attempt in range(5):
            if not self.port or attempt:
                self.port = free_port()
            self._write()
            self._start()
            if self._listens():
                return
            self.kill()
        raise BrokerNotStarted(f"{self.kind}: {self.log()}")

    def kill(self) -> None:
        """Kill -9: what it had not written is lost."""
        self._end(kill=True)

    def stop(self) -> None:
        """End it in good order."""
        self._end(kill=False)

    def restart(self) -> None:
        """Start it again on the same port, after kill() or stop() or from running."""
        self.stop()
        self._write()
        self._start()
        if not self._listens():
            raise BrokerNotStarted(f"{self.kind}: {self.log()}")

    def wipe(self) -> None:
        """Kill it, delete all that it ever kept, and start it again."""
        self.kill()
        shutil.rmtree(self._store)
        self.restart()

    def signal(self, number: int) -> None:
        """Send a signal, e.g. SIGSTOP: a broker that accepts connections and says nothing."""
        if self._process is not None:
            self._process.send_signal(number)

    def reload(self) -> None:
        """Have it take the users as they are now, and wait until it did."""
        if self._process is None:
            return
        before = self.log().count(_RELOADED[self.kind])
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + START_WITHIN
        while self.log().count(_RELOADED[self.kind]) == before:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise BrokerNotStarted(f"{self.kind} did not reload: {self.log()}")
            time.sleep(0.01)

    def log(self) -> str:
        """Return all that it has logged."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _store(self) -> Path:
        return self._folder / "store"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _write(self) -> None:
        listener = Listener(host=self.host, port=self.port, tls=self.tls)
        everybody = tuple(self._users.values())
        self._store.mkdir(parents=True, exist_ok=True)
        if self.kind == "nats":
            nats_places = nats.Places(store=self._store, client_port=nats.ANY_PORT)
            files = nats.render(listener=listener, users=everybody, places=nats_places)
        else:
            places = mosquitto.Places(folder=self._folder, store=self._store, run_as="root")
            files = mosquitto.render(listener=listener, users=everybody, places=places)
        write_files(self._folder, files)

    def _start(self) -> None:
        self._store.mkdir(exist_ok=True)
        config = self._folder / (nats.CONFIG if self.kind == "nats" else mosquitto.CONFIG)
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, self._program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _listens(self) -> bool:
        deadline = time.monotonic() + START_WITHIN
        assert self._process is not None
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return True
        return False

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if not kill:
            process.send_signal(signal.SIGCONT)  # a stopped one would not hear SIGTERM
            end(process)
        process.kill()
        process.wait()


def end(process: subprocess.Popen[Any]) -> None:
    """Send SIGTERM until the process is gone, or START_WITHIN has passed.

    Mosquitto forgets a SIGTERM that comes between its word "running" and its main loop.
    """
    for _ in range(int(START_WITHIN)):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return


_RELOADED: dict[Kind, str] = {
    "mosquitto": "Reloading config",
    "nats": "Reloaded server configuration",
}


def _name(user: Address | Instance) -> str:
    return user.user if isinstance(user, Address) else orchestrator_user(user)


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Give a running broker with the default users; the test runs once on each kind."""
    made = Broker(request.param, tmp_path / "broker")
    made.admit(DEVICES)
    made.start()
    try:
        yield made
    finally:
        made.stop()
