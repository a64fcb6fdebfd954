"""Group events as rows."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.domain.bookings import Booking
from orchestrator.domain.group_events import Count, EventState, GroupEvent, Participants
from orchestrator.domain.sequence import empty
from orchestrator.domain.sessions import apply
from orchestrator.store import bookings, group_events, logs, sessions
from tests.orchestrator.histories import MORNING, PRINTER, log_id, started

NOW = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = GroupEvent(
    id="e1",
    site="paja",
    label="Class 4B",
    starts_at=NOW,
    ends_at=NOW + HOUR,
    target_group="nuoret",
    rotate=360,
    buffer=900,
)
LATER = GroupEvent(
    id="e2", site="paja", label="Club", starts_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR
)
COUNT = Count(at=NOW, role="staff", under_18=22, over_18=2, unknown=1, estimated=True)


def test_events_come_back_as_they_were_kept(rows: sqlite3.Connection) -> None:
    """With all that may be left out, or without."""
    for event in (LATER, EVENT):
        group_events.insert(rows, event, created=NOW)
    assert group_events.find(rows, "e1") == EVENT
    assert group_events.find(rows, "e3") is None
    span = {"ends_after": NOW, "starts_before": NOW + 2 * HOUR}
    assert group_events.between(rows, **span) == [EVENT]
    changed = replace(LATER, not_counted="hobby club", ends_at=NOW + 4 * HOUR)
    group_events.change(rows, changed)
    assert group_events.find(rows, "e2") == changed


def test_figures_are_never_overwritten(rows: sqlite3.Connection) -> None:
    """A correction is a row of its own."""
    group_events.insert(rows, EVENT, created=NOW)
    better = replace(COUNT, under_18=20, estimated=False, why="two left", at=NOW + HOUR)
    for count in (COUNT, better):
        group_events.add_count(rows, "e1", count)
    assert group_events.counts_of(rows, ["e1", "e2"]) == {"e1": [COUNT, better]}
    for statement in (
        "UPDATE group_event_counts SET under_18 = 0",
        "DELETE FROM group_event_counts",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="corrected by another row"):
            rows.execute(statement)


def test_a_report_gets_each_event_once(rows: sqlite3.Connection) -> None:
    """By its start and site, with the figures that hold; cancelled ones are left out."""
    others = [
        replace(LATER, id="e3", state=EventState.CANCELLED),
        replace(LATER, id="e4", site="sivu"),
        replace(LATER, id="e5", starts_at=NOW + 9 * HOUR, ends_at=NOW + 10 * HOUR),
    ]
    uncounted = replace(LATER, not_counted="hobby club")
    for event in (EVENT, uncounted, *others):
        group_events.insert(rows, event, created=NOW)
    exact = replace(COUNT, estimated=False, why="counted")
    for count in (COUNT, exact):
        group_events.add_count(rows, "e1", count)
    found = group_events.participants(rows, "paja", NOW, NOW + 9 * HOUR)
    assert found == [Participants(EVENT, exact, corrected=True), Participants(uncounted)]
    assert [each.counted for each in found] == [True, False]


def test_an_event_has_the_sessions_of_its_turns(rows: sqlite3.Connection) -> None:
    """On each of its devices, and no others'."""
    log = logs.begin(rows, PRINTER, log_id(1), empty(log_id(1)), MORNING).id
    for name, turn in (("s1", "b1"), ("s2", "b2"), ("s3", None)):
        session = apply(None, started(name).model_copy(update={"turn": turn}))
        assert session is not None
        sessions.save(rows, [(PRINTER, log, session)])
    mine = Booking("b1", PRINTER, NOW, NOW + HOUR, event="e1")
    bookings.insert(rows, mine, created=NOW)
    bookings.insert(rows, replace(mine, id="b2", event=None), created=NOW)
    found = group_events.sessions_of(rows, "e1")
    assert [(each.address, each.session) for each in found] == [(PRINTER, "s1")]
    assert bookings.of_event(rows, "e1") == [mine]
