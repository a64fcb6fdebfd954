"""Counters of what became of messages. They outlive the process and only grow."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import NamedTuple


class Counted(NamedTuple):
    """What is counted.

    what: `events` by result, `refused` payloads by fault, `commits` that failed, sessions that
    were `closed` by us, by reason.
    site and device are empty where the sender is none of ours: its name could be anything.
    """

    what: str
    result: str
    site: str = ""
    device: str = ""


EVENTS = "events"
REFUSED = "refused"
COMMITS = "commits"
CLOSED = "closed"

Counts = Counter[Counted]


def add(connection: sqlite3.Connection, counts: Counts) -> None:
    """Add to the counters."""
    connection.executemany(
        """INSERT INTO counters VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (what, result, site, device) DO UPDATE SET value = value + excluded.value""",
        [(*counted, number) for counted, number in counts.items()],
    )


def read(connection: sqlite3.Connection) -> Counts:
    """Return all counters."""
    rows = connection.execute("SELECT what, result, site, device, value FROM counters")
    return Counter({Counted(*counted): value for *counted, value in rows})


def by_result(counts: Counts, what: str) -> Counter[str]:
    """Return one kind of counters, added up over the devices."""
    result: Counter[str] = Counter()
    for counted, number in counts.items():
        if counted.what == what:
            result[counted.result] += number
    return result
