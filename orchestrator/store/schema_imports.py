"""The tables of imported bookings (migration 11)."""

from __future__ import annotations

STATEMENTS = (
    # last_good_ms: when the source was last read as a whole, to the hour at least.
    """CREATE TABLE imports (
        source TEXT PRIMARY KEY,
        last_good_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    # uid, series: digests of the source's own ids, which may hold a mail address; digest: of
    # what the entry said. No row: not imported, or the source has it no longer.
    """CREATE TABLE imported (
        source TEXT NOT NULL,
        uid TEXT NOT NULL,
        series TEXT NOT NULL,
        digest TEXT NOT NULL,
        booking TEXT NOT NULL REFERENCES bookings (id),
        PRIMARY KEY (source, uid)
    ) WITHOUT ROWID""",
    "CREATE INDEX imported_by_booking ON imported (booking)",
)
