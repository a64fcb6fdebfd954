"""Sessions that the orchestrator closed though no event came, and the record of it for rebuilds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from mqtt_schemas.messages import Checkpoint
from mqtt_schemas.topics import Address
from orchestrator.domain.sessions import STAFF_RULES, SessionState, close, closed
from orchestrator.domain.silence import Reason
from orchestrator.domain.usage import Totals
from orchestrator.store import counters, events
from orchestrator.store.counters import CLOSED, Counted, Counts
from orchestrator.store.ledger import Ledger

_OPEN = """
SELECT sessions.site, sessions.device, sessions.session, sessions.log
FROM sessions WHERE state = 'open' AND rule NOT GLOB ? ORDER BY site, device, begun_ms, session
"""


class Open(NamedTuple):
    """An open session, and the row of the log that told of it."""

    address: Address
    session: str
    log: int


@dataclass(frozen=True, slots=True)
class Closing:
    """A session that is to be closed, at its device's last checkpoint."""

    open: Open
    checkpoint: Checkpoint | None
    reason: Reason


class Silence(NamedTuple):
    """A session that was closed. Durations in milliseconds."""

    address: Address
    log: int
    session: str
    active_ms: int
    idle_ms: int
    unobserved_ms: int


def still_open(connection: sqlite3.Connection) -> list[Open]:
    """Return all open sessions that a device is to end, by device: not those of staff's word."""
    rows = connection.execute(_OPEN, (f"{STAFF_RULES}*",))
    return [Open(Address(site, device), session, log) for site, device, session, log in rows]


def close_silent(
    connection: sqlite3.Connection, closings: Iterable[Closing], *, now_ms: int, zone: tzinfo
) -> tuple[Totals, Counts]:
    """Close sessions that are still open; return what totals and counters gain by it."""
    ledger, counts = Ledger(connection, zone), Counts()
    after = events.next_id(connection) - 1
    for closing in closings:
        address, name, log = closing.open
        session = ledger.session(address, name)
        if session is None or session.state is not SessionState.OPEN:
            continue
        session = close(session, closing.checkpoint)
        ledger.replace(address, log, session)
        silence = Silence(
            address, log, name, session.active_ms, session.idle_ms, session.unobserved_ms
        )
        _record(connection, silence, after=after, reason=closing.reason, now_ms=now_ms)
        counts[Counted(CLOSED, closing.reason, address.site, address.device)] += 1
    ledger.write()
    counters.add(connection, counts)
    return ledger.changes, counts


def by_event(connection: sqlite3.Connection) -> dict[int, list[Silence]]:
    """Return what was closed, by the event just after which it was."""
    rows = connection.execute(
        """SELECT after_event, site, device, logs.id, session, active_ms, idle_ms, unobserved_ms
           FROM silences JOIN logs ON logs.id = silences.log ORDER BY silences.id"""
    )
    result: dict[int, list[Silence]] = {}
    for event, site, device, *rest in rows:
        result.setdefault(event, []).append(Silence(Address(site, device), *rest))
    return result


def close_again(ledger: Ledger, silence: Silence) -> None:
    """Close as we did then. By today's rules the session may be no longer open, or not at all."""
    session = ledger.session(silence.address, silence.session)
    if session is not None and session.state is SessionState.OPEN:
        seen = (silence.active_ms, silence.idle_ms, silence.unobserved_ms)
        ledger.replace(silence.address, silence.log, closed(session, *seen))


def _record(
    connection: sqlite3.Connection, silence: Silence, *, after: int, reason: Reason, now_ms: int
) -> None:
    _, log, *told = silence
    connection.execute(
        """INSERT INTO silences (after_event, log, session, active_ms, idle_ms, unobserved_ms,
               reason, closed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (after, log, *told, reason, now_ms),
    )
