"""A database beside the orchestrator that runs on it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from orchestrator.store import offline
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed


def add(connection: sqlite3.Connection, size: int = 10) -> None:
    """Write a row."""
    connection.execute("CREATE TABLE IF NOT EXISTS probe (text TEXT)")
    connection.execute("INSERT INTO probe VALUES (?)", ("x" * size,))


def count(connection: sqlite3.Connection) -> int:
    """Return how many rows there are."""
    return int(connection.execute("SELECT count(*) FROM probe").fetchone()[0])


async def test_a_copy_is_the_database_as_it_was(tmp_path: Path) -> None:
    """What is written afterwards is not in it; the writer is not disturbed."""
    with closing(Database.open(tmp_path / "a.db")) as database:
        await database.write(add)
        offline.copy(database.path, tmp_path / "b.db")
        await database.write(add)
        with offline.reading(tmp_path / "b.db") as rows:
            assert count(rows) == 1
        with offline.reading(database.path) as rows:
            assert count(rows) == 2


def test_what_is_not_there_can_not_be_copied(tmp_path: Path) -> None:
    """And nothing is left of the try."""
    with pytest.raises(StoreFailed, match=r"a\.db could not be copied"):
        offline.copy(tmp_path / "a.db", tmp_path / "b.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_reader_can_change_nothing(tmp_path: Path) -> None:
    """It is for looking only."""
    with closing(Database.open(tmp_path / "a.db")) as database:
        await database.write(add)
        with (
            offline.reading(database.path) as rows,
            pytest.raises(sqlite3.OperationalError, match="readonly"),
        ):
            add(rows)


async def test_a_full_disk_takes_nothing_and_one_with_room_goes_on(tmp_path: Path) -> None:
    """As SQLite says it of a disk that is truly full."""
    with closing(Database.open(tmp_path / "a.db")) as database:
        await database.write(add)
        await database.write(partial(offline.take_at_most, pages=1))
        with pytest.raises(StoreFailed, match="full"):
            await database.write(partial(add, size=100_000))
        assert not database.healthy
        await database.write(partial(offline.take_at_most, pages=offline.MOST_PAGES))
        await database.write(partial(add, size=100_000))
        assert await database.read(count) == 2
