"""Events on disk until they are acknowledged end to end, and the agent's saved state.

An event and the state that follows from it are written in one transaction, synced before
`commit` returns. Acknowledged events are kept for a while, since a restored orchestrator
asks for them again.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from agents.clock import Clock
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import event_bytes, relinked
from mqtt_schemas.events import EventBody
from mqtt_schemas.messages import MAX_EVENTS, Ack, OutboxState

#: How long acknowledged events are kept: a day between backups and 7 days more (design).
KEEP_MS = 8 * 86_400_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    uuid TEXT NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY,
    chain TEXT NOT NULL,
    raw BLOB NOT NULL,
    wall_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    boot_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class OutboxBroken(Exception):
    """The file can't be read as an outbox. It is to be set aside and a new one begun."""


class OutboxUnwritable(Exception):
    """Nothing could be written (disk full, read-only, …). Nothing is half written either."""


class Verdict(Enum):
    """What an acknowledgement meant."""

    IGNORED = auto()
    ADVANCED = auto()
    REWOUND = auto()
    FORKED = auto()


@dataclass(frozen=True, slots=True)
class _Tip:
    seq: int
    chain: str


class Outbox:
    """One device's events, in the order in which they happened.

    Shape: `log` is the UUID of this history, `last` its newest seq (0: none yet),
    `acknowledged` the highest seq that the orchestrator is known to have committed.
    """

    def __init__(
        self, *, connection: sqlite3.Connection, clock: Clock, new_log: Callable[[], str]
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._new_log = new_log
        row = connection.execute("SELECT uuid, acknowledged FROM log").fetchone()
        if row is None:
            row = (new_log(), 0)
            connection.execute("INSERT INTO log (id, uuid) VALUES (1, ?)", row[:1])
        self.log: str = row[0]
        self.acknowledged: int = row[1]
        self._tip = self._read_tip()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        new_log: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> Outbox:
        """Open or make the file. Raises OutboxBroken, OutboxUnwritable."""
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                raise OutboxBroken(f"{path}: {problem}")  # noqa: TRY301 - one place closes it
            connection.executescript(_SCHEMA)
            return cls(connection=connection, clock=clock, new_log=new_log)
        except sqlite3.OperationalError as error:
            connection.close()
            raise OutboxUnwritable(f"{path}: {error}") from error
        except sqlite3.DatabaseError as error:
            connection.close()
            raise OutboxBroken(f"{path}: {error}") from error
        except OutboxBroken:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def last(self) -> int:
        """The newest event's seq; 0 before the first."""
        return self._tip.seq

    def commit(self, bodies: Sequence[EventBody], state: Mapping[str, str]) -> None:
        """Append events and save state, all or nothing, synced. Raises OutboxUnwritable."""
        rows = []
        tip = self._tip
        now = (self._clock.wall_ms(), self._clock.boot_id, self._clock.boot_ms())
        for body in bodies:
            raw = event_bytes(tip.seq + 1, tip.chain, body)
            tip = _Tip(tip.seq + 1, chain(raw))
            rows.append((tip.seq, tip.chain, raw, *now))
        self._transaction(
            ("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", rows),
            ("INSERT OR REPLACE INTO state VALUES (?, ?)", list(state.items())),
        )
        self._tip = tip

    def load(self, key: str) -> str | None:
        """Return what was saved under a key."""
        row = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def batch(self, after: int) -> list[bytes]:
        """Return up to 50 kept events that follow `after`, oldest first."""
        rows = self._connection.execute(
            "SELECT raw FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, MAX_EVENTS)
        )
        return [row[0] for row in rows]

    def acknowledge(self, ack: Ack) -> Verdict:
        """Take the orchestrator's word for what it has committed. Raises OutboxUnwritable.

        A chain value that is not ours, or a seq that we never gave, means that two histories
        share this log (a cloned disk, a file restored from an old copy): what was not yet
        acknowledged is logged anew under a new log. A lower seq than before means that the
        orchestrator was restored: it gets the rest again.
        """
        if ack.log != self.log:
            return Verdict.IGNORED
        if ack.seq > self.last or not self._agrees(ack):
            self._fork()
            return Verdict.FORKED
        if ack.seq == self.acknowledged:
            return Verdict.IGNORED
        verdict = Verdict.ADVANCED if ack.seq > self.acknowledged else Verdict.REWOUND
        self._transaction(("UPDATE log SET acknowledged = ?", [(ack.seq,)]), self._old())
        self.acknowledged = ack.seq
        return verdict

    def state(self) -> OutboxState:
        """Return what the status tells of this outbox."""
        first = self._connection.execute("SELECT min(seq) FROM event").fetchone()[0]
        return OutboxState(
            log=self.log,
            first_kept=first or 0,
            last=self.last,
            oldest_age_ms=self._oldest_age_ms(),
        )

    def _oldest_age_ms(self) -> int | None:
        if self.acknowledged == self.last:
            return None
        row = self._connection.execute(
            "SELECT wall_ms, boot_id, boot_ms FROM event WHERE seq > ? ORDER BY seq LIMIT 1",
            (self.acknowledged,),
        ).fetchone()
        if row is None:
            return None
        wall_ms, boot_id, boot_ms = row
        since_boot, since = self._clock.boot_ms() - boot_ms, self._clock.wall_ms() - wall_ms
        return max(0, int(since_boot if boot_id == self._clock.boot_id else since))

    def _read_tip(self) -> _Tip:
        row = self._connection.execute(
            "SELECT seq, chain FROM event ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return _Tip(*row) if row else _Tip(0, first_link(self.log))

    def _agrees(self, ack: Ack) -> bool:
        row = self._connection.execute(
            "SELECT chain FROM event WHERE seq = ?", (ack.seq,)
        ).fetchone()
        # No longer kept (acknowledged long ago), or seq 0: nothing to hold against it.
        return row is None or row[0] == ack.chain

    def _old(self) -> tuple[str, Sequence[tuple[object, ...]]]:
        """Return the statement that forgets acknowledged events past their keeping.

        The newest event always stays: the chain goes on from it.
        """
        before = self._clock.wall_ms() - KEEP_MS
        sql = """
            DELETE FROM event
            WHERE wall_ms < ? AND seq < ? AND seq <= (SELECT acknowledged FROM log)
        """
        return sql, [(before, self.last)]

    def _fork(self) -> None:
        """Begin a new log with the events that nobody has acknowledged."""
        rows = self._connection.execute(
            "SELECT raw, wall_ms, boot_id, boot_ms FROM event WHERE seq > ? ORDER BY seq",
            (self.acknowledged,),
        ).fetchall()
        log = self._new_log()
        tip = _Tip(0, first_link(log))
        anew = []
        for raw, *when in rows:
            raw = relinked(raw, tip.seq + 1, tip.chain)  # noqa: PLW2901 - the same event, resealed
            tip = _Tip(tip.seq + 1, chain(raw))
            anew.append((tip.seq, tip.chain, raw, *when))
        self._transaction(
            ("DELETE FROM event", [()]),
            ("UPDATE log SET uuid = ?, acknowledged = 0", [(log,)]),
            ("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", anew),
        )
        self.log, self.acknowledged, self._tip = log, 0, tip

    def _transaction(self, *statements: tuple[str, Sequence[tuple[object, ...]]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                if rows:
                    self._connection.executemany(sql, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise OutboxUnwritable(str(error)) from error
