"""Refused payloads on their way to the database."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from orchestrator import refusals as module
from orchestrator.refusals import Refusals
from orchestrator.store import counters, refused
from orchestrator.store.counters import COMMITS, EVENTS, REFUSED, Counted, Counts
from orchestrator.store.database import Database
from orchestrator.store.refused import KEPT
from tests.orchestrator.histories import MORNING, PRINTER, Clock

INVALID = Counted(REFUSED, "invalid", "main", "printer-1")


class Written:
    """Keeps what was told to be committed."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.any = asyncio.Event()

    def add(self, counts: Counts) -> None:
        """Take it."""
        self.counts.update(counts)
        self.any.set()


def _refusals(database: Database, written: Written) -> Refusals:
    return Refusals(database=database, wall_ms=Clock().wall_ms, on_written=written.add)


def _refuse(refusals: Refusals, payload: bytes = b"secret", topic: str = "a/b") -> None:
    refusals.refuse(topic=topic, payload=payload, fault="invalid", reason="why", address=PRINTER)


async def test_a_refusal_keeps_the_reason_and_not_the_payload(database: Database) -> None:
    """It may hold anything; its size and hash are enough to know it again."""
    refusals = _refusals(database, Written())
    _refuse(refusals, topic="t" * 300)
    await refusals.write()
    (row,) = await database.read(refused.newest)
    digest = hashlib.sha256(b"secret").hexdigest()
    assert row == (MORNING, "t" * 200, "invalid", "why", 6, digest)
    assert b"secret" not in await asyncio.to_thread(database.path.read_bytes)


async def test_a_flood_costs_one_commit_and_bounded_room(database: Database) -> None:
    """All are counted, the newest 1,000 are kept."""
    written = Written()
    refusals = _refusals(database, written)
    for number in range(3 * KEPT):
        _refuse(refusals, payload=b"x" * number)
    before = database.latencies.count
    await refusals.write()
    assert database.latencies.count == before + 1
    assert written.counts == {INVALID: 3 * KEPT}
    assert await database.read(counters.read) == written.counts
    rows = await database.read(refused.newest)
    assert (len(rows), rows[0].size) == (KEPT, 3 * KEPT - 1)


async def test_what_can_not_be_written_is_kept_for_the_next_time(database: Database) -> None:
    """Counted only once it is committed; and the failure is written down as well."""
    written = Written()
    refusals = _refusals(database, written)
    await database.write(lambda rows: rows.execute("PRAGMA max_page_count = 1").fetchone())
    await database.write(lambda rows: rows.execute("PRAGMA cache_spill = 0").fetchone())
    for number in range(KEPT):
        _refuse(refusals, payload=b"x" * number)
    await refusals.write()
    assert written.counts == {}
    assert not database.healthy
    refusals.commit_failed()
    await database.write(lambda rows: rows.execute("PRAGMA max_page_count = 100000").fetchone())
    await refusals.write()
    assert written.counts == {INVALID: KEPT, Counted(COMMITS, "failed"): 1}
    assert len(await database.read(refused.newest)) == KEPT
    assert database.healthy


async def test_it_writes_by_itself_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anything else being committed."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    written = Written()
    refusals = _refusals(database, written)
    task = asyncio.ensure_future(refusals.run())
    refusals.drop(PRINTER, 5)
    async with asyncio.timeout(10):
        await written.any.wait()
    task.cancel()
    assert written.counts == {Counted(EVENTS, "dropped", "main", "printer-1"): 5}
