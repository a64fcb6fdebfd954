"""A host's disk: one database file that survives what happens to its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.outbox import KEEP_MS, Outbox, OutboxUnwritable
from tests.simulation.loop import Killed, Process
from tests.simulation.world import World

#: PRAGMA synchronous: from here on a commit in WAL mode is synced before it returns.
FULL = 2


@dataclass(frozen=True, slots=True)
class Image:
    """A copy of the disk: the file and its write-ahead log, where there is one."""

    made_ms: int
    main: bytes | None
    wal: bytes | None


class Disk:
    """Holds the file of a process; hands a new process what a dead one left.

    kill_at: the number of the write before or after which the process is killed: writes are
    counted twice, before and after. full_since_ms: since when nothing more can be written.
    """

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.writes = 0
        self.kill_at: int | None = None
        self.full_since_ms: int | None = None
        self.process: Process | None = None
        self.synced = True
        self._world = world
        self._number = 0

    @property
    def path(self) -> Path:
        """The file as the present process has it."""
        return self._world.folder / f"{self.name}-{self._number}.db"

    @property
    def full(self) -> bool:
        """Whether nothing more can be written."""
        return self.full_since_ms is not None

    def fill(self, *, full: bool) -> None:
        """Fill it up, or make room."""
        self.full_since_ms = self._world.now_ms if full else None

    def image(self) -> Image:
        """Return a copy of what is there."""
        wal = Path(f"{self.path}-wal")
        return Image(self._world.now_ms, _read(self.path), _read(wal))

    def put(self, image: Image) -> None:
        """Put a copy in place of what is there. What is open goes on with the old file."""
        self._number += 1
        if image.main is not None:
            self.path.write_bytes(image.main)
        if image.wal is not None:
            Path(f"{self.path}-wal").write_bytes(image.wal)

    def damage(self) -> None:
        """Change a byte of what is there."""
        image = self.image()
        if image.main and len(image.main) > 200:
            content = bytearray(image.main)
            content[self._world.random.randrange(100, len(content))] ^= 0xFF
            self.put(Image(image.made_ms, bytes(content), image.wal))

    def outlive(self) -> None:
        """Keep what a killed process had written, apart from what it still holds open."""
        self.put(self.image())

    def lose_power(self) -> None:
        """Lose what was not synced: without syncs, all of the write-ahead log."""
        if not self.synced:
            self.put(Image(self._world.now_ms, _read(self.path), None))

    def write_point(self) -> None:
        """Come to a point just before or after a write. Raises Killed."""
        if self._world.over:
            return
        process = self.process
        assert process is not None
        if not process.alive:
            raise Killed
        self.writes += 1
        if self.writes == self.kill_at:
            self._world.fault("killed at a write", self.name)
            process.kill()
            raise Killed


def limit(connection: sqlite3.Connection, *, full: bool) -> None:
    """Let a database grow no more, or again."""
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages if full else 2**30}")


def outbox_on(disk: Disk, kind: type[Outbox], noted: Noted, keep_ms: int = KEEP_MS) -> type[Outbox]:
    """Return an Outbox class whose writes go through a disk. keep_ms: in place of KEEP_MS."""

    class OnDisk(kind):  # type: ignore[valid-type,misc]  # a class that is an argument
        def _transaction(self, *statements: tuple[str, Sequence[tuple[object, ...]]]) -> None:
            disk.write_point()
            [level] = self._connection.execute("PRAGMA synchronous").fetchone()
            disk.synced = level >= FULL
            limit(self._connection, full=disk.full)
            if disk.full and disk.writes % 3:
                raise OutboxUnwritable(f"{self.path}: no space left on the device")
            super()._transaction(*statements)
            noted.note(self.log, statements)
            disk.write_point()

        def _old(self, before: int, *, committed: int) -> tuple[str, Sequence[tuple[object, ...]]]:
            kept: tuple[str, Sequence[tuple[object, ...]]]
            kept = super()._old(before + KEEP_MS - keep_ms, committed=committed)
            return kept

    return OnDisk


class Noted:
    """Keeps every event that ever was on the disk: by log and seq, its bytes."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, int], bytes] = {}

    def note(
        self, log: str, statements: Sequence[tuple[str, Sequence[tuple[object, ...]]]]
    ) -> None:
        """Take note of the statements of a transaction."""
        for sql, rows in statements:
            if sql.startswith("UPDATE log SET uuid"):
                log = str(rows[0][0])
            if sql.startswith("INSERT INTO event"):
                for seq, _, raw, *_ in rows:
                    assert isinstance(seq, int) and isinstance(raw, bytes)  # noqa: PT018 - for mypy
                    self.events[log, seq] = raw


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
