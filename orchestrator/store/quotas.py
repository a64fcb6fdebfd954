"""Marks that quotas count by, and the weekly keys that they are made with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from datetime import datetime

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import LIVE, BookingState

#: What counts: also what somebody did not come to.
_COUNTED = ", ".join(f"'{state}'" for state in sorted({*LIVE, BookingState.NO_SHOW}))


def key_of(connection: sqlite3.Connection, week: str, make: Callable[[], bytes]) -> bytes:
    """Return a week's key, made and kept at its first use."""
    row = connection.execute("SELECT key FROM quota_keys WHERE week = ?", (week,)).fetchone()
    if row is not None:
        return bytes(row[0])
    key = make()
    connection.execute("INSERT INTO quota_keys VALUES (?, ?)", (week, key))
    return key


def keep(connection: sqlite3.Connection, mark: str, booking: str, week: str) -> None:
    """Count a booking for whoever the mark stands for."""
    connection.execute("INSERT INTO booking_quota VALUES (?, ?, ?)", (mark, booking, week))


def taken(
    connection: sqlite3.Connection, mark: str, devices: Collection[Address]
) -> list[datetime]:
    """Return when the turns start that are counted for a mark on some devices."""
    rows = connection.execute(
        "SELECT starts_ms, site, device FROM booking_quota JOIN bookings ON id = booking"  # noqa: S608 - our own states
        f" WHERE mark = ? AND state IN ({_COUNTED})",
        (mark,),
    )
    return [utc_from_ms(ms) for ms, site, device in rows if Address(site, device) in devices]


def rename(connection: sqlite3.Connection, booking: str, follower: str) -> None:
    """Count a booking as the one that it goes on in."""
    connection.execute(
        "UPDATE booking_quota SET booking = ? WHERE booking = ?", (follower, booking)
    )


def forget_before(connection: sqlite3.Connection, week: str) -> int:
    """Delete the keys and marks of the weeks before one. Returns how many keys there were.

    A key is overwritten first, so that it is not left in a free page of the file.
    """
    connection.execute("UPDATE quota_keys SET key = zeroblob(length(key)) WHERE week < ?", (week,))
    connection.execute("DELETE FROM booking_quota WHERE week < ?", (week,))
    return connection.execute("DELETE FROM quota_keys WHERE week < ?", (week,)).rowcount


def forget_all(connection: sqlite3.Connection) -> None:
    """Delete all keys and marks: of a backup, which may be kept when their week has ended.

    Quotas of the week then begin anew where it is restored.
    """
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("DELETE FROM quota_keys")
    connection.execute("DELETE FROM booking_quota")
