"""The schema, as it grew. Each migration is one transaction; a released one is never edited.

Times are whole milliseconds since 1970 in UTC, `…_ms`; durations are milliseconds of boot time.
"""

from __future__ import annotations

import sqlite3
import uuid

from sqlite_utils import Database as Administered
from sqlite_utils import Migrations

from orchestrator.store import (
    schema_attended,
    schema_hours,
    schema_imports,
    schema_prints,
    schema_queue_events,
    schema_turns,
    schema_turns_seen,
)
from orchestrator.store.errors import DatabaseUnusable

migrations = Migrations("laitevuoro")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises DatabaseUnusable if the file is newer than we are."""
    applied(connection)
    migrations.apply(Administered(connection))


def applied(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the migrations that a file has; none where it is not ours.

    Raises DatabaseUnusable if the file is newer than we are.
    """
    found = {migration.name for migration in migrations.applied(Administered(connection))}
    newer = sorted(found - _names())
    if newer:
        raise DatabaseUnusable(
            f"it was written by a newer version of Laitevuoro ({newer[-1]} is unknown here)."
        )
    return frozenset(found)


def _names() -> set[str]:
    empty = Administered(memory=True)
    try:
        return {migration.name for migration in migrations.pending(empty)}
    finally:
        empty.close()


@migrations()
def m0001_event_log(database: Administered) -> None:
    """Make the truth: what each device reported, in the order in which it was accepted."""
    _all(
        database,
        # seq and chain: the high water, the newest committed event of that history.
        # Keyed by device too: nobody can spoil another's log by using its UUID.
        """CREATE TABLE logs (
            id INTEGER PRIMARY KEY,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            log TEXT NOT NULL,
            seq INTEGER NOT NULL,
            chain TEXT NOT NULL,
            opened_ms INTEGER NOT NULL,
            UNIQUE (site, device, log)
        )""",
        # reason: why the event is set aside; NULL where it was understood.
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL REFERENCES logs (id),
            seq INTEGER NOT NULL,
            received_ms INTEGER NOT NULL,
            reason TEXT,
            raw TEXT NOT NULL
        )""",
        "CREATE UNIQUE INDEX events_by_seq ON events (log, seq)",
        "CREATE INDEX events_set_aside ON events (id) WHERE reason IS NOT NULL",
        """CREATE TRIGGER events_are_never_changed
            BEFORE UPDATE OF id, log, seq, received_ms, raw ON events
            BEGIN SELECT RAISE (ABORT, 'the event log is append-only'); END""",
        # What a device no longer kept when it was asked for it.
        """CREATE TABLE losses (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL REFERENCES logs (id),
            from_seq INTEGER NOT NULL,
            to_seq INTEGER NOT NULL,
            noticed_ms INTEGER NOT NULL
        )""",
        # Events that contradict what is committed: a cloned disk, a rolled-back outbox.
        """CREATE TABLE forks (
            id INTEGER PRIMARY KEY,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            log TEXT NOT NULL,
            seq INTEGER NOT NULL,
            chain TEXT NOT NULL,
            noticed_ms INTEGER NOT NULL,
            UNIQUE (site, device, log, seq, chain)
        )""",
        # Sessions that the orchestrator closed, just before it took the event in: not told by
        # any device, so kept here, where `rebuild` finds it.
        """CREATE TABLE closures (
            event INTEGER NOT NULL REFERENCES events (id),
            session TEXT NOT NULL,
            active_ms INTEGER NOT NULL,
            idle_ms INTEGER NOT NULL,
            unobserved_ms INTEGER NOT NULL,
            PRIMARY KEY (event, session)
        )""",
        # What was no message at all. The payload may hold anything, so it is not kept.
        """CREATE TABLE refused (
            id INTEGER PRIMARY KEY,
            received_ms INTEGER NOT NULL,
            topic TEXT NOT NULL,
            fault TEXT NOT NULL,
            reason TEXT NOT NULL,
            size INTEGER NOT NULL,
            sha256 TEXT NOT NULL
        )""",
        """CREATE TABLE counters (
            what TEXT NOT NULL,
            result TEXT NOT NULL,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            value INTEGER NOT NULL,
            PRIMARY KEY (what, result, site, device)
        )""",
    )


@migrations()
def m0002_usage(database: Administered) -> None:
    """Make what follows from the log: sessions, and totals per local hour of their begin."""
    _all(
        database,
        """CREATE TABLE sessions (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            session TEXT NOT NULL,
            log INTEGER NOT NULL,
            state TEXT NOT NULL,
            turn TEXT,
            rule TEXT NOT NULL,
            basis TEXT NOT NULL,
            target_group TEXT,
            party_size INTEGER,
            begun_ms INTEGER NOT NULL,
            ended_ms INTEGER,
            clock TEXT NOT NULL,
            outcome TEXT,
            at_checkpoint INTEGER NOT NULL,
            active_ms INTEGER NOT NULL,
            idle_ms INTEGER NOT NULL,
            unobserved_ms INTEGER NOT NULL,
            overrun_ms INTEGER NOT NULL,
            categories TEXT NOT NULL,
            figures TEXT NOT NULL,
            PRIMARY KEY (site, device, session)
        ) WITHOUT ROWID""",
        "CREATE INDEX sessions_open ON sessions (site, device) WHERE state = 'open'",
        # Double entry: a correction adds a row of its own with withdrawn = 1, so that both
        # sides only grow. target_group '' is a group that nobody told.
        """CREATE TABLE totals (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            hour TEXT NOT NULL,
            target_group TEXT NOT NULL,
            basis TEXT NOT NULL,
            outcome TEXT NOT NULL,
            withdrawn INTEGER NOT NULL,
            sessions INTEGER NOT NULL,
            parties INTEGER NOT NULL,
            people INTEGER NOT NULL,
            active_ms INTEGER NOT NULL,
            idle_ms INTEGER NOT NULL,
            unobserved_ms INTEGER NOT NULL,
            overrun_ms INTEGER NOT NULL,
            PRIMARY KEY (site, device, hour, target_group, basis, outcome, withdrawn)
        )""",
        # part: category (milliseconds) or figure (the device's own unit).
        """CREATE TABLE totals_parts (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            hour TEXT NOT NULL,
            target_group TEXT NOT NULL,
            basis TEXT NOT NULL,
            outcome TEXT NOT NULL,
            withdrawn INTEGER NOT NULL,
            part TEXT NOT NULL,
            name TEXT NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (site, device, hour, target_group, basis, outcome, withdrawn, part, name)
        )""",
    )


@migrations()
def m0003_turns(database: Administered) -> None:
    """Make what the orchestrator decides: bookings, and the plan last given to each device."""
    _all(
        database,
        """CREATE TABLE bookings (
            id TEXT PRIMARY KEY,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            starts_ms INTEGER NOT NULL,
            ends_ms INTEGER NOT NULL,
            target_group TEXT,
            party_size INTEGER,
            state TEXT NOT NULL,
            created_ms INTEGER NOT NULL
        )""",
        "CREATE INDEX bookings_by_start ON bookings (site, device, starts_ms)",
        """CREATE TABLE plans (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            revision INTEGER NOT NULL,
            digest TEXT NOT NULL,
            plan TEXT NOT NULL,
            PRIMARY KEY (site, device)
        )""",
    )


@migrations()
def m0004_identity(database: Administered) -> None:
    """Give the database a name of its own, which its backups share."""
    _all(
        database,
        """CREATE TABLE identity (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            uuid TEXT NOT NULL
        )""",
    )
    database.execute("INSERT INTO identity VALUES (1, ?)", (str(uuid.uuid4()),))


@migrations()
def m0005_silence(database: Administered) -> None:
    """Make what is known of open sessions, should their machines never return."""
    _all(
        database,
        # The device's last word on its open session, and when it was last heard at all.
        """CREATE TABLE checkpoints (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            checkpoint TEXT,
            heard_ms INTEGER NOT NULL,
            PRIMARY KEY (site, device)
        )""",
        # Sessions that the orchestrator closed with no event at hand, just after which event:
        # as closures, for `rebuild`.
        """CREATE TABLE silences (
            id INTEGER PRIMARY KEY,
            after_event INTEGER NOT NULL REFERENCES events (id),
            log INTEGER NOT NULL REFERENCES logs (id),
            session TEXT NOT NULL,
            active_ms INTEGER NOT NULL,
            idle_ms INTEGER NOT NULL,
            unobserved_ms INTEGER NOT NULL,
            reason TEXT NOT NULL,
            closed_ms INTEGER NOT NULL
        )""",
        "CREATE INDEX silences_by_event ON silences (after_event)",
    )


@migrations()
def m0006_coverage(database: Administered) -> None:
    """Make which time was observed, as agents told it, and who was there, as we saw it."""
    _all(
        database,
        # epoch_ms: when boot time was 0. sure: by the orchestrator's clock. begins_ms, ends_ms:
        # of all that is observed of it.
        """CREATE TABLE boots (
            id INTEGER PRIMARY KEY,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            boot_id TEXT NOT NULL,
            sure INTEGER NOT NULL,
            stamped_ms INTEGER NOT NULL,
            epoch_ms INTEGER NOT NULL,
            begins_ms INTEGER NOT NULL,
            ends_ms INTEGER NOT NULL,
            UNIQUE (site, device, boot_id)
        )""",
        "CREATE INDEX boots_by_begin ON boots (site, device, begins_ms)",
        "CREATE INDEX boots_by_end ON boots (site, device, ends_ms)",
        # In boot time; disjoint within a boot. An uninterrupted year is one row.
        """CREATE TABLE observed (
            boot INTEGER NOT NULL REFERENCES boots (id),
            from_ms INTEGER NOT NULL,
            to_ms INTEGER NOT NULL,
            device_link TEXT NOT NULL,
            until TEXT,
            PRIMARY KEY (boot, from_ms)
        ) WITHOUT ROWID""",
        # In boot time: what heartbeats told and no event yet. The only record of it.
        """CREATE TABLE watching (
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            boot_id TEXT NOT NULL,
            from_ms INTEGER NOT NULL,
            to_ms INTEGER NOT NULL,
            device_link TEXT NOT NULL,
            sure INTEGER NOT NULL,
            stamped_ms INTEGER NOT NULL,
            epoch_ms INTEGER NOT NULL,
            PRIMARY KEY (site, device, boot_id, from_ms)
        ) WITHOUT ROWID""",
        # In the orchestrator's own time. site and device are empty but for agents.
        """CREATE TABLE attendance (
            who TEXT NOT NULL,
            site TEXT NOT NULL,
            device TEXT NOT NULL,
            from_ms INTEGER NOT NULL,
            to_ms INTEGER,
            PRIMARY KEY (who, site, device, from_ms)
        ) WITHOUT ROWID""",
    )


@migrations()
def m0007_booking_windows(database: Administered) -> None:
    """Let bookings say what they are for; keep staff's word on a device, and who did what."""
    _all(database, *schema_turns.STATEMENTS)


@migrations()
def m0012_prints(database: Administered) -> None:
    """Make what prints took of what was estimated of them."""
    _all(database, *schema_prints.STATEMENTS)


@migrations()
def m0009_turns_seen(database: Administered) -> None:
    """Make what devices report of turns, and the marks that quotas count by."""
    _all(database, *schema_turns_seen.STATEMENTS)


@migrations()
def m0010_queue_events(database: Administered) -> None:
    """Make the queue, and group events with who took part."""
    _all(database, *schema_queue_events.STATEMENTS)


@migrations()
def m0008_hours(database: Administered) -> None:
    """Make imported opening hours."""
    _all(database, *schema_hours.STATEMENTS)


@migrations()
def m0011_imports(database: Administered) -> None:
    """Make which bookings were imported from where."""
    _all(database, *schema_imports.STATEMENTS)


@migrations()
def m0013_attended(database: Administered) -> None:
    """Make the turns of devices that staff attends to, and tell their use apart in the totals."""
    _all(database, *schema_attended.STATEMENTS)


def _all(database: Administered, *statements: str) -> None:
    for statement in statements:
        database.execute(statement)
