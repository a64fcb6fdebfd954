"""The queue as rows. Functions of a connection, for `Database.write` and `Database.read`."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date
from typing import Any

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.plan import HashedCode
from orchestrator.domain.queue import Ticket, TicketState

_COLUMNS = (
    "site",
    "kind",
    "day",
    "number",
    "joined_ms",
    "state",
    "target_group",
    "party_size",
    "booking",
    "code",
    "mark",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM queue"  # noqa: S608 - our own names
_INSERT = f"INSERT INTO queue ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
_AT_HAND = "state IN ('waiting', 'offered')"
#: The index's own words again, so that it is used.
_WAITING = (
    "SELECT count(*) FROM queue WHERE site = ? AND kind = ?"  # noqa: S608 - our own words
    f" AND {_AT_HAND} AND state = 'waiting'"
)
_KEY = "site = ? AND kind = ? AND day = ? AND number = ?"


def waiting(connection: sqlite3.Connection, site: str, kind: str) -> int:
    """Return how many numbers wait for a device of a kind at a site.

    Those who are offered a turn wait no more.
    """
    return int(connection.execute(_WAITING, (site, kind)).fetchone()[0])


def at_hand(connection: sqlite3.Connection, site: str, kind: str) -> list[Ticket]:
    """Return the numbers that wait or are offered a turn, in the order in which they came."""
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND kind = ? AND {_AT_HAND} ORDER BY day, number", (site, kind)
    )
    return [_ticket(row) for row in rows]


def lines(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the sites and kinds that somebody waits for, or is offered a turn of."""
    rows = connection.execute(
        f"SELECT DISTINCT site, kind FROM queue WHERE {_AT_HAND} ORDER BY site, kind"  # noqa: S608 - our own words
    )
    return list(rows)


def find(
    connection: sqlite3.Connection, site: str, kind: str, day: date, number: int
) -> Ticket | None:
    """Return a number of a day, or None."""
    row = connection.execute(
        f"{_SELECT} WHERE {_KEY}", (site, kind, day.isoformat(), number)
    ).fetchone()
    return None if row is None else _ticket(row)


def next_number(connection: sqlite3.Connection, site: str, kind: str, day: date) -> int:
    """Return the first number of a day that nobody had."""
    (number,) = connection.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM queue WHERE site = ? AND kind = ? AND day = ?",
        (site, kind, day.isoformat()),
    ).fetchone()
    return int(number)


def insert(connection: sqlite3.Connection, ticket: Ticket) -> None:
    """Keep a new number."""
    values = (
        ticket.site,
        ticket.kind,
        ticket.day.isoformat(),
        ticket.number,
        ms_from_utc(ticket.joined_at),
        ticket.state,
        ticket.target_group,
        ticket.party_size,
        ticket.booking,
        None if ticket.code is None else ticket.code.model_dump_json(),
        ticket.mark,
    )
    connection.execute(_INSERT, values)


def move(
    connection: sqlite3.Connection, ticket: Ticket, state: TicketState, booking: str | None = None
) -> Ticket:
    """Give a number another state. Returns it as it is then.

    One that waits again has no turn. Once nothing more can be offered to it, what the customer
    was known by goes.
    """
    held = None if state is TicketState.WAITING else booking or ticket.booking
    moved = replace(ticket, state=state, booking=held)
    done = state not in (TicketState.WAITING, TicketState.OFFERED)
    if done:
        moved = replace(moved, code=None, mark=None)
    connection.execute(
        f"UPDATE queue SET state = ?, booking = ?, code = ?, mark = ? WHERE {_KEY}",  # noqa: S608 - our own words
        (
            moved.state,
            moved.booking,
            None if moved.code is None else moved.code.model_dump_json(),
            moved.mark,
            ticket.site,
            ticket.kind,
            ticket.day.isoformat(),
            ticket.number,
        ),
    )
    return moved


def out_of_service(connection: sqlite3.Connection, site: str) -> set[str]:
    """Return the devices of a site that staff took out of service."""
    rows = connection.execute(
        "SELECT device FROM staff_words WHERE site = ? AND out_of_service IS NOT NULL", (site,)
    )
    return {device for (device,) in rows}


def _ticket(row: tuple[Any, ...]) -> Ticket:
    kept = dict(zip(_COLUMNS, row, strict=True))
    code = kept["code"]
    return Ticket(
        site=kept["site"],
        kind=kept["kind"],
        day=date.fromisoformat(kept["day"]),
        number=kept["number"],
        joined_at=utc_from_ms(kept["joined_ms"]),
        state=TicketState(kept["state"]),
        target_group=kept["target_group"],
        party_size=kept["party_size"],
        booking=kept["booking"],
        code=None if code is None else HashedCode.model_validate_json(code),
        mark=kept["mark"],
    )
