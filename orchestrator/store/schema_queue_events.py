"""The tables of the queue and of group events (migration 10)."""

from __future__ import annotations

STATEMENTS = (
    # Who waits for a device of a kind. day: local; number: from 1 each day. booking: the turn
    # that was offered. code: of check-in; mark: of a quota (booking_quota); both only as long
    # as the number may still be offered a turn.
    """CREATE TABLE queue (
        site TEXT NOT NULL,
        kind TEXT NOT NULL,
        day TEXT NOT NULL,
        number INTEGER NOT NULL,
        joined_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        target_group TEXT,
        party_size INTEGER,
        booking TEXT,
        code TEXT,
        mark TEXT,
        PRIMARY KEY (site, kind, day, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX queue_at_hand ON queue (site, kind) WHERE state IN ('waiting', 'offered')",
    # label: a short one of staff's, that names nobody. buffer: seconds kept free after it, NULL:
    # each device's own. why: it is not counted; NULL: it is.
    """CREATE TABLE group_events (
        id TEXT PRIMARY KEY,
        site TEXT NOT NULL,
        label TEXT NOT NULL,
        starts_ms INTEGER NOT NULL,
        ends_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        target_group TEXT,
        rotate INTEGER,
        buffer INTEGER,
        not_counted TEXT,
        created_ms INTEGER NOT NULL
    )""",
    "CREATE INDEX group_events_by_start ON group_events (site, starts_ms)",
    # Who took part, as it was told; the last one holds. Append-only. why: of a correction.
    """CREATE TABLE group_event_counts (
        id INTEGER PRIMARY KEY,
        event TEXT NOT NULL REFERENCES group_events (id),
        at_ms INTEGER NOT NULL,
        role TEXT NOT NULL,
        under_18 INTEGER NOT NULL,
        over_18 INTEGER NOT NULL,
        unknown INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        why TEXT
    )""",
    "CREATE INDEX group_event_counts_by_event ON group_event_counts (event, id)",
    """CREATE TRIGGER group_event_counts_are_append_only BEFORE UPDATE ON group_event_counts
        BEGIN SELECT RAISE(ABORT, 'counts are corrected by another row'); END""",
    """CREATE TRIGGER group_event_counts_stay BEFORE DELETE ON group_event_counts
        BEGIN SELECT RAISE(ABORT, 'counts are corrected by another row'); END""",
)
