"""The table of finished prints (migration 12)."""

from __future__ import annotations

STATEMENTS = (
    # Follows from sessions, and outlives them: how long prints take on a device is learnt from
    # its newest ones, however long ago they were. Names nobody and no file.
    """CREATE TABLE prints (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        session TEXT NOT NULL,
        ended_ms INTEGER NOT NULL,
        estimated_ms INTEGER NOT NULL,
        actual_ms INTEGER NOT NULL,
        PRIMARY KEY (site, device, session)
    ) WITHOUT ROWID""",
    "CREATE INDEX prints_by_end ON prints (site, device, ended_ms)",
)
