"""A database beside the orchestrator that runs on it, or ran: copied, read, and filled up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from orchestrator.store.errors import StoreFailed

#: For the functions of the store, which readers outside it can't name otherwise.
Connection = sqlite3.Connection
#: SQLite's own limit (https://www.sqlite.org/limits.html).
MOST_PAGES = 4_294_967_294


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whoever writes to it meanwhile.

    Raises StoreFailed.
    """
    try:
        with closing(_read_only(source)) as from_, closing(sqlite3.connect(target)) as to:
            from_.backup(to)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StoreFailed(f"{source} could not be copied: {error}.") from None


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that only reads, on one consistent state."""
    with closing(_read_only(path)) as connection:
        connection.execute("BEGIN")
        yield connection


def take_at_most(connection: sqlite3.Connection, pages: int) -> None:
    """Let the file grow to so many pages, or stay as it is where it has more.

    One page is a full disk, for rehearsals; MOST_PAGES lifts it again. For this connection.
    """
    connection.execute(f"PRAGMA max_page_count = {pages:d}")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
