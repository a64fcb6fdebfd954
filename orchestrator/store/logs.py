"""The devices' logs: how far each is committed, and where one was lost or forked."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mqtt_schemas.codec import Incoming
from mqtt_schemas.topics import Address
from orchestrator.domain.sequence import Water

#: Forks kept for a person to look at. A cloned disk repeats itself for ever.
FORKS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Log:
    """One log as it is committed. `id` is the row's."""

    id: int
    address: Address
    name: str
    water: Water


def find(connection: sqlite3.Connection, address: Address, name: str) -> Log | None:
    """Return a device's log by its UUID."""
    row = connection.execute(
        "SELECT id, seq, chain FROM logs WHERE site = ? AND device = ? AND log = ?",
        (address.site, address.device, name),
    ).fetchone()
    return None if row is None else Log(row[0], address, name, Water(row[1], row[2]))


def begin(
    connection: sqlite3.Connection, address: Address, name: str, water: Water, now_ms: int
) -> Log:
    """Make a log that was not known, as it is after its first accepted event's predecessor."""
    row = connection.execute(
        """INSERT INTO logs (site, device, log, seq, chain, opened_ms)
           VALUES (?, ?, ?, ?, ?, ?) RETURNING id""",
        (address.site, address.device, name, water.seq, water.chain, now_ms),
    ).fetchone()
    return Log(row[0], address, name, water)


def move(connection: sqlite3.Connection, log: Log, water: Water) -> None:
    """Set a log's high water."""
    connection.execute(
        "UPDATE logs SET seq = ?, chain = ? WHERE id = ?", (water.seq, water.chain, log.id)
    )


def newest(connection: sqlite3.Connection) -> dict[Address, tuple[str, int]]:
    """Return each device's newest log: its UUID and the seq of its high water."""
    rows = connection.execute("SELECT site, device, log, seq FROM logs ORDER BY id")
    return {Address(site, device): (log, seq) for site, device, log, seq in rows}


def lose(connection: sqlite3.Connection, log: Log, first: int, last: int, now_ms: int) -> None:
    """Name the events that a device no longer kept."""
    connection.execute(
        "INSERT INTO losses (log, from_seq, to_seq, noticed_ms) VALUES (?, ?, ?, ?)",
        (log.id, first, last, now_ms),
    )


def fork(
    connection: sqlite3.Connection, address: Address, name: str, event: Incoming, now_ms: int
) -> None:
    """Record an event that contradicts what is committed, once however often it comes."""
    connection.execute(
        """INSERT INTO forks (site, device, log, seq, chain, noticed_ms)
           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        (address.site, address.device, name, event.seq, event.chain, now_ms),
    )
    connection.execute(
        "DELETE FROM forks WHERE id <= (SELECT max(id) FROM forks) - ?", (FORKS_KEPT,)
    )


def losses(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """Return what devices no longer kept: (log, first seq, last seq)."""
    rows = connection.execute("SELECT log, from_seq, to_seq FROM losses ORDER BY id")
    return [(log, first, last) for log, first, last in rows]
