"""The database as a whole: opening, writing together, failing, reading."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseInUse, DatabaseUnusable, StoreFailed
from orchestrator.store.writer import Work
from tests.failing_writes import failing_writes


def _insert(connection: sqlite3.Connection, value: str = "x") -> None:
    connection.execute("INSERT INTO counters VALUES ('test', ?, '', '', 1)", (value,))


def _values(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT result FROM counters ORDER BY result")]


def _allow_pages(connection: sqlite3.Connection, pages: int) -> None:
    connection.execute(f"PRAGMA max_page_count = {pages}")


def _outside(database: Database) -> list[str]:
    """Return what another process sees: what is committed."""
    connection = sqlite3.connect(database.path)
    try:
        return _values(connection)
    finally:
        connection.close()


async def test_what_is_written_is_committed(database: Database) -> None:
    """When write returns, others see it, and the work's own result is there."""
    assert await database.write(lambda rows: rows.execute("SELECT 5").fetchone()) == (5,)
    await database.write(_insert)
    assert _outside(database) == ["x"]
    assert await database.read(_values) == ["x"]


async def test_commits_are_synced(database: Database) -> None:
    """WAL with FULL: a power cut loses nothing that was acknowledged."""
    pragmas = await database.write(
        lambda rows: [
            rows.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert pragmas == ["wal", 2, 1]


async def _together(database: Database, *works: Work[Any]) -> list[Any]:
    """Have works wait for the writer, so that they share a transaction; return what they gave."""
    begun, gate = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    holding = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(begun.wait, 10)
    tasks = [asyncio.ensure_future(database.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.set()
    await holding
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_whatever_waits_commits_together(database: Database) -> None:
    """While one transaction syncs, the rest gathers: three works, one commit."""
    await _together(database, *(partial(_insert, value=value) for value in "123"))
    assert database.latencies.count == 1
    assert _outside(database) == ["1", "2", "3"]


async def test_a_work_that_raises_undoes_only_itself(database: Database) -> None:
    """Its exception is its caller's; those it shared the transaction with are kept."""

    def broken(rows: sqlite3.Connection) -> None:
        _insert(rows, "broken")
        raise ValueError("no")

    results = await _together(
        database, partial(_insert, value="1"), broken, partial(_insert, value="2")
    )
    assert [type(each) for each in results] == [type(None), ValueError, type(None)]
    assert _outside(database) == ["1", "2"]
    with pytest.raises(ValueError, match="no"):
        await database.write(broken)
    assert _outside(database) == ["1", "2"]
    assert database.healthy


async def test_a_constraint_is_the_works_own_trouble(database: Database) -> None:
    """A booking twice, say: the caller gets SQLite's error and the database is well."""
    await database.write(_insert)
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(_insert)
    assert database.healthy


async def test_a_full_disk_fails_everybody_and_heals(database: Database) -> None:
    """Nothing of the transaction is kept; the next commit that succeeds tells that all is well."""
    await database.write(partial(_allow_pages, pages=1))  # SQLite makes it what there is
    results = await _together(database, _insert, partial(_insert, value="x" * 100_000))
    assert [type(each) for each in results] == [StoreFailed, StoreFailed]
    assert "full" in str(results[0])
    assert not database.healthy
    assert _outside(database) == []
    await database.write(lambda _: None)
    assert not database.healthy, "a transaction that wrote nothing proves nothing"
    await database.write(partial(_allow_pages, pages=1_000_000))
    await database.write(_insert)
    assert database.healthy
    assert _outside(database) == ["x"]


async def test_a_write_error_fails_everybody_and_heals(database: Database) -> None:
    """As a full disk does."""
    await database.write(_insert)
    with failing_writes(database.path):
        results = await _together(database, *(partial(_insert, value=value) for value in "ab"))
    assert [type(each) for each in results] == [StoreFailed, StoreFailed]
    assert "disk I/O error" in str(results[0])
    assert not database.healthy
    assert _outside(database) == ["x"]
    await database.write(partial(_insert, value="y"))
    assert database.healthy
    assert _outside(database) == ["x", "y"]


async def test_readers_see_one_state_and_can_not_write(database: Database) -> None:
    """A read is a snapshot: what is committed meanwhile is not in it."""
    await database.write(partial(_insert, value="1"))
    begun, gate = threading.Event(), threading.Event()

    def look_twice(rows: sqlite3.Connection) -> list[list[str]]:
        first = _values(rows)
        begun.set()
        gate.wait(10)
        return [first, _values(rows)]

    reading = asyncio.ensure_future(database.read(look_twice))
    await asyncio.to_thread(begun.wait, 10)
    await database.write(partial(_insert, value="2"))
    gate.set()
    assert await reading == [["1"], ["1"]]
    assert await database.read(_values) == ["1", "2"]
    with pytest.raises(StoreFailed, match="readonly"):
        await database.read(_insert)


async def test_a_cancelled_writer_leaves_the_others_alone(database: Database) -> None:
    """Who no longer waits is not told; the work is done, and the thread goes on."""
    waiting = asyncio.ensure_future(database.write(_insert))
    await asyncio.sleep(0)
    waiting.cancel()
    await database.settle()
    assert _outside(database) == ["x"]


async def test_a_second_process_is_refused(database: Database) -> None:
    """Two orchestrators on one database would count everything twice."""
    with pytest.raises(DatabaseInUse):
        Database.open(database.path)


async def test_closing_finishes_what_waits_and_lets_go(tmp_path: Path) -> None:
    """After close nothing is accepted, and the file can be opened anew."""
    path = tmp_path / "laitevuoro.db"
    database = Database.open(path)
    waiting = asyncio.ensure_future(database.write(_insert))
    await asyncio.sleep(0)
    database.close()
    database.close()
    await waiting
    with pytest.raises(StoreFailed, match="closed"):
        await database.write(_insert)
    with pytest.raises(StoreFailed, match="closed"):
        await database.read(_values)
    again = Database.open(path)
    assert await again.read(_values) == ["x"]
    again.close()


def test_the_file_is_for_its_owner_alone(database: Database) -> None:
    """SQLite makes the journal's mode the same."""
    assert database.path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """One sentence; the lock is let go of."""
    path = tmp_path / "laitevuoro.db"
    path.write_text("not a database at all, but long enough to be read as one" * 100)
    for _ in range(2):
        with pytest.raises(DatabaseUnusable, match=f"{path} can't be used as a database"):
            Database.open(path)


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    """One sentence for that as well."""
    with pytest.raises(DatabaseUnusable, match="Is a directory"):
        Database.open(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_belongs_to_the_service(tmp_path: Path) -> None:
    """A command run with sudo must not leave files that the orchestrator can't open."""
    os.chown(tmp_path, 65534, 65534)
    Database.open(tmp_path / "laitevuoro.db").close()
    assert {path.name: path.stat().st_uid for path in tmp_path.iterdir()} == {
        "laitevuoro.db": 65534,
        "laitevuoro.db.lock": 65534,
    }
