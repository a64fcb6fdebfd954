"""When the orchestrator ran, had its broker, and heard each agent: as it saw it itself.

Whoever is still there has no end; the orchestrator's own end moves on while it runs, and what
had no end when it was killed ended with it. What a running orchestrator reads goes on until
now: `now_ms`, None for whoever reads the database of one that rests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from mqtt_schemas.topics import Address
from orchestrator.domain.coverage import Attendance
from orchestrator.domain.spans import Span, clip, union


class Who(StrEnum):
    """Who was there."""

    ORCHESTRATOR = "orchestrator"
    BROKER = "broker"
    AGENT = "agent"


class Stay(NamedTuple):
    """One time during which somebody was there; to_ms None: still. address: of an agent."""

    who: Who
    address: Address | None
    from_ms: int
    to_ms: int | None


_KEEP = """
INSERT INTO attendance VALUES (?, ?, ?, ?, ?)
ON CONFLICT (who, site, device, from_ms) DO UPDATE SET to_ms = excluded.to_ms
"""
_LAST = "(SELECT max(to_ms) FROM attendance WHERE who = 'orchestrator')"


def keep(connection: sqlite3.Connection, stays: Iterable[Stay]) -> None:
    """Write new stays, and new ends of known ones."""
    connection.executemany(
        _KEEP,
        [(who.value, *_place(address), first, last) for who, address, first, last in stays],
    )


def end_all(connection: sqlite3.Connection) -> None:
    """End what a killed orchestrator left without an end, when it was last known to run."""
    connection.execute(
        f"UPDATE attendance SET to_ms = max(from_ms, coalesce({_LAST}, 0)) WHERE to_ms IS NULL"  # noqa: S608 - our own text
    )


def of_service(
    connection: sqlite3.Connection, period: Span, now_ms: int | None = None
) -> Attendance:
    """Return the orchestrator's and the broker's attendance in a period."""
    ran = _spans(connection, Who.ORCHESTRATOR, _place(None), period, now_ms)
    if now_ms is not None:
        [last] = connection.execute(f"SELECT {_LAST}").fetchone()
        ran = clip(union(ran, [Span(now_ms if last is None else last, now_ms)]), *period)
    return Attendance(
        orchestrator=ran, broker=_spans(connection, Who.BROKER, _place(None), period, now_ms)
    )


def of_agent(
    connection: sqlite3.Connection, address: Address, period: Span, now_ms: int | None = None
) -> list[Span]:
    """Return when an agent was heard in a period, and the moment that it was heard first."""
    [first] = connection.execute(
        "SELECT min(from_ms) FROM attendance WHERE who = 'agent' AND site = ? AND device = ?",
        _place(address),
    ).fetchone()
    heard = _spans(connection, Who.AGENT, _place(address), period, now_ms)
    return heard if first is None else union([Span(first, first + 1)], heard)


def _place(address: Address | None) -> tuple[str, str]:
    return ("", "") if address is None else (address.site, address.device)


def _spans(
    connection: sqlite3.Connection,
    who: Who,
    place: tuple[str, str],
    period: Span,
    now_ms: int | None,
) -> list[Span]:
    rows = connection.execute(
        f"SELECT from_ms, coalesce(to_ms, ?, {_LAST}) AS until FROM attendance"  # noqa: S608 - our own text
        " WHERE who = ? AND site = ? AND device = ? AND from_ms < ? AND until > ?",
        (now_ms, who.value, *place, period.to_ms, period.from_ms),
    )
    return union(Span(first, last) for first, last in rows)
