"""The last that was heard of devices with open sessions."""

from __future__ import annotations

import sqlite3

from orchestrator.store import checkpoints
from orchestrator.store.checkpoints import Heard
from tests.orchestrator.histories import MORNING, PRINTER, STATION, checkpoint


def test_the_newest_replaces_what_was_before(rows: sqlite3.Connection) -> None:
    """One for each device; without a checkpoint it is at least known when it was heard."""
    checkpoints.keep(rows, {PRINTER: Heard(None, 1), STATION: Heard(None, MORNING)})
    newest = Heard(checkpoint("s1", active=5000), MORNING)
    checkpoints.keep(rows, {PRINTER: newest})
    assert checkpoints.load(rows) == {PRINTER: newest, STATION: Heard(None, MORNING)}


def test_one_of_another_version_is_as_none(rows: sqlite3.Connection) -> None:
    """After an upgrade that reads it otherwise."""
    rows.execute("INSERT INTO checkpoints VALUES ('main', 'vr-1', '{\"old\":1}', 7)")
    assert checkpoints.load(rows) == {STATION: Heard(None, 7)}
