"""Making sessions and totals again from the event log, by the rules of today."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import tzinfo

from pydantic_core import from_json

from mqtt_schemas.codec import incoming
from orchestrator.domain.sessions import closed
from orchestrator.store import coverage, events, sessions, totals
from orchestrator.store.events import Logged
from orchestrator.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many events there were, and how many of them are set aside now."""

    events: int
    set_aside: int


def rebuild(connection: sqlite3.Connection, zone: tzinfo) -> Rebuilt:
    """Replace sessions and totals by what follows from the log. Work for `Database.write`."""
    closures = sessions.closures(connection)
    sessions.forget_all(connection)
    totals.forget_all(connection)
    coverage.forget_all(connection)
    number = last = set_aside = 0
    while page := events.page(connection, last):
        ledger = Ledger(connection, zone)
        for logged in page:
            for session, *seen in closures.get(logged.id, ()):
                _close(ledger, logged, session, seen)
            reason = ledger.take(logged.address, logged.log, incoming(from_json(logged.raw)))
            if reason != logged.reason:
                events.judge_again(connection, logged.id, reason)
            set_aside += reason is not None
        ledger.write()
        number += len(page)
        last = page[-1].id
    return Rebuilt(events=number, set_aside=set_aside)


def _close(ledger: Ledger, logged: Logged, session: str, seen: list[int]) -> None:
    """Close as we did then. By today's rules the session may not exist any more."""
    known = ledger.session(logged.address, session)
    if known is not None:
        ledger.replace(logged.address, logged.log, closed(known, *seen))
