"""An empty schema in memory, for tests of single tables."""

from __future__ import annotations

import sqlite3

from orchestrator.store.migrations import migrate


def empty_tables() -> sqlite3.Connection:
    """Return a connection to it, with foreign keys held."""
    rows = sqlite3.connect(":memory:", isolation_level=None)
    rows.execute("PRAGMA foreign_keys = ON")
    migrate(rows)
    return rows
