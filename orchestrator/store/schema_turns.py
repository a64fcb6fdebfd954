"""The tables of booking windows (migration 7)."""

from __future__ import annotations

_BOOKINGS = (
    "purpose TEXT NOT NULL DEFAULT 'turn'",
    "booked_by TEXT NOT NULL DEFAULT 'staff'",
    "group_assumed INTEGER NOT NULL DEFAULT 0",
    "kind TEXT",
    "series TEXT",
    "event TEXT",
    "rotate INTEGER",
    "walk_in INTEGER NOT NULL DEFAULT 0",
    "over_closing INTEGER NOT NULL DEFAULT 0",
    "check_in TEXT NOT NULL DEFAULT 'none'",
    "code TEXT",
    "hold_until_ms INTEGER",
)

STATEMENTS = (
    *(f"ALTER TABLE bookings ADD COLUMN {column}" for column in _BOOKINGS),
    "CREATE INDEX bookings_by_series ON bookings (series) WHERE series IS NOT NULL",
    "CREATE INDEX bookings_by_event ON bookings (event) WHERE event IS NOT NULL",
    # What staff says of a device until they say otherwise. No row: nothing.
    # cleared: the session whose finished part was taken off it. notices: JSON.
    """CREATE TABLE staff_words (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        out_of_service TEXT,
        cleared TEXT,
        notices TEXT NOT NULL DEFAULT '[]',
        PRIMARY KEY (site, device)
    )""",
    # The staff's codes, by local day: the words, since the desk shows them. They open nothing
    # but devices, and only on their day.
    """CREATE TABLE staff_codes (
        site TEXT NOT NULL,
        day TEXT NOT NULL,
        words TEXT NOT NULL,
        code TEXT NOT NULL,
        PRIMARY KEY (site, day)
    )""",
    # Append-only. what: a code word; target: an id; why: a code word or a short text of staff's.
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        role TEXT NOT NULL,
        what TEXT NOT NULL,
        target TEXT NOT NULL,
        details TEXT NOT NULL,
        why TEXT
    )""",
    "CREATE INDEX audit_by_time ON audit (at_ms)",
    """CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_keeps BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
)
