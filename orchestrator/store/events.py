"""The event log: append-only, in the order of acceptance; the truth that all else follows from."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from mqtt_schemas.canonical import chain
from mqtt_schemas.topics import Address

_APPEND, _ROW = "INSERT INTO events VALUES ", "(?, ?, ?, ?, ?, ?)"
#: Rows of one statement. SQLite before 3.32 takes 999 values.
_TOGETHER = 50


class Row(NamedTuple):
    """One committed event. reason: why it is set aside; None where it was understood."""

    id: int
    log: int
    seq: int
    received_ms: int
    reason: str | None
    raw: str


class Logged(NamedTuple):
    """One committed event, whose it is, and why it is set aside, if so."""

    id: int
    address: Address
    log: int
    raw: str
    reason: str | None


def next_id(connection: sqlite3.Connection) -> int:
    """Return the number of the next event. There is one writer, so it stays free."""
    row = connection.execute("SELECT max(id) FROM events").fetchone()
    return 1 + int(row[0] or 0)


def number(connection: sqlite3.Connection) -> int:
    """Return how many events there are."""
    [count] = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(count)


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add events, many by one statement: that takes half the time of one by one."""
    for first in range(0, len(rows), _TOGETHER):
        some = rows[first : first + _TOGETHER]
        values = list(itertools.chain.from_iterable(some))
        connection.execute(_APPEND + ", ".join([_ROW] * len(some)), values)


def chains(connection: sqlite3.Connection, log: int, first: int, last: int) -> dict[int, str]:
    """Return the chain values of a log's committed events from `first` to `last`, by seq."""
    rows = connection.execute(
        "SELECT seq, raw FROM events WHERE log = ? AND seq BETWEEN ? AND ?", (log, first, last)
    )
    return {seq: chain_of(raw) for seq, raw in rows}


def chain_of(raw: str) -> str:
    """Return the chain value of an event as it is stored."""
    return chain(raw.encode())


def page(connection: sqlite3.Connection, after: int, most: int = 5000) -> list[Logged]:
    """Return the events that were accepted after number `after`, in that order."""
    rows = connection.execute(
        """SELECT events.id, logs.site, logs.device, logs.id, events.raw, events.reason
           FROM events JOIN logs ON logs.id = events.log
           WHERE events.id > ? ORDER BY events.id LIMIT ?""",
        (after, most),
    )
    return [
        Logged(number, Address(site, device), log, raw, reason)
        for number, site, device, log, raw, reason in rows
    ]


def judge_again(connection: sqlite3.Connection, number: int, reason: str | None) -> None:
    """Note why an event is set aside by the rules of today, or that it no longer is."""
    connection.execute("UPDATE events SET reason = ? WHERE id = ?", (reason, number))
