"""The tables of attended devices, and the totals by source (migration 13)."""

from __future__ import annotations

_CELL = "site, device, hour, target_group, basis, outcome, withdrawn"
_CELL_COLUMNS = """
    site TEXT NOT NULL,
    device TEXT NOT NULL,
    hour TEXT NOT NULL,
    target_group TEXT NOT NULL,
    basis TEXT NOT NULL,
    outcome TEXT NOT NULL,
    withdrawn INTEGER NOT NULL,
    source TEXT NOT NULL,
"""

STATEMENTS = (
    # The log that the orchestrator keeps for a device that has no agent. Its high water is in
    # `logs`, as that of an agent's is.
    """CREATE TABLE attended_logs (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        log TEXT NOT NULL,
        PRIMARY KEY (site, device)
    )""",
    # The turn in hand at such a device: at most one. boot_id, boot_ms: when it began, in
    # CLOCK_BOOTTIME; wall_ms: by the wall clock. by_plan_ms: the plan's end at which the
    # orchestrator ended it; staff may still say otherwise.
    """CREATE TABLE attended_turns (
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        turn TEXT NOT NULL,
        session TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        boot_ms INTEGER NOT NULL,
        wall_ms INTEGER NOT NULL,
        by_plan_ms INTEGER,
        PRIMARY KEY (site, device)
    )""",
    # What was asked with an id of the asker's, and which booking it was about. Kept some days.
    """CREATE TABLE desk_requests (
        id TEXT PRIMARY KEY,
        what TEXT NOT NULL,
        booking TEXT NOT NULL,
        at_ms INTEGER NOT NULL
    )""",
    # The turn that staff ended at once: its plan has no grace.
    "ALTER TABLE staff_words ADD COLUMN ended TEXT",
    # Totals by source. All use up to now was observed.
    "ALTER TABLE totals RENAME TO totals_7",
    f"""CREATE TABLE totals ({_CELL_COLUMNS}
        sessions INTEGER NOT NULL,
        parties INTEGER NOT NULL,
        people INTEGER NOT NULL,
        active_ms INTEGER NOT NULL,
        idle_ms INTEGER NOT NULL,
        unobserved_ms INTEGER NOT NULL,
        overrun_ms INTEGER NOT NULL,
        PRIMARY KEY ({_CELL}, source)
    )""",
    f"""INSERT INTO totals SELECT {_CELL}, 'observed', sessions, parties, people, active_ms,
        idle_ms, unobserved_ms, overrun_ms FROM totals_7""",  # noqa: S608 - our own names
    "DROP TABLE totals_7",
    "ALTER TABLE totals_parts RENAME TO totals_parts_7",
    f"""CREATE TABLE totals_parts ({_CELL_COLUMNS}
        part TEXT NOT NULL,
        name TEXT NOT NULL,
        amount INTEGER NOT NULL,
        PRIMARY KEY ({_CELL}, source, part, name)
    )""",
    f"""INSERT INTO totals_parts SELECT {_CELL}, 'observed', part, name, amount
        FROM totals_parts_7""",  # noqa: S608 - likewise
    "DROP TABLE totals_parts_7",
)
