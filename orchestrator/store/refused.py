"""Payloads that were no message: what was wrong with the newest of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.store import counters
from orchestrator.store.counters import Counts

#: Rows kept, the newest. The counters tell of all.
KEPT = 1000


class Refusal(NamedTuple):
    """One refused payload. It may hold anything, so only its size and SHA-256 are kept."""

    received_ms: int
    topic: str
    fault: str
    reason: str
    size: int
    sha256: str


def record(connection: sqlite3.Connection, *, counts: Counts, refusals: Iterable[Refusal]) -> None:
    """Add counts and refusals, and drop the oldest refusals beyond what is kept."""
    counters.add(connection, counts)
    connection.executemany(
        """INSERT INTO refused (received_ms, topic, fault, reason, size, sha256)
           VALUES (?, ?, ?, ?, ?, ?)""",
        refusals,
    )
    connection.execute("DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - ?", (KEPT,))


def newest(connection: sqlite3.Connection, most: int = KEPT) -> list[Refusal]:
    """Return the newest refusals, newest first."""
    rows = connection.execute(
        """SELECT received_ms, topic, fault, reason, size, sha256
           FROM refused ORDER BY id DESC LIMIT ?""",
        (most,),
    )
    return [Refusal(*row) for row in rows]
