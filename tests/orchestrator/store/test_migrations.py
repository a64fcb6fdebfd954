"""The schema."""

from __future__ import annotations

import sqlite3

import pytest
from sqlite_utils import Database as Administered

from orchestrator.store import totals
from orchestrator.store.errors import DatabaseUnusable
from orchestrator.store.migrations import migrate, migrations


def _schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


@pytest.fixture
def connection() -> sqlite3.Connection:
    """Return an empty database."""
    return sqlite3.connect(":memory:", isolation_level=None)


def test_migrating_again_changes_nothing(connection: sqlite3.Connection) -> None:
    """Each migration runs once."""
    migrate(connection)
    before = _schema(connection)
    migrate(connection)
    assert _schema(connection) == before


def test_a_newer_database_is_refused(connection: sqlite3.Connection) -> None:
    """A downgrade does not write into a schema that it does not know."""
    migrate(connection)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)",
        ("laitevuoro", "m9999_flying", "2030"),
    )
    with pytest.raises(DatabaseUnusable, match="m9999_flying"):
        migrate(connection)


def test_the_event_log_can_not_be_rewritten(connection: sqlite3.Connection) -> None:
    """Only why an event is set aside may change, when the rules do."""
    migrate(connection)
    connection.execute("INSERT INTO logs VALUES (1, 'main', 'a', 'x', 0, '', 0)")
    connection.execute("INSERT INTO events VALUES (1, 1, 1, 0, 'unknown', '{}')")
    connection.execute("UPDATE events SET reason = NULL")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("UPDATE events SET raw = '[]'")


def test_use_counted_before_there_were_attended_devices_was_observed(
    connection: sqlite3.Connection,
) -> None:
    """Migration 13 keeps every total, and its parts."""
    migrations.apply(Administered(connection), stop_before="m0013_attended")
    cell = ("main", "a", "2026-11-25T14", "lapset", "turn", "customer", 0)
    connection.execute("INSERT INTO totals VALUES (?,?,?,?,?,?,?, 1,2,3,4,5,6,7)", cell)
    connection.execute("INSERT INTO totals_parts VALUES (?,?,?,?,?,?,?, 'figure','mm',8)", cell)
    migrate(connection)
    [(cell_after, amounts)] = totals.read(connection).items()
    assert (*cell_after[:4], cell_after.source) == (*cell[:4], "observed")
    assert (amounts.sessions, amounts.overrun_ms) == (1, 7)
    assert amounts.parts == {("figure", "mm"): 8}
