"""Turns in hand at attended devices, and the logs kept for these; functions of a connection.

Their events go through the same intake as an agent's: chained, counted once, rebuilt the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from pydantic_core import from_json

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.codec import event_bytes, incoming
from mqtt_schemas.events import EventBody
from mqtt_schemas.topics import Address
from orchestrator.domain.attended import InHand, Moment
from orchestrator.domain.sequence import empty
from orchestrator.store import logs
from orchestrator.store.intake import Batch, Taken, take_in

#: A request may be repeated so long.
REQUESTS_KEPT = timedelta(days=7)

_COLUMNS = "site, device, turn, session, boot_id, boot_ms, wall_ms, by_plan_ms"
_PUT = f"INSERT OR REPLACE INTO attended_turns ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
_SELECT = f"SELECT {_COLUMNS} FROM attended_turns"  # noqa: S608 - likewise


def append(
    connection: sqlite3.Connection,
    address: Address,
    bodies: Iterable[EventBody],
    *,
    new_log: Callable[[], str],
    now_ms: int,
    zone: tzinfo,
) -> Taken:
    """Log events of a device, with all that follows from them. For `Ingest.keep` after the commit.

    new_log: makes the log's UUID where the device has none yet.
    """
    name = _log_of(connection, address, new_log)
    log = logs.find(connection, address, name)
    seq, tip = log.water if log else empty(name)
    events = []
    for body in bodies:
        event = incoming(from_json(event_bytes(seq + 1, tip, body)))
        events.append(event)
        seq, tip = event.seq, event.chain
    batch = Batch(address, name, tuple(events))
    return take_in(connection, batches=[batch], now_ms=now_ms, zone=zone)


def in_hand(connection: sqlite3.Connection, address: Address) -> InHand | None:
    """Return the turn in hand at a device, or None."""
    row = connection.execute(
        f"{_SELECT} WHERE site = ? AND device = ?", (address.site, address.device)
    ).fetchone()
    return None if row is None else _in_hand(*row)


def all_in_hand(connection: sqlite3.Connection) -> dict[Address, InHand]:
    """Return the turns in hand at all devices."""
    found = [_in_hand(*row) for row in connection.execute(_SELECT)]
    return {each.address: each for each in found}


def put(connection: sqlite3.Connection, turn: InHand) -> None:
    """Keep the turn in hand at its device, in the place of the one before."""
    began = turn.began
    ended_ms = None if turn.by_plan is None else ms_from_utc(turn.by_plan)
    values = (turn.turn, turn.session, began.boot_id, began.boot_ms, began.wall_ms, ended_ms)
    connection.execute(_PUT, (turn.address.site, turn.address.device, *values))


def drop(connection: sqlite3.Connection, address: Address) -> None:
    """Forget the turn in hand at a device: it is over."""
    connection.execute(
        "DELETE FROM attended_turns WHERE site = ? AND device = ?", (address.site, address.device)
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked under an id of the asker's, and the booking that it was about."""

    id: str
    what: str
    booking: str


def asked(connection: sqlite3.Connection, request: str) -> Request | None:
    """Return what was asked before under an id, or None."""
    row = connection.execute(
        "SELECT id, what, booking FROM desk_requests WHERE id = ?", (request,)
    ).fetchone()
    return None if row is None else Request(*row)


def keep_request(connection: sqlite3.Connection, request: Request, *, now: datetime) -> None:
    """Keep what was asked and done, and forget what is old."""
    old_ms = ms_from_utc(now) - REQUESTS_KEPT // timedelta(milliseconds=1)
    connection.execute("DELETE FROM desk_requests WHERE at_ms < ?", (old_ms,))
    connection.execute(
        "INSERT INTO desk_requests (id, what, booking, at_ms) VALUES (?, ?, ?, ?)",
        (request.id, request.what, request.booking, ms_from_utc(now)),
    )


def _log_of(connection: sqlite3.Connection, address: Address, new_log: Callable[[], str]) -> str:
    connection.execute(
        "INSERT OR IGNORE INTO attended_logs (site, device, log) VALUES (?, ?, ?)",
        (address.site, address.device, new_log()),
    )
    [name] = connection.execute(
        "SELECT log FROM attended_logs WHERE site = ? AND device = ?",
        (address.site, address.device),
    ).fetchone()
    return str(name)


def _in_hand(
    site: str,
    device: str,
    turn: str,
    session: str,
    boot_id: str,
    boot_ms: int,
    wall_ms: int,
    by_plan_ms: int | None,
) -> InHand:
    ended_at = None if by_plan_ms is None else utc_from_ms(by_plan_ms)
    began = Moment(wall_ms, boot_id, boot_ms)
    return InHand(Address(site, device), turn, session, began, ended_at)
