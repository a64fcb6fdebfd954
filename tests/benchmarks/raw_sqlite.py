"""What SQLite itself does with the rows of the event log on this disk: the limit of intake."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator.store.migrations import migrate

_PRAGMAS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"


def rows_a_second(folder: Path, events: Sequence[str], *, batch: int, rows: int) -> float:
    """Fill the event log by bare inserts, `batch` to a transaction, each synced; nothing else."""
    path = folder / "raw.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(_PRAGMAS)
        migrate(connection)
        connection.execute("INSERT INTO logs VALUES (1, 'library', 'pc-1', 'log', 0, '', 0)")
        prepared = [(n, 1, n, n, None, events[n % len(events)]) for n in range(1, rows + 1)]
        began = time.perf_counter()
        for first in range(0, rows, batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, prepared[first : first + batch])
            connection.execute("COMMIT")
        return rows / (time.perf_counter() - began)
    finally:
        connection.close()
        path.unlink()
