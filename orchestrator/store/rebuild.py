"""Making sessions and totals again from the event log, by the rules of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from pydantic_core import from_json

from mqtt_schemas.codec import incoming
from mqtt_schemas.topics import Address
from orchestrator.domain.sessions import closed
from orchestrator.domain.usage import DeviceUsage, by_device
from orchestrator.store import coverage, events, prints, sessions, silences, totals, turns_seen
from orchestrator.store.events import Logged
from orchestrator.store.ledger import Ledger

#: Gets how many events are done, and how many there are.
Progress = Callable[[int, int], None]

_KEEP = "CREATE TEMP TABLE before AS SELECT * FROM main.sessions"
_CHANGED = """
SELECT count(*) FROM (
    SELECT site, device, session FROM (
        SELECT * FROM main.sessions EXCEPT SELECT * FROM temp.before
    )
    UNION
    SELECT site, device, session FROM (
        SELECT * FROM temp.before EXCEPT SELECT * FROM main.sessions
    )
)
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of it.

    events: how many there are. set_aside: how many of them are so now. understood: how many
    were, and are so no longer. changed: sessions that are not as they were before. before,
    after: what each device's use was, and is.
    """

    events: int
    set_aside: int
    understood: int = 0
    changed: int = 0
    before: dict[Address, DeviceUsage] = field(default_factory=dict, compare=False)
    after: dict[Address, DeviceUsage] = field(default_factory=dict, compare=False)


def rebuild(
    connection: sqlite3.Connection, zone: tzinfo, progress: Progress = lambda _, __: None
) -> Rebuilt:
    """Replace sessions and totals by what follows from the log. Work for `Database.write`."""
    before = by_device(totals.read(connection))
    connection.execute("DROP TABLE IF EXISTS temp.before")
    connection.execute(_KEEP)
    rebuilt = _replay(connection, zone, progress)
    [changed] = connection.execute(_CHANGED).fetchone()
    connection.execute("DROP TABLE temp.before")
    return Rebuilt(
        events=rebuilt.events,
        set_aside=rebuilt.set_aside,
        understood=rebuilt.understood,
        changed=changed,
        before=before,
        after=by_device(totals.read(connection)),
    )


def _replay(connection: sqlite3.Connection, zone: tzinfo, progress: Progress) -> Rebuilt:
    closures = sessions.closures(connection)
    silent = silences.by_event(connection)
    all_events = events.number(connection)
    prints.forget(connection)
    sessions.forget_all(connection)
    totals.forget_all(connection)
    coverage.forget_all(connection)
    turns_seen.forget_all(connection)
    number = last = set_aside = understood = 0
    while page := events.page(connection, last):
        ledger = Ledger(connection, zone)
        for logged in page:
            for session, *seen in closures.get(logged.id, ()):
                _close(ledger, logged, session, seen)
            reason = ledger.take(logged.address, logged.log, incoming(from_json(logged.raw)))
            if reason != logged.reason:
                events.judge_again(connection, logged.id, reason)
            set_aside += reason is not None
            understood += reason is None and logged.reason is not None
            for silence in silent.get(logged.id, ()):
                silences.close_again(ledger, silence)
        ledger.write()
        number += len(page)
        last = page[-1].id
        progress(number, all_events)
    return Rebuilt(events=number, set_aside=set_aside, understood=understood)


def _close(ledger: Ledger, logged: Logged, session: str, seen: list[int]) -> None:
    """Close as we did then. By today's rules the session may not exist any more."""
    known = ledger.session(logged.address, session)
    if known is not None:
        ledger.replace(logged.address, logged.log, closed(known, *seen))
