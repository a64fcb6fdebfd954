"""A backup: one ordinary SQLite file with the whole database in it, and a few files beside it.

Two tables more than a database has: `backup`, which tells when it was made and by which
version, and `backup_files`. Anything that reads SQLite can look into it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.store import identity, quotas
from orchestrator.store.errors import DatabaseUnusable
from orchestrator.store.migrations import applied, migrate

#: Pages copied between two looks at who waits: 4 MB.
_STEP = 1000
#: Gets what is done and what there is to do, in any unit.
Progress = Callable[[int, int], None]

_HEADER = b"SQLite format 3\0"
_NO_TABLES = "DROP TABLE IF EXISTS backup; DROP TABLE IF EXISTS backup_files;"
_TABLES = """
CREATE TABLE backup (made_ms INTEGER NOT NULL, version TEXT NOT NULL);
CREATE TABLE backup_files (name TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup says of itself. made_ms, version: None for a plain copy of a database.

    database: its UUID; None where it is older than those. files: content by name.
    """

    made_ms: int | None
    version: str | None
    database: str | None
    events: int
    files: Mapping[str, bytes]


def save(
    source: Path,
    target: Path,
    *,
    files: Mapping[str, bytes],
    made_ms: int,
    version: str,
    progress: Progress,
) -> Backup:
    """Copy a database as it is at one moment into a new file, and verify the copy.

    Whoever writes to the database meanwhile is not held up. Raises DatabaseUnusable.
    """
    _make(target)
    with closing(_in_use(source)) as from_, _errors(target), closing(_open(target)) as to:
        from_.backup(to, pages=_STEP, progress=_telling(progress))
        # Else the copy would need files beside it as soon as anybody reads it.
        to.execute("PRAGMA journal_mode = DELETE")
        if _has(to, "quota_keys"):
            quotas.forget_all(to)
        to.executescript(f"BEGIN; {_NO_TABLES} {_TABLES} COMMIT;")
        to.execute("INSERT INTO backup VALUES (?, ?)", (made_ms, version))
        to.executemany("INSERT INTO backup_files VALUES (?, ?)", files.items())
        _verify(to)
        return _look(to)


def verified(path: Path) -> Backup:
    """Return what a backup says of itself, once it is found whole. Raises DatabaseUnusable."""
    with _errors(path), closing(_at_rest(path)) as connection:
        found = applied(connection)
        if not found:
            raise DatabaseUnusable("it is no database of Laitevuoro.")
        _verify(connection)
        return _look(connection)


def unpack(source: Path, target: Path, *, progress: Progress) -> None:
    """Make a new database of a backup, brought up to date. Raises DatabaseUnusable."""
    _make(target)
    with _errors(target), closing(_at_rest(source)) as from_, closing(_open(target)) as to:
        from_.backup(to, pages=_STEP, progress=_telling(progress))
        to.executescript(_NO_TABLES)
        migrate(to)
        _verify(to)


def settle(path: Path) -> None:
    """Bring what is still beside a database into it. One that is broken stays as it is."""
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            return  # SQLite would delete what is beside it
    try:
        with closing(_open(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        return


def _look(connection: sqlite3.Connection) -> Backup:
    [events] = connection.execute("SELECT count(*) FROM events").fetchone()
    made_ms, version, files = None, None, {}
    if _has(connection, "backup"):
        made_ms, version = connection.execute("SELECT made_ms, version FROM backup").fetchone()
        files = dict(connection.execute("SELECT name, content FROM backup_files ORDER BY name"))
    name = identity.read(connection) if _has(connection, "identity") else None
    return Backup(made_ms, version, name, events, files)


def _has(connection: sqlite3.Connection, table: str) -> bool:
    sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(sql, (table,)).fetchone() is not None


def _verify(connection: sqlite3.Connection) -> None:
    """Raise DatabaseUnusable unless the file is whole and every reference leads somewhere."""
    [problem] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if problem != "ok":
        raise DatabaseUnusable(f"it is damaged: {problem.splitlines()[0]}.")
    astray = connection.execute("PRAGMA foreign_key_check").fetchone()
    if astray is not None:
        raise DatabaseUnusable(f"it is damaged: a row of {astray[0]} belongs to nothing.")


def _in_use(path: Path) -> sqlite3.Connection:
    """Open a database that others may write to, and keep to its state of this moment.

    Else each of their writes would make the copy begin again.
    """
    with _errors(path):
        connection = _connect(path, "mode=ro")
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection


def _at_rest(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes to, maybe on a disk that nobody can write to."""
    alone = not path.with_name(f"{path.name}-wal").exists()
    return _connect(path, "mode=ro&immutable=1" if alone else "mode=ro")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, isolation_level=None)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _make(path: Path) -> None:
    # SQLite would make it readable for all.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _telling(progress: Progress) -> Callable[[int, int, int], None]:
    return lambda _, left, pages: progress(pages - left, pages)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}.") from None
    except DatabaseUnusable as error:
        text = str(error)
        raise DatabaseUnusable(text if text.startswith(str(path)) else f"{path}: {text}") from None
