"""Which bookings were imported from where. Functions of a connection."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from orchestrator.calendars.changes import Known
from orchestrator.store import bookings


def known(connection: sqlite3.Connection, source: str) -> list[Known]:
    """Return what is booked of a source, the past and what was cancelled too."""
    rows = connection.execute(
        "SELECT uid, series, digest, booking FROM imported WHERE source = ?", (source,)
    ).fetchall()
    booked = bookings.imported(connection, source)
    return [Known(uid, series, digest, booked[booking]) for uid, series, digest, booking in rows]


def keep(
    connection: sqlite3.Connection, source: str, uid: str, *, series: str, digest: str, booking: str
) -> None:
    """Note which booking an entry is, and what it said."""
    connection.execute(
        "INSERT OR REPLACE INTO imported (source, uid, series, digest, booking)"
        " VALUES (?, ?, ?, ?, ?)",
        (source, uid, series, digest, booking),
    )


def forget(connection: sqlite3.Connection, source: str, uid: str) -> None:
    """Forget an entry that the source has no longer."""
    connection.execute("DELETE FROM imported WHERE source = ? AND uid = ?", (source, uid))


def forget_old(connection: sqlite3.Connection, source: str, before: datetime) -> None:
    """Forget the entries whose bookings ended before a time: no source speaks of them again."""
    connection.execute(
        "DELETE FROM imported WHERE source = ? AND booking IN"
        " (SELECT id FROM bookings WHERE ends_ms < ?)",
        (source, ms_from_utc(before)),
    )


def set_last_good(connection: sqlite3.Connection, source: str, at: datetime) -> None:
    """Note when a source was last read as a whole."""
    connection.execute(
        "INSERT OR REPLACE INTO imports (source, last_good_ms) VALUES (?, ?)",
        (source, ms_from_utc(at)),
    )


def last_good(connection: sqlite3.Connection) -> dict[str, datetime]:
    """Return when each source was last read as a whole."""
    rows = connection.execute("SELECT source, last_good_ms FROM imports")
    return {source: utc_from_ms(at_ms) for source, at_ms in rows}
