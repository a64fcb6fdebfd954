"""Sessions and totals again from the event log."""

from __future__ import annotations

import dataclasses
import sqlite3
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.codec import Incoming
from orchestrator.domain.usage import by_device
from orchestrator.store import sessions, totals
from orchestrator.store.database import Database
from orchestrator.store.intake import take_in
from orchestrator.store.rebuild import Rebuilt, rebuild
from tests.orchestrator.histories import (
    MORNING,
    PRINTER,
    History,
    checkpoint,
    ended,
    group_set,
    log_id,
    started,
)
from tests.orchestrator.store.tables import empty_tables

HELSINKI = ZoneInfo("Europe/Helsinki")


def _take(rows: sqlite3.Connection, history: History, *, active: int = 0) -> None:
    seen = checkpoint("s1", active=active)
    batch = history.batch(checkpoint=seen)
    take_in(rows, batches=[batch], now_ms=MORNING, zone=HELSINKI)


def _derived(rows: sqlite3.Connection) -> tuple[object, ...]:
    return sessions.everything(rows), totals.read(rows)


def test_what_is_rebuilt_is_as_before(rows: sqlite3.Connection) -> None:
    """Corrections on both sides of the book, and the closures that no device told of."""
    _take(rows, History().add(started("s0"), ended("s0"), group_set("s0"), started("s1")))
    _take(rows, History(log=log_id(2)).add(started("s2")), active=7000)
    _take(rows, History(log=log_id(3)).add(ended("s1"), ended("s2")))
    before = _derived(rows)
    rows.execute("UPDATE sessions SET active_ms = 1")
    rows.execute("DELETE FROM totals")
    assert rebuild(rows, HELSINKI) == Rebuilt(events=7, set_aside=0, changed=3)
    assert _derived(rows) == before


def test_what_is_understood_by_now_is_counted(rows: sqlite3.Connection) -> None:
    """An event that was set aside is tried again by today's rules."""
    _take(rows, History().add(started("s1"), ended("s1")).add_bad())
    before = _derived(rows)
    rows.execute("UPDATE events SET reason = 'an older version did not know it' WHERE seq = 2")
    assert rebuild(rows, HELSINKI) == Rebuilt(events=3, set_aside=1, understood=1)
    assert _derived(rows) == before
    assert rows.execute("SELECT seq FROM events WHERE reason IS NOT NULL").fetchall() == [(3,)]


def test_an_event_of_a_later_version_is_counted_after_the_upgrade(
    rows: sqlite3.Connection,
) -> None:
    """The end of a session that nobody understood: open before, counted afterwards."""
    history = History().add(started("s1"), ended("s1"))
    first, last = history.incoming()
    later = Incoming(
        seq=last.seq, prev=last.prev, chain=last.chain, raw=last.raw, event=None, reason="type"
    )
    batch = dataclasses.replace(history.batch(), events=(first, later))
    take_in(rows, batches=[batch], now_ms=MORNING, zone=HELSINKI)
    assert by_device(totals.read(rows)) == {}
    rebuilt = rebuild(rows, HELSINKI)
    assert rebuilt == Rebuilt(events=2, set_aside=0, understood=1, changed=1)
    assert rebuilt.before == {}
    assert rebuilt.after[PRINTER].sessions == 1
    assert rebuild(rows, HELSINKI) == Rebuilt(events=2, set_aside=0)


def test_it_tells_how_far_it_is(rows: sqlite3.Connection) -> None:
    """For whoever waits; what the listener raises undoes it all, as Ctrl-C does."""
    _take(rows, History().add(started("s1"), ended("s1")))
    told: list[tuple[int, int]] = []
    rebuild(rows, HELSINKI, lambda *progress: told.append(progress))
    assert told == [(2, 2)]


async def test_one_that_is_broken_off_changes_nothing(database: Database) -> None:
    """Ctrl-C in the middle of it: all or nothing, and the next one works."""
    batch = History().add(started("s1"), ended("s1")).batch()
    await database.write(lambda rows: take_in(rows, batches=[batch], now_ms=MORNING, zone=HELSINKI))
    await database.write(lambda rows: rows.execute("UPDATE sessions SET active_ms = 1"))
    before = await database.read(_derived)

    def broken_off(_: int, __: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(lambda rows: rebuild(rows, HELSINKI, broken_off))
    assert await database.read(_derived) == before
    rebuilt = await database.write(lambda rows: rebuild(rows, HELSINKI))
    assert rebuilt == Rebuilt(events=2, set_aside=0, changed=1)


def test_another_zone_moves_the_hours_only(rows: sqlite3.Connection) -> None:
    """A wrong time zone in the configuration can be put right afterwards."""
    _take(rows, History().add(ended("s1")))
    rebuild(rows, ZoneInfo("UTC"))
    assert [cell.hour for cell in totals.read(rows)] == ["2026-11-25T09"]


_body = st.one_of(
    st.builds(started, st.sampled_from("abc")),
    st.builds(ended, st.sampled_from("abc"), active=st.integers(0, 9)),
    st.builds(group_set, st.sampled_from("abc"), st.sampled_from(["lapset", "nuoret"])),
)


@given(st.lists(st.lists(_body, min_size=1, max_size=6), min_size=1, max_size=5))
def test_any_history_is_rebuilt_as_it_was(logs: list[list[object]]) -> None:
    """Whatever order logs and events came in."""
    rows = empty_tables()
    for number, bodies in enumerate(logs):
        _take(rows, History(log=log_id(number)).add(*bodies), active=5)  # type: ignore[arg-type]  # lists are invariant
    before = _derived(rows)
    rebuild(rows, HELSINKI)
    assert _derived(rows) == before
    rows.close()
