"""Bookings as rows. Functions of a connection, for `Database.write` and `Database.read`."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState

_SELECT = (
    "SELECT id, site, device, starts_ms, ends_ms, target_group, party_size, state FROM bookings"
)


def insert(connection: sqlite3.Connection, booking: Booking, *, created: datetime) -> None:
    """Keep a new booking."""
    connection.execute(
        "INSERT INTO bookings (id, site, device, starts_ms, ends_ms, target_group, party_size,"
        " state, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            booking.id,
            booking.address.site,
            booking.address.device,
            ms_from_utc(booking.starts_at),
            ms_from_utc(booking.ends_at),
            booking.target_group,
            booking.party_size,
            booking.state,
            ms_from_utc(created),
        ),
    )


def change(connection: sqlite3.Connection, booking: Booking) -> None:
    """Keep a booking's new end and state."""
    connection.execute(
        "UPDATE bookings SET ends_ms = ?, state = ? WHERE id = ?",
        (ms_from_utc(booking.ends_at), booking.state, booking.id),
    )


def find(connection: sqlite3.Connection, booking_id: str) -> Booking | None:
    """Return the booking of that id, or None."""
    row = connection.execute(
        f"{_SELECT} WHERE id = ?",
        (booking_id,),
    ).fetchone()
    return None if row is None else _booking(row)


def of_device(
    connection: sqlite3.Connection, address: Address, *, ends_after: datetime
) -> list[Booking]:
    """Return a device's live bookings that end after a time, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND ends_ms > ?"
        " AND state = ? ORDER BY starts_ms, id",
        (address.site, address.device, ms_from_utc(ends_after), BookingState.BOOKED),
    )
    return [_booking(row) for row in rows]


def between(
    connection: sqlite3.Connection, *, ends_after: datetime, starts_before: datetime
) -> list[Booking]:
    """Return all devices' bookings, cancelled ones too, that touch a span, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE ends_ms > ? AND starts_ms < ? ORDER BY starts_ms, site, device, id",
        (ms_from_utc(ends_after), ms_from_utc(starts_before)),
    )
    return [_booking(row) for row in rows]


def _booking(row: tuple[str, str, str, int, int, str | None, int | None, str]) -> Booking:
    booking_id, site, device, starts_ms, ends_ms, group, party, state = row
    return Booking(
        id=booking_id,
        address=Address(site, device),
        starts_at=utc_from_ms(starts_ms),
        ends_at=utc_from_ms(ends_ms),
        target_group=group,
        party_size=party,
        state=BookingState(state),
    )
