"""The table of counters."""

from __future__ import annotations

import sqlite3

from orchestrator.store import counters
from orchestrator.store.counters import EVENTS, REFUSED, Counted, Counts

ONE = Counted(EVENTS, "gap", "main", "a")
OTHER = Counted(EVENTS, "gap", "main", "b")


def test_counters_only_grow(rows: sqlite3.Connection) -> None:
    """What is added comes on top of what there was."""
    counters.add(rows, Counts({ONE: 2}))
    counters.add(rows, Counts({ONE: 3, OTHER: 1}))
    assert counters.read(rows) == {ONE: 5, OTHER: 1}


def test_results_are_added_up_over_devices() -> None:
    """One kind of counter at a time."""
    counts = Counts({ONE: 5, OTHER: 1, Counted(REFUSED, "gap"): 100})
    assert counters.by_result(counts, EVENTS) == {"gap": 6}
