"""Sessions closed though no event came."""

from __future__ import annotations

import sqlite3
from zoneinfo import ZoneInfo

from mqtt_schemas.messages import Checkpoint
from orchestrator.domain.sessions import SessionState
from orchestrator.domain.silence import Reason
from orchestrator.domain.usage import by_device, net
from orchestrator.store import counters, sessions, silences, totals
from orchestrator.store.counters import CLOSED, Counted
from orchestrator.store.intake import take_in
from orchestrator.store.rebuild import rebuild
from orchestrator.store.silences import Closing
from tests.orchestrator.histories import (
    MINUTE,
    MORNING,
    PRINTER,
    History,
    checkpoint,
    ended,
    started,
)

HELSINKI = ZoneInfo("Europe/Helsinki")


def _take(rows: sqlite3.Connection, history: History) -> None:
    take_in(rows, batches=[history.batch()], now_ms=MORNING, zone=HELSINKI)


def _close(
    rows: sqlite3.Connection, seen: Checkpoint | None, reason: Reason = Reason.SILENCE
) -> int:
    """Close everything that is open; return how many sessions were."""
    closings = [Closing(each, seen, reason) for each in silences.still_open(rows)]
    _, counts = silences.close_silent(rows, closings, now_ms=MORNING, zone=HELSINKI)
    return counts.total()


def _sessions(rows: sqlite3.Connection) -> tuple[int, int]:
    used = by_device(net(totals.read(rows)), [PRINTER])[PRINTER]
    return used.sessions, used.active_ms


def test_it_is_closed_at_the_last_checkpoint_and_marked_so(rows: sqlite3.Connection) -> None:
    """Provisional, of unknown outcome, counted for what was seen, and counted as closed."""
    _take(rows, History().add(started("s1")))
    assert _close(rows, checkpoint("s1", active=7000)) == 1
    session = sessions.load(rows, PRINTER, "s1")
    assert session is not None
    assert (session.state, session.at_checkpoint) == (SessionState.CLOSED, True)
    assert _sessions(rows) == (1, 7000)
    assert counters.read(rows)[Counted(CLOSED, "silence", "main", "printer-1")] == 1
    assert silences.still_open(rows) == []


def test_one_that_ended_meanwhile_is_left_alone(rows: sqlite3.Connection) -> None:
    """Its event was committed between the look and the closing."""
    history = History().add(started("s1"))
    _take(rows, history)
    closings = [Closing(each, None, Reason.SILENCE) for each in silences.still_open(rows)]
    _take(rows, history.add(ended("s1")))
    _, counts = silences.close_silent(rows, closings, now_ms=MORNING, zone=HELSINKI)
    assert not counts
    assert _sessions(rows) == (1, 20 * MINUTE)


def test_the_late_end_replaces_it_exactly_once(rows: sqlite3.Connection) -> None:
    """What was counted is withdrawn in its own row; both rows stay to be seen."""
    history = History().add(started("s1"))
    _take(rows, history)
    _close(rows, checkpoint("s1", active=7000))
    _take(rows, history.add(ended("s1")))
    assert _sessions(rows) == (1, 20 * MINUTE)
    withdrawn = [amounts for cell, amounts in totals.read(rows).items() if cell.withdrawn]
    assert [each.active_ms for each in withdrawn] == [7000]
    _take(rows, history)
    assert _sessions(rows) == (1, 20 * MINUTE)


def test_a_rebuild_closes_in_the_same_place(rows: sqlite3.Connection) -> None:
    """Before and after the late end, and where another session follows."""
    history = History().add(started("s1"))
    _take(rows, history)
    _close(rows, checkpoint("s1", active=7000))
    for more in ([started("s2")], [ended("s1")], [ended("s2")]):
        _take(rows, history.add(*more))
        before = sessions.everything(rows), totals.read(rows)
        assert rebuild(rows, HELSINKI).changed == 0
        assert (sessions.everything(rows), totals.read(rows)) == before
