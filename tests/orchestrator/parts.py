"""An orchestrator's real parts on a real store, with clocks that stand still and no broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from mqtt_schemas.codec import encode
from mqtt_schemas.messages import Status
from mqtt_schemas.topics import Address, Channel, device_topic
from orchestrator.app import Clocks, Parts
from orchestrator.bus import Broker
from orchestrator.config import Configuration, load
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.fakes import FakeClock, link

CONFIG = """
[orchestrator]
state_dir = "state"

[http]
port = 0

[broker]
port = 0

[policy]
at_end = "lock"
longest = 7200

[[site]]
id = "paja"

[[device]]
site = "paja"
id = "printer-1"
kind = "printer"
name = "Printer 1"

[[device]]
site = "paja"
id = "pc-1"
kind = "pc"
name = "PC 1"
"""
PRINTER = Address("paja", "printer-1")


def configuration(folder: Path) -> Configuration:
    """Return a configuration whose state is in the folder."""
    path = folder / "laitevuoro.toml"
    path.write_text(CONFIG)
    return load(path, {})


class House:
    """The parts, and their clock."""

    def __init__(self, config: Configuration, database: Database) -> None:
        self.clock = FakeClock()
        self.config = config
        self.database = database
        self.parts = Parts(
            config=config,
            database=database,
            broker=Broker("127.0.0.1", 1),
            clocks=Clocks(
                wall_ms=self.clock.wall_ms, now=self.clock.now, monotonic=self.clock.seconds
            ),
        )

    def report(
        self, message: Status, *, address: Address = PRINTER, retained: bool = False
    ) -> None:
        """Let a device be there, and report."""
        ingest = self.parts.ingest
        ingest.receive(device_topic(address, Channel.LINK), encode(link()))
        ingest.receive(device_topic(address, Channel.STATUS), encode(message), retained)


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Give a house in a folder."""
    config = configuration(folder)
    config.orchestrator.state_dir.mkdir()
    database = Database.open(config.orchestrator.state_dir / DATABASE)
    try:
        yield House(config, database)
    finally:
        database.close()


def client(app: FastAPI) -> httpx.AsyncClient:
    """Return a client of an application, without sockets."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
