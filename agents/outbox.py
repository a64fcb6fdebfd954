"""Events on disk until they are acknowledged end to end, and the agent's saved state.

An event and the state that follows from it are written in one transaction, synced before
`commit` returns. Acknowledged events are kept for a while, since a restored orchestrator
asks for them again.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from agents.clock import Clock
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import event_bytes, relinked, sealed
from mqtt_schemas.events import EventBody
from mqtt_schemas.messages import MAX_EVENTS, Ack, OutboxState
from mqtt_schemas.plan import Plan

#: How long acknowledged events are kept: a day between backups and 7 days more (design).
KEEP_MS = 8 * 86_400_000
#: Kilobytes of pages in memory; what is read again and again is the last one.
CACHE_KB = 256
#: SQLite's own limit (https://www.sqlite.org/limits.html).
MOST_PAGES = 4_294_967_294
#: At most so many are kept, whatever their stamps say: a wall clock may have run years ahead.
MOST_KEPT = 100_000
#: How long a database's last acknowledgement is remembered.
REMEMBER_MS = 30 * 86_400_000

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
CREATE TABLE IF NOT EXISTS mark (
    database TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
#: A damaged name of a column is found where it is used.
_COLUMNS = (
    "SELECT id, uuid, acknowledged FROM log LIMIT 0",
    "SELECT seq, chain, raw, wall_ms, boot_id, boot_ms FROM event LIMIT 0",
    "SELECT database, seq, wall_ms FROM mark LIMIT 0",
    "SELECT key, value FROM state LIMIT 0",
)


class OutboxBroken(Exception):
    """The file can't be read as an outbox. It is to be set aside and a new one begun."""


class OutboxUnwritable(Exception):
    """Nothing could be written (disk full, read-only, …). Nothing is half written either."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Stored events in order, as canonical JSON. `last` is the seq of the last one."""

    last: int
    events: list[bytes]


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
    `acknowledged` the highest seq that the orchestrator is known to have committed, `path`
    the file. There is to be one orchestrator; where there are two, `acknowledged` is the last
    one's word, and what each of them has is remembered as its mark: what one lacks stays.
    """

    def __init__(
        self,
        *,
        path: Path,
        connection: sqlite3.Connection,
        clock: Clock,
        new_log: Callable[[], str],
    ) -> None:
        self.path = path
        self._connection = connection
        self._clock = clock
        self._new_log = new_log
        rows = self._read("SELECT uuid, acknowledged FROM log")
        if not rows:
            rows = [(new_log(), 0)]
            connection.execute("INSERT INTO log (id, uuid) VALUES (1, ?)", rows[0][:1])
        self.log: str
        self.acknowledged: int
        self.log, self.acknowledged = rows[0]
        self._tip = self._read_tip()
        self._marks: dict[str, int] = dict(self._read("SELECT database, seq FROM mark"))
        self._check()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        new_log: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> Outbox:
        """Open or make the file, for this process alone. Raises OutboxBroken, OutboxUnwritable."""
        with ExitStack() as undo:
            try:
                connection = sqlite3.connect(path, isolation_level=None, timeout=1)
                undo.callback(connection.close)
                # Two agents on one file would each go on from a tip of their own. Without
                # shared memory beside it, it can also be opened on a full disk.
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                # The check below reads all of the file, and 2 MB of it would stay in memory.
                connection.execute(f"PRAGMA cache_size={-CACHE_KB}")
                problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if problem != "ok":
                    raise sqlite3.DatabaseError(problem)
                connection.executescript(_SCHEMA)
                outbox = cls(path=path, connection=connection, clock=clock, new_log=new_log)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                # The latter where SQLite tells, in its own words, of a name that is damaged.
                kind = OutboxUnwritable if _may_pass(error) else OutboxBroken
                raise kind(f"{path}: {error}") from error
            undo.pop_all()
            return outbox

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def take_at_most(self, pages: int) -> None:
        """Let the file grow to so many pages, or stay as it is where it has more.

        One page is a full disk, for rehearsals; MOST_PAGES lifts it again.
        """
        self._connection.execute(f"PRAGMA max_page_count = {pages:d}")

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
        rows = self._read("SELECT value FROM state WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def batch(self, after: int) -> Batch:
        """Return up to 50 kept events that follow `after`, oldest first.

        The first one may follow it at a distance: what lies between is no longer kept.
        """
        sql = "SELECT seq, chain, raw FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self._read(sql, after, MAX_EVENTS)
        for row in rows:
            self._hold(*row)
        return Batch(rows[-1][0] if rows else after, [raw for _, _, raw in rows])

    def acknowledge(self, ack: Ack) -> Verdict:
        """Take the orchestrator's word for what it has committed. Raises OutboxUnwritable.

        A chain value that is not ours, or a seq that we never gave, means that two histories
        share this log (a cloned disk, a file restored from an old copy): what was not yet
        acknowledged is logged anew under a new log. A lower seq than before means that the
        orchestrator was restored: it gets the rest again.
        """
        if ack.log != self.log or (ack.seq > 0 and ack.chain is None):
            return Verdict.IGNORED
        if ack.seq > self.last or not self._agrees(ack):
            self._fork()
            return Verdict.FORKED
        verdict = Verdict.ADVANCED if ack.seq > self.acknowledged else Verdict.REWOUND
        if ack.seq == self.acknowledged:
            verdict = Verdict.IGNORED
            if self._marks.get(ack.database or "") == ack.seq:
                return verdict
        self._note(ack)
        return verdict

    def state(self) -> OutboxState:
        """Return what the status tells of this outbox."""
        [(first,)] = self._read("SELECT min(seq) FROM event")
        return OutboxState(
            log=self.log,
            first_kept=first or 0,
            last=self.last,
            oldest_age_ms=self._oldest_age_ms(),
        )

    def _oldest_age_ms(self) -> int | None:
        if self.acknowledged == self.last:
            return None
        sql = "SELECT wall_ms, boot_id, boot_ms FROM event WHERE seq > ? ORDER BY seq LIMIT 1"
        rows = self._read(sql, self.acknowledged)
        if not rows:
            return None
        wall_ms, boot_id, boot_ms = rows[0]
        since_boot, since = self._clock.boot_ms() - boot_ms, self._clock.wall_ms() - wall_ms
        return max(0, int(since_boot if boot_id == self._clock.boot_id else since))

    def _read_tip(self) -> _Tip:
        rows = self._read("SELECT seq, chain FROM event ORDER BY seq DESC LIMIT 1")
        return _Tip(*rows[0]) if rows else _Tip(0, first_link(self.log))

    def _agrees(self, ack: Ack) -> bool:
        rows = self._read("SELECT chain FROM event WHERE seq = ?", ack.seq)
        # No longer kept (acknowledged long ago), or seq 0: nothing to hold against it.
        return not rows or rows[0][0] == ack.chain

    def _note(self, ack: Ack) -> None:
        """Take an acknowledgement down, and forget what nobody will ask for any more."""
        now = self._clock.wall_ms()
        database = ack.database or ""
        sql = "SELECT database, seq FROM mark WHERE wall_ms > ?"
        marks = dict(self._read(sql, now - REMEMBER_MS)) | {database: ack.seq}
        self._transaction(
            ("UPDATE log SET acknowledged = ?", [(ack.seq,)]),
            ("DELETE FROM mark WHERE wall_ms <= ?", [(now - REMEMBER_MS,)]),
            ("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", [(database, ack.seq, now)]),
            self._old(now - KEEP_MS, committed=min(marks.values())),
        )
        self.acknowledged, self._marks = ack.seq, marks

    def _old(self, before: int, *, committed: int) -> tuple[str, Sequence[tuple[object, ...]]]:
        """Return the statement that forgets acknowledged events past their keeping.

        From the oldest on without a hole, by whatever a stepped wall clock stamped them with.
        The newest event always stays: the chain goes on from it. committed: in all databases.
        """
        # One bound: with several, SQLite would look at every event that is kept.
        sql = """
            DELETE FROM event WHERE seq <= min(
                ?,
                (SELECT acknowledged FROM log),
                max(?, min(?, coalesce(
                    (SELECT seq FROM event WHERE wall_ms >= ? ORDER BY seq LIMIT 1) - 1, ?
                )))
            )
        """
        newest = self.last - 1
        return sql, [(newest, self.last - MOST_KEPT, committed, before, newest)]

    def _fork(self) -> None:
        """Begin a new log with every event that is kept, acknowledged or not.

        By the new log's name nobody asks for events of the old one: an orchestrator that is
        restored afterwards would lose what it had acknowledged. Sessions are known by their
        ids, so what is told twice counts once.
        """
        sql = "SELECT raw, wall_ms, boot_id, boot_ms FROM event ORDER BY seq"
        rows = self._read(sql)
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
            ("UPDATE mark SET seq = ?", [(0,)]),
            ("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", anew),
        )
        self.log, self.acknowledged, self._tip = log, 0, tip
        self._marks = dict.fromkeys(self._marks, 0)

    def _check(self) -> None:
        """Hold every event against its hash, and the log against its form.

        SQLite finds what breaks its own structure, not a byte that changed within a value.
        Raises OutboxBroken.
        """
        if not _UUID.fullmatch(self.log):
            raise OutboxBroken(f"{self.path}: the log's name is damaged")
        try:
            for sql in _COLUMNS:
                self._connection.execute(sql)
            for row in self._connection.execute("SELECT seq, chain, raw FROM event"):
                self._hold(*row)
        except sqlite3.Error as error:
            raise OutboxBroken(f"{self.path}: {error}") from error

    def _hold(self, seq: int, link: str, raw: bytes) -> None:
        if type(raw) is not bytes or chain(raw) != link:
            raise OutboxBroken(f"{self.path}: event {seq} is damaged")

    def _read(self, sql: str, *values: str | int) -> list[Any]:
        """Return rows. Raises OutboxBroken."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise OutboxBroken(f"{self.path}: {error}") from error

    def _transaction(self, *statements: tuple[str, Sequence[tuple[object, ...]]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                if rows:
                    self._connection.executemany(sql, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # SQLite has mostly rolled back by itself
                self._connection.execute("ROLLBACK")
            raise OutboxUnwritable(f"{self.path}: {error}") from error


def plan_in(path: Path) -> str | None:
    """Return the plan in a file that is otherwise broken, if it is whole by its digest.

    With it the use that goes on keeps its right: without any plan the device would be closed.
    """
    sql = "SELECT value FROM state WHERE key = 'plan'"
    try:
        # Immutable: nothing of the file may change, nor of what is beside it.
        place = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(place, uri=True)) as connection:
            [text] = connection.execute(sql).fetchone()
        plan = Plan.model_validate_json(text)
    except (sqlite3.Error, TypeError, ValueError):  # of SQLite, of no row, of the plan
        return None
    return str(text) if sealed(plan).digest == plan.digest else None


def _may_pass(error: Exception) -> bool:
    """Tell whether the trouble is around the file (space, rights, another agent), not in it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR
