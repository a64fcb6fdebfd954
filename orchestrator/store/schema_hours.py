"""The table of imported opening hours (migration 8)."""

from __future__ import annotations

STATEMENTS = (
    # Local days. spans: JSON, [[from, to, staffed], …] in seconds by the clock on the wall;
    # [] is closed. source: `kirkanta` or `ics`.
    """CREATE TABLE imported_hours (
        site TEXT NOT NULL,
        day TEXT NOT NULL,
        spans TEXT NOT NULL,
        note TEXT,
        source TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (site, day)
    ) WITHOUT ROWID""",
)
