"""What follows from events, within one transaction: read as needed, written once at its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import tzinfo

from mqtt_schemas.codec import Incoming
from mqtt_schemas.events import Observed
from mqtt_schemas.messages import Checkpoint
from mqtt_schemas.topics import Address
from orchestrator.domain import coverage, usage
from orchestrator.domain.sessions import (
    TELLING,
    Session,
    SessionState,
    apply,
    close,
    implausible,
)
from orchestrator.store import prints, sessions, totals
from orchestrator.store.coverage import CoverageLedger
from orchestrator.store.turns_seen import TurnsLedger

#: Site, device, session: hashed faster than an Address, at every event.
_Key = tuple[str, str, str]


class Ledger:
    """Sessions, totals, coverage and turns as they change.

    `changes` is what the totals gain by it; `turns` what is told of turns.
    """

    def __init__(self, connection: sqlite3.Connection, zone: tzinfo) -> None:
        self.changes = usage.no_totals()
        self.turns = TurnsLedger(connection)
        self._connection = connection
        self._zone = zone
        self._coverage = CoverageLedger(connection)
        self._known: dict[_Key, Session | None] = {}
        self._changed: dict[_Key, tuple[Address, int]] = {}

    def expect(self, address: Address, batch: Iterable[Incoming]) -> None:
        """Read what is known of the sessions in a batch, all at once."""
        named = {each.event.session for each in batch if each.event and each.event.session}
        unknown = [
            name for name in named if (address.site, address.device, name) not in self._known
        ]
        if unknown:
            known = sessions.load_all(self._connection, address, unknown)
            for name in unknown:
                self._known[address.site, address.device, name] = known.get(name)

    def take(self, address: Address, log: int, incoming: Incoming) -> str | None:
        """Take an event in. Returns why it is set aside instead, if so."""
        event = incoming.event
        if event is None:
            return incoming.reason
        if isinstance(event, Observed):
            return self._observe(address, event)
        reason = implausible(event)
        if reason is None and event.turn is not None:
            self.turns.take(address, event)
        if reason is not None or event.session is None or not isinstance(event, TELLING):
            return reason
        before = self._load(address, event.session)
        try:
            after = apply(before, event)
        except Exception as error:  # noqa: BLE001 - a rule that fails must not block the device
            return f"the rules failed on it: {type(error).__name__}"
        if after is not None and after != before:
            self._put(address, log, before, after)
        return None

    def _observe(self, address: Address, event: Observed) -> str | None:
        reason = coverage.implausible(event)
        if reason is None:
            self._coverage.take(address, event)
        return reason

    def close_open(
        self, address: Address, log: int, checkpoint: Checkpoint | None
    ) -> list[Session]:
        """Close what is open at a device, and return it as closed."""
        result = [close(each, checkpoint) for each in self._open(address)]
        for session in result:
            self.replace(address, log, session)
        return result

    def replace(self, address: Address, log: int, session: Session) -> None:
        """Set a session to what it is known to be."""
        self._put(address, log, self._load(address, session.id), session)

    def write(self) -> None:
        """Write what has changed."""
        rows = [
            (*where, session)
            for key, where in self._changed.items()
            if (session := self._known[key]) is not None
        ]
        if rows:
            sessions.save(self._connection, rows)
            prints.save(self._connection, ((address, session) for address, _, session in rows))
        totals.add(self._connection, self.changes)
        self._coverage.write()
        self.turns.write()

    def session(self, address: Address, session: str) -> Session | None:
        """Return a session as it is now."""
        return self._load(address, session)

    def _open(self, address: Address) -> list[Session]:
        for session in sessions.still_open(self._connection, address):
            self._known.setdefault((address.site, address.device, session.id), session)
        return [
            session
            for (site, device, _), session in self._known.items()
            if (site, device) == (address.site, address.device)
            and session is not None
            and session.state is SessionState.OPEN
        ]

    def _load(self, address: Address, session: str) -> Session | None:
        key = (address.site, address.device, session)
        if key not in self._known:
            self._known[key] = sessions.load(self._connection, address, session)
        return self._known[key]

    def _put(self, address: Address, log: int, before: Session | None, after: Session) -> None:
        usage.change(self.changes, address, before, after, self._zone)
        key = (address.site, address.device, after.id)
        self._known[key] = after
        self._changed[key] = address, log
