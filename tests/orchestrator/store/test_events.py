"""The table of events."""

from __future__ import annotations

import sqlite3

import pytest

from mqtt_schemas.canonical import chain
from orchestrator.domain.sequence import empty
from orchestrator.store import events, logs
from orchestrator.store.events import Logged, Row
from tests.orchestrator.histories import MORNING, PRINTER, log_id


@pytest.fixture
def log(rows: sqlite3.Connection) -> int:
    """Return the row of a log with three events, the second one set aside."""
    log = logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING)
    reasons = [None, "why", None]
    events.append(
        rows,
        [
            Row(number, log.id, number, MORNING, reasons[number - 1], f'{{"n":{number}}}')
            for number in (1, 2, 3)
        ],
    )
    return log.id


def test_numbers_go_on(rows: sqlite3.Connection, log: int) -> None:
    """From one in an empty log; after the newest in any other."""
    assert events.next_id(rows) == 4


def test_an_empty_log_begins_with_one(rows: sqlite3.Connection) -> None:
    """There is no event 0."""
    assert events.next_id(rows) == 1
    assert events.page(rows, 0) == []


def test_a_seq_is_taken_once(rows: sqlite3.Connection, log: int) -> None:
    """The database itself refuses to count an event twice, whatever the code does."""
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        events.append(rows, [Row(9, log, 3, MORNING, None, "{}")])


def test_chain_values_are_those_of_the_bytes(rows: sqlite3.Connection, log: int) -> None:
    """Of the seqs that are asked for and are there."""
    assert events.chains(rows, log, 2, 5) == {2: chain(b'{"n":2}'), 3: chain(b'{"n":3}')}


def test_pages_follow_the_order_of_acceptance(rows: sqlite3.Connection, log: int) -> None:
    """Each begins after the last event of the one before."""
    assert events.page(rows, 1, most=1) == [Logged(2, PRINTER, log, '{"n":2}', "why")]
    assert [each.id for each in events.page(rows, 0)] == [1, 2, 3]


def test_why_an_event_is_set_aside_can_change(rows: sqlite3.Connection, log: int) -> None:
    """The rules of today understand one that those of yesterday did not."""
    events.judge_again(rows, 2, None)
    events.judge_again(rows, 3, "because")
    found = rows.execute("SELECT seq, reason FROM events WHERE reason IS NOT NULL").fetchall()
    assert found == [(3, "because")]
