"""What can go wrong with the database.

StoreError
├── DatabaseInUse       another process has it
├── DatabaseUnusable    it can't be opened as ours
└── StoreFailed         nothing could be committed; what was asked did not happen
"""

from __future__ import annotations

import sqlite3

#: SQLite's primary result codes after which a transaction can't be relied on; any other error
#: (a constraint, a mistake in the SQL) is the work's own. https://www.sqlite.org/rescode.html
_FAILURES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


class StoreError(Exception):
    """The database can't do what was asked. The text is one sentence."""


class DatabaseInUse(StoreError):
    """Another process holds the database."""


class DatabaseUnusable(StoreError):
    """The file is no database of ours, or of a newer version."""


class StoreFailed(StoreError):
    """The disk is full, failing or closed: nothing of the transaction was kept."""


def is_failure(error: Exception) -> bool:
    """Tell whether this is the database failing, not the work that was asked of it."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where the module itself raised
    return isinstance(error, sqlite3.Error) and code is not None and code & 0xFF in _FAILURES
