"""What devices reported of turns, as rows; within the transaction of the events.

A turn that a device began by itself becomes a booking, if it is in no other's way.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.events import (
    CheckedIn,
    Ended,
    Event,
    ExtensionRequested,
    Started,
    TurnOpened,
    TurnSource,
)
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import BookedBy, Booking, BookingState
from orchestrator.domain.sessions import occurred_ms
from orchestrator.domain.turn_states import Seen
from orchestrator.store import audit, bookings

_KEEP = """
INSERT INTO turns_seen
    (site, device, turn, source, opened_ms, checked_in_ms, started_ms, ended_ms, ends_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device, turn) DO UPDATE SET
    source = coalesce(source, excluded.source),
    opened_ms = min(coalesce(opened_ms, excluded.opened_ms),
                    coalesce(excluded.opened_ms, opened_ms)),
    checked_in_ms = min(coalesce(checked_in_ms, excluded.checked_in_ms),
                        coalesce(excluded.checked_in_ms, checked_in_ms)),
    started_ms = min(coalesce(started_ms, excluded.started_ms),
                     coalesce(excluded.started_ms, started_ms)),
    ended_ms = max(coalesce(ended_ms, excluded.ended_ms),
                   coalesce(excluded.ended_ms, ended_ms)),
    ends_ms = coalesce(ends_ms, excluded.ends_ms)
"""
_LOAD = """
SELECT turn, source, opened_ms, checked_in_ms, started_ms, ended_ms, ends_ms FROM turns_seen
WHERE site = ? AND device = ? AND turn IN (SELECT value FROM json_each(?))
"""
_ASK = """
INSERT OR IGNORE INTO extensions_asked
    (site, device, turn, boot_id, boot_ms, at_ms, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_UNANSWERED = """
SELECT turn, boot_id, boot_ms, at_ms, seconds FROM extensions_asked
WHERE site = ? AND device = ? AND answer IS NULL ORDER BY at_ms
"""
_ANSWER = """
UPDATE extensions_asked SET answer = ?
WHERE site = ? AND device = ? AND turn = ? AND boot_id = ? AND boot_ms = ? AND answer IS NULL
"""
#: 9999-12-30, as of sessions: beyond it arithmetic breaks.
_LATEST_MS = 253_402_128_000_000
_TELLING = (TurnOpened, CheckedIn, ExtensionRequested, Started, Ended)
_OWN = (TurnSource.WALK_IN, TurnSource.STAFF_CODE)


#: Site, device, turn: hashed faster than an Address, at every event of a turn.
_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Turn:
    source: str | None = None
    opened_ms: int | None = None
    checked_in_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A customer's wish for more time, told once by (turn, boot_id, boot_ms)."""

    address: Address
    turn: str
    boot_id: str
    boot_ms: int
    at: datetime
    seconds: int


@dataclass(slots=True)
class TurnsLedger:
    """What a transaction's events tell of turns.

    touched: the devices that told what can't wait until the turn is over. booked: those with a
    new booking of their own, once written.
    """

    connection: sqlite3.Connection
    touched: set[Address] = field(default_factory=set)
    booked: set[Address] = field(default_factory=set)
    _turns: dict[_Key, _Turn] = field(default_factory=dict)
    _asked: list[tuple[Any, ...]] = field(default_factory=list)
    _begun: list[Booking] = field(default_factory=list)

    def take(self, address: Address, event: Event) -> None:
        """Take in what an event tells of its turn, if anything."""
        if event.turn is None or not isinstance(event, _TELLING):
            return
        at_ms = occurred_ms(event)
        if not 0 <= at_ms <= _LATEST_MS:
            return
        key = (address.site, address.device, event.turn)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = _Turn()
        if isinstance(event, Started):
            turn.started_ms = _earlier(turn.started_ms, at_ms)
        elif isinstance(event, Ended):
            turn.ended_ms = max(turn.ended_ms or 0, at_ms)
        else:
            self._take_word(address, turn, event, at_ms)

    def _take_word(
        self,
        address: Address,
        turn: _Turn,
        event: TurnOpened | CheckedIn | ExtensionRequested,
        at_ms: int,
    ) -> None:
        self.touched.add(address)
        if isinstance(event, CheckedIn):
            turn.checked_in_ms = _earlier(turn.checked_in_ms, at_ms)
        elif isinstance(event, TurnOpened):
            self._open(address, turn, event, at_ms)
        else:
            boot = (event.boot_id, event.boot_ms)
            asked = (address.site, address.device, event.turn, *boot, at_ms, event.seconds)
            self._asked.append(asked)

    def write(self) -> None:
        """Write what was told. The ledger is not used any more then."""
        if self._turns:
            rows = [
                (
                    *key,
                    turn.source,
                    turn.opened_ms,
                    turn.checked_in_ms,
                    turn.started_ms,
                    turn.ended_ms,
                    turn.ends_ms,
                )
                for key, turn in self._turns.items()
            ]
            self.connection.executemany(_KEEP, rows)
        if self._asked:
            self.connection.executemany(_ASK, self._asked)
        for booking in self._begun:
            self._book(booking)

    def _open(self, address: Address, turn: _Turn, event: TurnOpened, at_ms: int) -> None:
        turn.opened_ms = _earlier(turn.opened_ms, at_ms)
        turn.source = turn.source or event.source.value
        if event.ends_at is None or event.source not in _OWN or event.turn is None:
            return
        turn.ends_ms = ms_from_utc(event.ends_at)
        if turn.ends_ms <= at_ms:
            return
        self._begun.append(
            Booking(
                id=event.turn,
                address=address,
                starts_at=utc_from_ms(at_ms),
                ends_at=event.ends_at,
                target_group=event.target_group,
                party_size=event.party_size,
                state=BookingState.CHECKED_IN,
                by=BookedBy.DEVICE,
                group_assumed=event.group_assumed,
                walk_in=event.source is TurnSource.WALK_IN,
            )
        )

    def _book(self, booking: Booking) -> None:
        """Keep a device's own turn as a booking, once, where none is in its way."""
        rows = self.connection
        if bookings.find(rows, booking.id) is not None:
            return
        if bookings.touching(rows, booking.address, booking.starts_at, booking.ends_at):
            return
        bookings.insert(rows, booking, created=booking.starts_at)
        self.booked.add(booking.address)
        what = "walk_in_begun" if booking.walk_in else "staff_code_used"
        audit.record(
            rows,
            audit.Entry(
                at=booking.starts_at,
                role="device",
                what=what,
                target=booking.id,
                details={"device": str(booking.address)},
            ),
        )


def of_turns(
    connection: sqlite3.Connection, address: Address, turns: Iterable[str]
) -> dict[str, Seen]:
    """Return what a device reported of turns; those of which it reported nothing are left out."""
    rows = connection.execute(_LOAD, (address.site, address.device, json.dumps(list(turns))))
    return {
        turn: Seen(
            source=None if source is None else TurnSource(source),
            opened_at=_time(opened_ms),
            checked_in_at=_time(checked_in_ms),
            started_at=_time(started_ms),
            ended_at=_time(ended_ms),
            ends_at=_time(ends_ms),
        )
        for turn, source, opened_ms, checked_in_ms, started_ms, ended_ms, ends_ms in rows
    }


def unanswered(connection: sqlite3.Connection, address: Address) -> list[Asked]:
    """Return the wishes for more time at a device that nobody has answered."""
    rows = connection.execute(_UNANSWERED, (address.site, address.device))
    return [
        Asked(address, turn, boot_id, boot_ms, utc_from_ms(at_ms), seconds)
        for turn, boot_id, boot_ms, at_ms, seconds in rows
    ]


def answer(connection: sqlite3.Connection, asked: Asked, word: str) -> bool:
    """Keep the answer to a wish. Returns whether it was the first."""
    key = (asked.address.site, asked.address.device, asked.turn, asked.boot_id, asked.boot_ms)
    return connection.execute(_ANSWER, (word, *key)).rowcount == 1


def forget_all(connection: sqlite3.Connection) -> None:
    """Forget what follows from the log. Answers do not, so wishes are kept."""
    connection.execute("DELETE FROM turns_seen")


def _earlier(known: int | None, at_ms: int) -> int:
    return at_ms if known is None else min(known, at_ms)


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else utc_from_ms(milliseconds)
