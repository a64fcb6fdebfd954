"""The last that was heard of each device with an open session, for the case that it is the last."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from mqtt_schemas.messages import Checkpoint
from mqtt_schemas.topics import Address


class Heard(NamedTuple):
    """A device's last checkpoint, of whichever session, and when the device was last heard."""

    checkpoint: Checkpoint | None
    at_ms: int


def load(connection: sqlite3.Connection) -> dict[Address, Heard]:
    """Return what was kept, by device."""
    rows = connection.execute("SELECT site, device, checkpoint, heard_ms FROM checkpoints")
    return {Address(site, device): Heard(_read(text), at_ms) for site, device, text, at_ms in rows}


def keep(connection: sqlite3.Connection, heard: Mapping[Address, Heard]) -> None:
    """Keep what was heard in place of what was before."""
    connection.executemany(
        """INSERT INTO checkpoints VALUES (?, ?, ?, ?)
           ON CONFLICT (site, device) DO UPDATE SET
               checkpoint = excluded.checkpoint, heard_ms = excluded.heard_ms""",
        [
            (address.site, address.device, _write(each.checkpoint), each.at_ms)
            for address, each in heard.items()
        ],
    )


def _write(checkpoint: Checkpoint | None) -> str | None:
    return None if checkpoint is None else checkpoint.model_dump_json()


def _read(text: str | None) -> Checkpoint | None:
    try:
        return None if text is None else Checkpoint.model_validate_json(text)
    except ValidationError:
        return None  # of another version
