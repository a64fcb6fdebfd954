"""Finished prints: what was estimated of them, and how long they took."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from mqtt_schemas.topics import Address
from orchestrator.domain.print_fit import NEWEST, Printed, printed
from orchestrator.domain.sessions import Session

_SAVE = """
INSERT INTO prints (site, device, session, ended_ms, estimated_ms, actual_ms)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device, session) DO UPDATE SET ended_ms = excluded.ended_ms,
    estimated_ms = excluded.estimated_ms, actual_ms = excluded.actual_ms
"""


def save(connection: sqlite3.Connection, sessions: Iterable[tuple[Address, Session]]) -> None:
    """Keep those of the sessions that are finished prints."""
    for address, session in sessions:
        found = printed(session)
        if found is not None:
            where = (address.site, address.device, session.id)
            connection.execute(_SAVE, (*where, session.ended_ms, *found))


def newest(connection: sqlite3.Connection, address: Address) -> list[Printed]:
    """Return a device's newest finished prints, oldest first: all that its ratio is taken of."""
    rows = connection.execute(
        "SELECT estimated_ms, actual_ms FROM prints WHERE site = ? AND device = ?"
        " ORDER BY ended_ms DESC, session DESC LIMIT ?",
        (address.site, address.device, NEWEST),
    )
    return [Printed(*row) for row in reversed(rows.fetchall())]


def forget(connection: sqlite3.Connection) -> None:
    """Delete what will be made again from the log; what the log no longer tells of stays."""
    connection.execute(
        "DELETE FROM prints WHERE (site, device, session) IN"
        " (SELECT site, device, session FROM sessions)"
    )
