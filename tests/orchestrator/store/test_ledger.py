"""Sessions and totals as one transaction changes them."""

from __future__ import annotations

import sqlite3
from datetime import UTC

import pytest

from orchestrator.domain.sequence import empty
from orchestrator.store import ledger as module
from orchestrator.store import logs, sessions, totals
from orchestrator.store.ledger import Ledger
from tests.orchestrator.histories import MORNING, PRINTER, History, ended, log_id, started


@pytest.fixture
def log(rows: sqlite3.Connection) -> int:
    """Return the row of a log."""
    return logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING).id


def test_nothing_is_written_before_the_end(rows: sqlite3.Connection, log: int) -> None:
    """And then each session once, however often it changed."""
    ledger = Ledger(rows, UTC)
    for incoming in History().add(started(), ended()).incoming():
        assert ledger.take(PRINTER, log, incoming) is None
    assert sessions.everything(rows) == []
    ledger.write()
    assert len(sessions.everything(rows)) == 1
    assert totals.read(rows) == ledger.changes


def test_sessions_opened_in_the_same_transaction_are_closed_too(
    rows: sqlite3.Connection, log: int
) -> None:
    """Those that are not written yet, and not those that have ended since they were."""
    first = Ledger(rows, UTC)
    for incoming in History().add(started("a"), started("b")).incoming():
        first.take(PRINTER, log, incoming)
    first.write()
    second = Ledger(rows, UTC)
    for incoming in History().add(ended("a"), started("c")).incoming():
        second.take(PRINTER, log, incoming)
    closed = second.close_open(PRINTER, log, None)
    assert sorted(session.id for session in closed) == ["b", "c"]


def test_an_event_on_which_the_rules_fail_is_set_aside(
    rows: sqlite3.Connection, log: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours blocks no device; `rebuild` counts it when it is mended."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "apply", broken)
    ledger = Ledger(rows, UTC)
    (incoming,) = History().add(started()).incoming()
    assert ledger.take(PRINTER, log, incoming) == "the rules failed on it: ZeroDivisionError"
    ledger.write()
    assert sessions.everything(rows) == []
