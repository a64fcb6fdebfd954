"""Bookings as rows. Functions of a connection, for `Database.write` and `Database.read`."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime
from typing import Any

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.plan import HashedCode
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import LIVE, BookedBy, Booking, BookingState, Purpose
from orchestrator.domain.devices import CheckInBy

_COLUMNS = (
    "id",
    "site",
    "device",
    "starts_ms",
    "ends_ms",
    "target_group",
    "party_size",
    "state",
    "purpose",
    "booked_by",
    "group_assumed",
    "kind",
    "series",
    "event",
    "rotate",
    "walk_in",
    "over_closing",
    "check_in",
    "code",
    "hold_until_ms",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM bookings"  # noqa: S608 - our own names
_VALUES = ", ".join(f":{column}" for column in _COLUMNS)
_SET = ", ".join(f"{column} = :{column}" for column in _COLUMNS[1:])
_INSERT = (
    f"INSERT INTO bookings ({', '.join(_COLUMNS)}, created_ms) VALUES ({_VALUES}, :created_ms)"  # noqa: S608 - our own names
)
_UPDATE = f"UPDATE bookings SET {_SET} WHERE id = :id"  # noqa: S608 - our own names
_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE))


def insert(connection: sqlite3.Connection, booking: Booking, *, created: datetime) -> None:
    """Keep a new booking."""
    connection.execute(_INSERT, _row(booking) | {"created_ms": ms_from_utc(created)})


def change(connection: sqlite3.Connection, booking: Booking) -> None:
    """Keep a booking as it is now."""
    connection.execute(_UPDATE, _row(booking))


def find(connection: sqlite3.Connection, booking_id: str) -> Booking | None:
    """Return the booking of that id, or None."""
    row = connection.execute(
        f"{_SELECT} WHERE id = ?",
        (booking_id,),
    ).fetchone()
    return None if row is None else _booking(row)


def imported(connection: sqlite3.Connection, source: str) -> dict[str, Booking]:
    """Return all bookings that were imported from a source, by their ids."""
    rows = connection.execute(
        f"{_SELECT} WHERE id IN (SELECT booking FROM imported WHERE source = ?)",  # noqa: S608 - our own names
        (source,),
    )
    return {booking.id: booking for booking in map(_booking, rows)}


def of_device(
    connection: sqlite3.Connection, address: Address, *, ends_after: datetime
) -> list[Booking]:
    """Return a device's live bookings that end after a time, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND ends_ms > ?"
        f" AND state IN ({_LIVE}) ORDER BY starts_ms, id",
        (address.site, address.device, ms_from_utc(ends_after)),
    )
    return [_booking(row) for row in rows]


def of_series(connection: sqlite3.Connection, series: str) -> list[Booking]:
    """Return the bookings of a series, by their start."""
    rows = connection.execute(f"{_SELECT} WHERE series = ? ORDER BY starts_ms, id", (series,))
    return [_booking(row) for row in rows]


def of_event(connection: sqlite3.Connection, event: str) -> list[Booking]:
    """Return the turns and the blocks of a group event, cancelled ones too, by device."""
    rows = connection.execute(
        f"{_SELECT} WHERE event = ? ORDER BY site, device, starts_ms, id", (event,)
    )
    return [_booking(row) for row in rows]


def touching(
    connection: sqlite3.Connection, address: Address, first: datetime, last: datetime
) -> list[Booking]:
    """Return a device's live bookings that touch the open span, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND ends_ms > ? AND starts_ms < ?"
        f" AND state IN ({_LIVE}) ORDER BY starts_ms, id",
        (address.site, address.device, ms_from_utc(first), ms_from_utc(last)),
    )
    return [_booking(row) for row in rows]


def unfinished(
    connection: sqlite3.Connection,
    address: Address,
    *,
    starts_before: datetime,
    no_shows_since: datetime,
) -> list[Booking]:
    """Return a device's bookings whose state time or the device may still change.

    Those that start before a time, and offers; and those of people who did not come, that end
    after another.
    """
    key = (address.site, address.device)
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND starts_ms < ?"
        " AND state IN ('booked', 'offered', 'checked_in') ORDER BY starts_ms",
        (*key, ms_from_utc(starts_before)),
    ).fetchall()
    rows += connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND starts_ms >= ? AND state = 'offered'",
        (*key, ms_from_utc(starts_before)),
    ).fetchall()
    rows += connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ? AND ends_ms > ? AND state = 'no_show'",
        (*key, ms_from_utc(no_shows_since)),
    ).fetchall()
    return [_booking(row) for row in rows]


def set_state(
    connection: sqlite3.Connection, booking: Booking, state: BookingState
) -> Booking | None:
    """Give a booking another state if it still is as it was. Returns it as it is then, or None."""
    changed = connection.execute(
        "UPDATE bookings SET state = ? WHERE id = ? AND state = ? AND starts_ms = ?"
        " AND ends_ms = ? AND site = ? AND device = ?",
        (
            state,
            booking.id,
            booking.state,
            ms_from_utc(booking.starts_at),
            ms_from_utc(booking.ends_at),
            booking.address.site,
            booking.address.device,
        ),
    )
    return replace(booking, state=state) if changed.rowcount == 1 else None


def between(
    connection: sqlite3.Connection, *, ends_after: datetime, starts_before: datetime
) -> list[Booking]:
    """Return all devices' bookings, cancelled ones too, that touch a span, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE ends_ms > ? AND starts_ms < ? ORDER BY starts_ms, site, device, id",
        (ms_from_utc(ends_after), ms_from_utc(starts_before)),
    )
    return [_booking(row) for row in rows]


def _row(booking: Booking) -> dict[str, str | int | None]:
    return {
        "id": booking.id,
        "site": booking.address.site,
        "device": booking.address.device,
        "starts_ms": ms_from_utc(booking.starts_at),
        "ends_ms": ms_from_utc(booking.ends_at),
        "target_group": booking.target_group,
        "party_size": booking.party_size,
        "state": booking.state,
        "purpose": booking.purpose,
        "booked_by": booking.by,
        "group_assumed": booking.group_assumed,
        "kind": booking.kind,
        "series": booking.series,
        "event": booking.event,
        "rotate": booking.rotate,
        "walk_in": booking.walk_in,
        "over_closing": booking.over_closing,
        "check_in": booking.check_in,
        "code": None if booking.code is None else booking.code.model_dump_json(),
        "hold_until_ms": None if booking.hold_until is None else ms_from_utc(booking.hold_until),
    }


def _booking(row: tuple[Any, ...]) -> Booking:
    kept = dict(zip(_COLUMNS, row, strict=True))
    code, hold_ms = kept["code"], kept["hold_until_ms"]
    return Booking(
        id=kept["id"],
        address=Address(kept["site"], kept["device"]),
        starts_at=utc_from_ms(kept["starts_ms"]),
        ends_at=utc_from_ms(kept["ends_ms"]),
        target_group=kept["target_group"],
        party_size=kept["party_size"],
        state=BookingState(kept["state"]),
        purpose=Purpose(kept["purpose"]),
        by=BookedBy(kept["booked_by"]),
        group_assumed=bool(kept["group_assumed"]),
        kind=kept["kind"],
        series=kept["series"],
        event=kept["event"],
        rotate=kept["rotate"],
        walk_in=bool(kept["walk_in"]),
        over_closing=bool(kept["over_closing"]),
        check_in=CheckInBy(kept["check_in"]),
        code=None if code is None else HashedCode.model_validate_json(code),
        hold_until=None if hold_ms is None else utc_from_ms(hold_ms),
    )
