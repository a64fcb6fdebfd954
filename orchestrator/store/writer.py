"""The thread that writes. Whatever is waiting commits together: one sync for all of it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from orchestrator.store.errors import StoreFailed, is_failure
from orchestrator.store.latency import Latencies

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

#: Works in one transaction, so that the first of them does not wait for ever.
MOST_TOGETHER = 200


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def deliver(self) -> None:
        """Tell the waiter, on its own loop. One that was cancelled no longer waits."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """One connection, one thread, one transaction at a time.

    `healthy` is False from a failed commit until the next one succeeds.
    """

    def __init__(self, connection: sqlite3.Connection, latencies: Latencies) -> None:
        self.healthy = True
        self._connection = connection
        self._latencies = latencies
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work[T]) -> T:
        """Do the work and commit. Raises what the work raised, or StoreFailed."""
        if self._closed:
            raise StoreFailed("The database is closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Job(work, loop, future))
        return await future

    def close(self) -> None:
        """Finish what is waiting and end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (jobs := self._take()) is not None:
            self._commit(jobs)
            _deliver(jobs)

    def _take(self) -> list[_Job] | None:
        """Wait for a job, and take with it what has come meanwhile; None at the end."""
        first = self._queue.get()
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < MOST_TOGETHER:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        before = self._connection.total_changes
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._do(job, alone=len(jobs) == 1)
            began = time.perf_counter()
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the thread must live, and the waiters be told
            self._give_up(jobs, error)
            return
        if self._connection.total_changes != before:  # else nothing was synced
            self._latencies.observe(time.perf_counter() - began)
            self.healthy = True

    def _do(self, job: _Job, *, alone: bool) -> None:
        """Do one work; its exception undoes only itself. Raises what it raised if all is lost."""
        if not alone:
            self._connection.execute("SAVEPOINT work")
        try:
            job.result = job.work(self._connection)
        except Exception as error:
            # SQLite may have rolled back by itself: https://www.sqlite.org/lang_transaction.html
            if is_failure(error) or not self._connection.in_transaction:
                raise
            job.error = error
            self._connection.execute("ROLLBACK" if alone else "ROLLBACK TO work")
            if alone:
                self._connection.execute("BEGIN IMMEDIATE")
        if not alone:
            self._connection.execute("RELEASE work")

    def _give_up(self, jobs: list[_Job], error: Exception) -> None:
        self.healthy = False
        if self._connection.in_transaction:
            # On a failing disk this fails too; the journal is then rolled back at the next open.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        for job in jobs:
            job.error = StoreFailed(f"The database could not be written: {error}.")


def _deliver(jobs: list[_Job]) -> None:
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Job]] = defaultdict(list)
    for job in jobs:
        by_loop[job.loop].append(job)
    for loop, waiting in by_loop.items():
        try:
            loop.call_soon_threadsafe(_deliver_all, waiting)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _deliver_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.deliver()
