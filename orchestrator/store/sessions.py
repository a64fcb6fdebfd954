"""Sessions, one row each, and the closures that no device told of."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.topics import Address
from orchestrator.domain.sessions import ClockSource, Session, SessionState

_COLUMNS = """session, state, rule, basis, begun_ms, clock, turn, target_group, party_size,
    ended_ms, outcome, at_checkpoint, active_ms, idle_ms, unobserved_ms, overrun_ms,
    categories, figures"""

_SAVE = f"""
INSERT INTO sessions (site, device, log, {_COLUMNS})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device, session) DO UPDATE SET
    log = excluded.log, state = excluded.state, rule = excluded.rule, basis = excluded.basis,
    begun_ms = excluded.begun_ms, clock = excluded.clock, turn = excluded.turn,
    target_group = excluded.target_group, party_size = excluded.party_size,
    ended_ms = excluded.ended_ms, outcome = excluded.outcome,
    at_checkpoint = excluded.at_checkpoint, active_ms = excluded.active_ms,
    idle_ms = excluded.idle_ms, unobserved_ms = excluded.unobserved_ms,
    overrun_ms = excluded.overrun_ms, categories = excluded.categories,
    figures = excluded.figures
"""  # noqa: S608 - no value of anybody's in it

_LOAD = f"SELECT {_COLUMNS} FROM sessions WHERE site = ? AND device = ? AND session = ?"  # noqa: S608 - likewise
_OPEN = f"""
SELECT {_COLUMNS} FROM sessions WHERE site = ? AND device = ? AND state = 'open'
ORDER BY begun_ms, session
"""  # noqa: S608 - likewise
_ALL = f"SELECT site, device, {_COLUMNS} FROM sessions ORDER BY site, device, session"  # noqa: S608 - likewise


def load(connection: sqlite3.Connection, address: Address, session: str) -> Session | None:
    """Return a session by its id."""
    row = connection.execute(_LOAD, (address.site, address.device, session)).fetchone()
    return None if row is None else _from_row(row)


def load_all(
    connection: sqlite3.Connection, address: Address, sessions: Collection[str]
) -> dict[str, Session]:
    """Return those of a device's sessions that are known, by id, in one query."""
    places = ", ".join("?" * len(sessions))
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM sessions WHERE site = ? AND device = ? AND session IN ({places})",  # noqa: S608 - likewise
        (address.site, address.device, *sessions),
    )
    return {row[0]: _from_row(row) for row in rows}


def still_open(connection: sqlite3.Connection, address: Address) -> list[Session]:
    """Return a device's open sessions, by begin."""
    rows = connection.execute(_OPEN, (address.site, address.device))
    return [_from_row(row) for row in rows]


def everything(connection: sqlite3.Connection) -> list[tuple[Address, Session]]:
    """Return all sessions, by device and id."""
    rows = connection.execute(_ALL)
    return [(Address(site, device), _from_row(row)) for site, device, *row in rows]


def save(connection: sqlite3.Connection, sessions: Iterable[tuple[Address, int, Session]]) -> None:
    """Write sessions, each with the row of the log that last told of it."""
    connection.executemany(_SAVE, [_to_row(*each) for each in sessions])


def forget_all(connection: sqlite3.Connection) -> None:
    """Delete every session, to make them again from the log."""
    connection.execute("DELETE FROM sessions")


def record_closures(
    connection: sqlite3.Connection, closures: Iterable[tuple[int, Session]]
) -> None:
    """Record which sessions were closed just before which event was taken in."""
    connection.executemany(
        "INSERT INTO closures VALUES (?, ?, ?, ?, ?)",
        [
            (event, session.id, session.active_ms, session.idle_ms, session.unobserved_ms)
            for event, session in closures
        ],
    )


def closures(connection: sqlite3.Connection) -> dict[int, list[tuple[str, int, int, int]]]:
    """Return by event what was closed before it: session, active, idle, unobserved ms."""
    result: dict[int, list[tuple[str, int, int, int]]] = {}
    rows = connection.execute(
        "SELECT event, session, active_ms, idle_ms, unobserved_ms FROM closures ORDER BY event"
    )
    for event, *closure in rows:
        session, active, idle, unobserved = closure
        result.setdefault(event, []).append((session, active, idle, unobserved))
    return result


def _to_row(address: Address, log: int, session: Session) -> tuple[object, ...]:
    return (
        address.site,
        address.device,
        log,
        session.id,
        str(session.state),
        session.rule,
        str(session.basis),
        session.begun_ms,
        str(session.clock),
        session.turn,
        session.target_group,
        session.party_size,
        session.ended_ms,
        None if session.outcome is None else str(session.outcome),
        session.at_checkpoint,
        session.active_ms,
        session.idle_ms,
        session.unobserved_ms,
        session.overrun_ms,
        to_json(dict(session.categories)).decode(),
        to_json(dict(session.figures)).decode(),
    )


def _from_row(row: Sequence[Any]) -> Session:
    return Session(
        id=row[0],
        state=SessionState(row[1]),
        rule=row[2],
        basis=Basis(row[3]),
        begun_ms=row[4],
        clock=ClockSource(row[5]),
        turn=row[6],
        target_group=row[7],
        party_size=row[8],
        ended_ms=row[9],
        outcome=None if row[10] is None else Outcome(row[10]),
        at_checkpoint=bool(row[11]),
        active_ms=row[12],
        idle_ms=row[13],
        unobserved_ms=row[14],
        overrun_ms=row[15],
        categories=from_json(row[16]),
        figures=from_json(row[17]),
    )
