"""The table of sessions."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Basis, Outcome
from orchestrator.domain.sequence import empty
from orchestrator.domain.sessions import ClockSource, Session, SessionState, apply, close
from orchestrator.store import logs, sessions
from tests.orchestrator.histories import MORNING, PRINTER, STATION, ended, log_id, started
from tests.orchestrator.store.tables import empty_tables


@pytest.fixture
def log(rows: sqlite3.Connection) -> int:
    """Return the row of a log."""
    return logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING).id


def _open(name: str) -> Session:
    session = apply(None, started(name))
    assert session is not None
    return session


_amounts = st.integers(0, 2**53 - 1)
_sessions = st.builds(
    Session,
    id=st.just("s1"),
    state=st.sampled_from(SessionState),
    rule=st.just("pc/1"),
    basis=st.sampled_from(Basis),
    begun_ms=_amounts,
    clock=st.sampled_from(ClockSource),
    turn=st.none() | st.just("t"),
    target_group=st.none() | st.just("lapset"),
    party_size=st.none() | st.integers(1, 1000),
    ended_ms=st.none() | _amounts,
    outcome=st.none() | st.sampled_from(Outcome),
    at_checkpoint=st.booleans(),
    active_ms=_amounts,
    idle_ms=_amounts,
    unobserved_ms=_amounts,
    overrun_ms=_amounts,
    categories=st.dictionaries(st.sampled_from(["game", "other"]), _amounts),
    figures=st.dictionaries(st.just("filament_mm"), _amounts),
)


@given(_sessions, _sessions)
def test_what_is_saved_is_loaded(first: Session, second: Session) -> None:
    """To the last field; and saving again overwrites every field."""
    rows = empty_tables()
    log = logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING).id
    for session in (first, second):
        sessions.save(rows, [(PRINTER, log, session)])
        assert sessions.load(rows, PRINTER, "s1") == session
    assert sessions.everything(rows) == [(PRINTER, second)]
    rows.close()


def test_a_session_belongs_to_its_device(rows: sqlite3.Connection, log: int) -> None:
    """The same id elsewhere is another session."""
    sessions.save(rows, [(PRINTER, log, _open("s1"))])
    assert sessions.load(rows, STATION, "s1") is None


def test_sessions_are_loaded_together(rows: sqlite3.Connection, log: int) -> None:
    """Those that are known, of those that are asked for."""
    sessions.save(rows, [(PRINTER, log, _open(name)) for name in "abc"])
    found = sessions.load_all(rows, PRINTER, ["a", "c", "x"])
    assert found == {"a": _open("a"), "c": _open("c")}
    assert sessions.load_all(rows, STATION, ["a"]) == {}


def test_open_sessions_are_found(rows: sqlite3.Connection, log: int) -> None:
    """Those of the device that neither ended nor were closed."""
    over = apply(None, ended("b"))
    assert over is not None
    saved = [(PRINTER, _open("a")), (PRINTER, over), (PRINTER, close(_open("c"), None))]
    sessions.save(rows, [(address, log, each) for address, each in saved])
    sessions.save(rows, [(STATION, log, _open("d"))])
    assert sessions.still_open(rows, PRINTER) == [_open("a")]


def test_closures_are_kept_by_event(rows: sqlite3.Connection, log: int) -> None:
    """With what was known of each session."""
    for number in (1, 2):
        rows.execute("INSERT INTO events VALUES (?, ?, ?, 0, NULL, '{}')", (number, log, number))
    closed = [close(_open(name), None) for name in "ab"]
    sessions.record_closures(rows, [(2, closed[0]), (2, closed[1])])
    assert sessions.closures(rows) == {2: [("a", 0, 0, 0), ("b", 0, 0, 0)]}
    sessions.forget_all(rows)
    assert sessions.closures(rows), "not derived from any event, so not to be forgotten"
