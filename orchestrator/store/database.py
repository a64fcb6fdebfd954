"""The orchestrator's database: one file, one process, one writer thread, one reader thread."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from orchestrator.broker.files import give_to_owner_of
from orchestrator.store import identity
from orchestrator.store.errors import DatabaseUnusable, StoreError, StoreFailed, is_failure
from orchestrator.store.latency import Latencies
from orchestrator.store.lock import Lock
from orchestrator.store.migrations import migrate
from orchestrator.store.writer import Work, Writer

T = TypeVar("T")

#: What `read` and `write` hand to their work, for those outside the store: they pass it on.
Connection = sqlite3.Connection

#: Waiting for a tool (sqlite3, sqlite-utils) that an administrator runs beside us.
_BUSY_SECONDS = 5.0

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -16000;
PRAGMA journal_size_limit = 67108864;
"""


class Database:
    """Where the event log and all that follows from it live.

    `name` is its UUID. `latencies` tells how long commits took; `healthy` whether the last one
    succeeded.
    """

    def __init__(self, *, path: Path, lock: Lock, connection: sqlite3.Connection) -> None:
        self.path = path
        self.name = identity.read(connection)
        self.latencies = Latencies()
        self._lock = lock
        self._connection = connection
        self._writer = Writer(connection, self.latencies)
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database-reader")
        self._reader: sqlite3.Connection | None = None
        self._closed = False

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open the file, made and brought up to date if need be, for this process alone.

        Raises DatabaseInUse, DatabaseUnusable.
        """
        lock = Lock(path)
        try:
            return cls(path=path, lock=lock, connection=_connect(path))
        except StoreError:
            lock.release()
            raise

    @property
    def healthy(self) -> bool:
        """Whether the last commit succeeded."""
        return self._writer.healthy

    async def write(self, work: Work[T]) -> T:
        """Do the work in a transaction, with whatever else waits; return after the commit.

        Raises what the work raised, with nothing of that work kept, or StoreFailed.
        """
        return await self._writer.write(work)

    async def settle(self) -> None:
        """Wait for all works before this one, also for those whose callers no longer do."""
        await self._writer.write(lambda _: None)

    async def read(self, work: Work[T]) -> T:
        """Do the work on one consistent state of the database, which it can't change.

        Raises what the work raised, or StoreFailed.
        """
        if self._closed:
            raise StoreFailed("The database is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Work[T]) -> T:
        try:
            if self._reader is None:
                self._reader = _connect_reader(self.path)
            self._reader.execute("BEGIN")
            try:
                return work(self._reader)
            finally:
                self._reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            if is_failure(error):
                raise StoreFailed(f"The database could not be read: {error}.") from error
            raise

    def close(self) -> None:
        """Finish what is waiting, then let go of the file. Twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._readers.shutdown()
        if self._reader is not None:
            self._reader.close()
        self._connection.close()
        self._lock.release()


def _connect_reader(path: Path) -> sqlite3.Connection:
    # A URI, for the read-only mode. close() is called from another thread.
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # SQLite would make it readable for all.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner_of(path.parent, file)
        os.close(file)
    except OSError as error:
        raise DatabaseUnusable(f"{path} can't be opened: {error.strerror}.") from None
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
    )
    try:
        connection.executescript(_PRAGMAS)
        migrate(connection)
    except sqlite3.Error as error:
        connection.close()
        raise DatabaseUnusable(f"{path} can't be used as a database: {error}.") from None
    except DatabaseUnusable as error:
        connection.close()
        raise DatabaseUnusable(f"{path}: {error}") from None
    return connection
