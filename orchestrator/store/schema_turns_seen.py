"""The tables of what became of bookings, and of quotas (migration 9)."""

from __future__ import annotations

STATEMENTS = (
    # What devices reported of turns; of booked ones, and of those they made. Follows from the
    # log. ends_ms: only of a turn that the device made.
    """CREATE TABLE turns_seen (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        turn TEXT NOT NULL,
        source TEXT,
        opened_ms INTEGER,
        checked_in_ms INTEGER,
        started_ms INTEGER,
        ended_ms INTEGER,
        ends_ms INTEGER,
        PRIMARY KEY (site, device, turn)
    ) WITHOUT ROWID""",
    # Each wish for more time, once, in whichever log it came. answer: a code word; NULL until
    # there is one.
    """CREATE TABLE extensions_asked (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        turn TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        boot_ms INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        seconds INTEGER NOT NULL,
        answer TEXT,
        PRIMARY KEY (site, device, turn, boot_id, boot_ms)
    ) WITHOUT ROWID""",
    """CREATE INDEX extensions_unanswered ON extensions_asked (site, device, at_ms)
        WHERE answer IS NULL""",
    # A card's mark is an HMAC under the key of the turn's week; without the key it can't be
    # made again. Both go when the week has ended.
    """CREATE TABLE quota_keys (
        week TEXT PRIMARY KEY,
        key BLOB NOT NULL
    )""",
    """CREATE TABLE booking_quota (
        mark TEXT NOT NULL,
        booking TEXT NOT NULL,
        week TEXT NOT NULL,
        PRIMARY KEY (mark, booking)
    ) WITHOUT ROWID""",
    "CREATE INDEX booking_quota_by_week ON booking_quota (week)",
    """CREATE INDEX bookings_unfinished ON bookings (site, device, starts_ms)
        WHERE state IN ('booked', 'offered', 'checked_in')""",
    "CREATE INDEX bookings_by_end ON bookings (site, device, ends_ms, starts_ms, state)",
)
