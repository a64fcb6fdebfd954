"""Who did what, when and why. Append-only; functions of a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mqtt_schemas.base import ms_from_utc, utc_from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One action.

    role: staff, device, import, system; never a person's name. what: a code word such as
    `booking_added`. target: the id of what it was done to. why: as staff gave it, or None.
    """

    at: datetime
    role: str
    what: str
    target: str
    details: Mapping[str, str | int | None] = field(default_factory=dict)
    why: str | None = None


def record(connection: sqlite3.Connection, entry: Entry) -> None:
    """Keep one action, in the transaction of what it did."""
    connection.execute(
        "INSERT INTO audit (at_ms, role, what, target, details, why) VALUES (?, ?, ?, ?, ?, ?)",
        (
            ms_from_utc(entry.at),
            entry.role,
            entry.what,
            entry.target,
            json.dumps(dict(entry.details), ensure_ascii=False),
            entry.why,
        ),
    )


def between(
    connection: sqlite3.Connection, first: datetime, last: datetime, *, most: int = 1000
) -> list[Entry]:
    """Return the newest actions from `first` to before `last`, oldest first."""
    rows = connection.execute(
        "SELECT at_ms, role, what, target, details, why FROM audit"
        " WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC, id DESC LIMIT ?",
        (ms_from_utc(first), ms_from_utc(last), most),
    )
    return [
        Entry(
            at=utc_from_ms(at_ms),
            role=role,
            what=what,
            target=target,
            details=json.loads(details),
            why=why,
        )
        for at_ms, role, what, target, details, why in reversed(rows.fetchall())
    ]
