"""The database's own name: an acknowledgement tells where an event is committed."""

from __future__ import annotations

import sqlite3


def read(connection: sqlite3.Connection) -> str:
    """Return the UUID that the database was made with. A copy of it has the same."""
    [name] = connection.execute("SELECT uuid FROM identity").fetchone()
    return str(name)
