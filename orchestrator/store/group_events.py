"""Group events as rows, and who took part. Functions of a connection."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.topics import Address
from orchestrator.domain import group_events
from orchestrator.domain.group_events import Count, EventState, GroupEvent, Participants

_COLUMNS = (
    "id",
    "site",
    "label",
    "starts_ms",
    "ends_ms",
    "state",
    "target_group",
    "rotate",
    "buffer",
    "not_counted",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM group_events"  # noqa: S608 - our own names
_INSERT = (
    f"INSERT INTO group_events ({', '.join(_COLUMNS)}, created_ms)"  # noqa: S608 - our own names
    f" VALUES ({', '.join('?' * len(_COLUMNS))}, ?)"
)
_COUNTS = "event, at_ms, role, under_18, over_18, unknown, estimated, why"
_ADD_COUNT = f"INSERT INTO group_event_counts ({_COUNTS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
# By device: the sessions' key begins with it.
_SESSIONS = """
SELECT s.site, s.device, s.session, s.state, s.begun_ms, s.active_ms, s.idle_ms
FROM bookings b JOIN sessions s ON s.site = b.site AND s.device = b.device AND s.turn = b.id
WHERE b.event = ? ORDER BY s.begun_ms, s.site, s.device, s.session
"""


class EventSession(NamedTuple):
    """A session within an event's turn. Its party size, if any, is no participant of it."""

    address: Address
    session: str
    state: str
    begun_at: datetime
    active_ms: int
    idle_ms: int


def insert(connection: sqlite3.Connection, event: GroupEvent, *, created: datetime) -> None:
    """Keep a new event."""
    values = (
        event.id,
        event.site,
        event.label,
        ms_from_utc(event.starts_at),
        ms_from_utc(event.ends_at),
        event.state,
        event.target_group,
        event.rotate,
        event.buffer,
        event.not_counted,
        ms_from_utc(created),
    )
    connection.execute(_INSERT, values)


def change(connection: sqlite3.Connection, event: GroupEvent) -> None:
    """Keep what may change of an event: its end, its state, and whether it is counted."""
    connection.execute(
        "UPDATE group_events SET ends_ms = ?, state = ?, not_counted = ? WHERE id = ?",
        (ms_from_utc(event.ends_at), event.state, event.not_counted, event.id),
    )


def find(connection: sqlite3.Connection, event_id: str) -> GroupEvent | None:
    """Return the event of that id, or None."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (event_id,)).fetchone()
    return None if row is None else _event(row)


def between(
    connection: sqlite3.Connection, *, ends_after: datetime, starts_before: datetime
) -> list[GroupEvent]:
    """Return the events, cancelled ones too, that touch a span, by their start."""
    rows = connection.execute(
        f"{_SELECT} WHERE ends_ms > ? AND starts_ms < ? ORDER BY starts_ms, id",
        (ms_from_utc(ends_after), ms_from_utc(starts_before)),
    )
    return [_event(row) for row in rows]


def add_count(connection: sqlite3.Connection, event_id: str, count: Count) -> None:
    """Keep who took part, as it was told; what was told before stays."""
    values = (
        event_id,
        ms_from_utc(count.at),
        count.role,
        count.under_18,
        count.over_18,
        count.unknown,
        count.estimated,
        count.why,
    )
    connection.execute(_ADD_COUNT, values)


def counts_of(connection: sqlite3.Connection, events: Iterable[str]) -> dict[str, list[Count]]:
    """Return what was told of each event, oldest first; those of which nothing was are left out."""
    found: dict[str, list[Count]] = defaultdict(list)
    for event in events:
        rows = connection.execute(
            f"SELECT {_COUNTS} FROM group_event_counts WHERE event = ? ORDER BY id",  # noqa: S608 - our own names
            (event,),
        )
        for _, at_ms, role, under_18, over_18, unknown, estimated, why in rows:
            count = Count(
                at=utc_from_ms(at_ms),
                role=role,
                under_18=under_18,
                over_18=over_18,
                unknown=unknown,
                estimated=bool(estimated),
                why=why,
            )
            found[event].append(count)
    return dict(found)


def participants(
    connection: sqlite3.Connection, site: str, first: datetime, last: datetime
) -> list[Participants]:
    """Return the events of a site that start from `first` to before `last`, for a report.

    By their start, without those that were cancelled. Each once, with the figures that hold.
    """
    rows = connection.execute(
        f"{_SELECT} WHERE site = ? AND starts_ms >= ? AND starts_ms < ? AND state = ?"
        " ORDER BY starts_ms, id",
        (site, ms_from_utc(first), ms_from_utc(last), EventState.PLANNED),
    )
    events = [_event(row) for row in rows]
    told = counts_of(connection, (event.id for event in events))
    return [group_events.participants(event, told.get(event.id, [])) for event in events]


def sessions_of(connection: sqlite3.Connection, event_id: str) -> list[EventSession]:
    """Return the sessions that ran in an event's turns, by their begin."""
    rows = connection.execute(_SESSIONS, (event_id,))
    return [
        EventSession(Address(site, device), session, state, utc_from_ms(begun_ms), active, idle)
        for site, device, session, state, begun_ms, active, idle in rows
    ]


def _event(row: tuple[Any, ...]) -> GroupEvent:
    kept = dict(zip(_COLUMNS, row, strict=True))
    return GroupEvent(
        id=kept["id"],
        site=kept["site"],
        label=kept["label"],
        starts_at=utc_from_ms(kept["starts_ms"]),
        ends_at=utc_from_ms(kept["ends_ms"]),
        state=EventState(kept["state"]),
        target_group=kept["target_group"],
        rotate=kept["rotate"],
        buffer=kept["buffer"],
        not_counted=kept["not_counted"],
    )
