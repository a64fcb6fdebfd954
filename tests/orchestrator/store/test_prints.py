"""The table of finished prints."""

from __future__ import annotations

import sqlite3
from zoneinfo import ZoneInfo

from mqtt_schemas.base import Outcome
from mqtt_schemas.events import Ended
from orchestrator.domain.print_fit import NEWEST, Printed
from orchestrator.store import prints
from orchestrator.store.intake import take_in
from orchestrator.store.rebuild import rebuild
from tests.orchestrator.histories import MORNING, PRINTER, STATION, History, ended, started

HELSINKI = ZoneInfo("Europe/Helsinki")
HOUR_MS = 3_600_000


def printed(
    session: str,
    at_ms: int = MORNING,
    *,
    percent: int = 100,
    took: int = HOUR_MS,
    at_checkpoint: bool = False,
) -> Ended:
    """Return the end of a print of which an hour was estimated."""
    figures = {"progress_percent": percent, "estimated_ms": HOUR_MS, "print_ms": took}
    return ended(
        session,
        at_ms,
        outcome=Outcome.CUSTOMER,
        figures=figures,
        at_checkpoint=at_checkpoint,
    )


def take(rows: sqlite3.Connection, history: History) -> None:
    """Take a device's events in."""
    take_in(rows, batches=[history.batch()], now_ms=MORNING, zone=HELSINKI)


def test_a_finished_print_is_kept_with_its_session(rows: sqlite3.Connection) -> None:
    """In the very transaction that takes its end in; of its own device."""
    take(rows, History().add(started("s1"), printed("s1", took=HOUR_MS + 5)))
    assert prints.newest(rows, PRINTER) == [Printed(HOUR_MS, HOUR_MS + 5)]
    assert prints.newest(rows, STATION) == []


def test_what_was_not_finished_tells_nothing(rows: sqlite3.Connection) -> None:
    """A cancelled print, one cut off by power loss, one without an estimate, other use."""
    bare = ended("s3", figures={"progress_percent": 100, "print_ms": HOUR_MS})
    take(
        rows,
        History().add(
            printed("s1", percent=99), printed("s2", at_checkpoint=True), bare, ended("s4")
        ),
    )
    assert prints.newest(rows, PRINTER) == []


def test_only_the_newest_are_looked_at_by_their_end(rows: sqlite3.Connection) -> None:
    """Oldest first, whatever the order in which they were told."""
    many = [printed(f"s{each}", MORNING + each * 1000, took=each) for each in range(40, 0, -1)]
    take(rows, History().add(*many))
    found = prints.newest(rows, PRINTER)
    assert [each.actual_ms for each in found] == list(range(41 - NEWEST, 41))


def test_prints_are_rebuilt_from_the_log(rows: sqlite3.Connection) -> None:
    """And what the log no longer tells of, since its time is over, is kept."""
    take(rows, History().add(printed("s1"), printed("s2", MORNING + 1, took=7)))
    before = prints.newest(rows, PRINTER)
    rows.execute("UPDATE prints SET actual_ms = 1 WHERE session = 's2'")
    rows.execute("INSERT INTO prints VALUES ('paja', 'old', 'gone', 0, 1, 1)")
    rebuild(rows, HELSINKI)
    assert prints.newest(rows, PRINTER) == before
    assert rows.execute("SELECT count(*) FROM prints").fetchone() == (3,)
