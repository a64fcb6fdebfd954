"""The table of logs, losses and forks."""

from __future__ import annotations

import sqlite3

import pytest

from mqtt_schemas.codec import Incoming
from orchestrator.domain.sequence import Water, empty
from orchestrator.store import logs
from tests.orchestrator.histories import MORNING, PRINTER, STATION, log_id


def test_a_log_is_found_by_its_device_and_uuid(rows: sqlite3.Connection) -> None:
    """As far as it was moved; another device's of the same UUID is another log."""
    log = logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING)
    logs.move(rows, log, Water(5, "c5"))
    found = logs.find(rows, PRINTER, log_id(1))
    assert found == logs.Log(log.id, PRINTER, log_id(1), Water(5, "c5"))
    assert logs.find(rows, STATION, log_id(1)) is None
    assert logs.find(rows, PRINTER, log_id(2)) is None


def test_the_newest_log_is_the_one_begun_last(rows: sqlite3.Connection) -> None:
    """With its high water, by device."""
    for number in (1, 2):
        logs.begin(rows, PRINTER, log_id(number), Water(number, "c"), MORNING)
    logs.begin(rows, STATION, log_id(3), Water(9, "c"), MORNING)
    assert logs.newest(rows) == {PRINTER: (log_id(2), 2), STATION: (log_id(3), 9)}


def test_forks_are_kept_once_and_not_without_end(
    rows: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cloned disk that goes on and on fills no disk."""
    monkeypatch.setattr(logs, "FORKS_KEPT", 3)
    for seq in (1, 1, 2, 3, 4, 5):
        logs.fork(rows, PRINTER, log_id(1), Incoming(seq, "p", "c", b"{}", None), MORNING)
    assert rows.execute("SELECT seq FROM forks").fetchall() == [(3,), (4,), (5,)]
