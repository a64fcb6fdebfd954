"""Marks that quotas count by, and their weekly keys."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.store import backup, bookings, quotas
from orchestrator.store.database import Database

DEVICE = Address("paja", "pc-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = b"a key of thirty-two bytes, say.."


def book(rows: sqlite3.Connection, name: str, days: float, **change: BookingState) -> None:
    """Keep a booking that is counted for somebody."""
    start = NOW + timedelta(days=days)
    booking = Booking(name, DEVICE, start, start + timedelta(hours=1))
    bookings.insert(rows, replace(booking, **change), created=NOW)  # type: ignore[arg-type] # a state
    quotas.keep(rows, "mark", name, "2026-W48")


def test_a_key_is_made_once_a_week(rows: sqlite3.Connection) -> None:
    """At its first use."""
    keys = iter([KEY, b"2" * 32])
    assert quotas.key_of(rows, "2026-W48", lambda: next(keys)) == KEY
    assert quotas.key_of(rows, "2026-W48", lambda: next(keys)) == KEY
    assert quotas.key_of(rows, "2026-W49", lambda: next(keys)) == b"2" * 32


@pytest.mark.parametrize("state", BookingState)
def test_what_was_given_back_is_not_counted(rows: sqlite3.Connection, state: BookingState) -> None:
    """But what somebody did not come to is: nobody else had it."""
    book(rows, "b1", 0, state=state)
    counted = state not in (BookingState.CANCELLED, BookingState.RELEASED)
    assert quotas.taken(rows, "mark", {DEVICE}) == ([NOW] if counted else [])


def test_a_mark_is_counted_on_some_devices_only(rows: sqlite3.Connection) -> None:
    """And where a booking goes on in another one, once."""
    book(rows, "b1", 0)
    assert quotas.taken(rows, "mark", {Address("paja", "pc-2")}) == []
    assert quotas.taken(rows, "other", {DEVICE}) == []
    later = NOW + timedelta(days=1)
    bookings.insert(rows, Booking("b2", DEVICE, later, later + timedelta(hours=1)), created=NOW)
    quotas.rename(rows, "b1", "b2")
    assert quotas.taken(rows, "mark", {DEVICE}) == [later]


def test_what_is_over_is_forgotten(rows: sqlite3.Connection) -> None:
    """Also at the turn of the year."""
    for week in ("2026-W53", "2027-W01"):
        quotas.key_of(rows, week, lambda: KEY)
        quotas.keep(rows, "mark", week, week)
    assert quotas.forget_before(rows, "2027-W01") == 1
    assert rows.execute("SELECT week FROM quota_keys").fetchall() == [("2027-W01",)]
    assert rows.execute("SELECT week FROM booking_quota").fetchall() == [("2027-W01",)]


async def test_no_backup_holds_a_key(tmp_path: Path) -> None:
    """It may be kept for years; not a byte of the key is in the file."""
    path, copy = tmp_path / "a.db", tmp_path / "copy.db"
    database = Database.open(path)
    await database.write(lambda rows: quotas.key_of(rows, "2026-W48", lambda: KEY))
    await database.write(lambda rows: quotas.keep(rows, "mark", "b1", "2026-W48"))
    backup.save(path, copy, files={}, made_ms=0, version="0", progress=lambda _, __: None)
    database.close()
    assert KEY in path.read_bytes()
    assert KEY not in copy.read_bytes()
    with closing(sqlite3.connect(copy)) as rows:
        assert rows.execute("SELECT count(*) FROM booking_quota").fetchone() == (0,)
