"""A backup of a running library, put back: everything is counted again, nothing twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.places import DATABASE
from tests.e2e.brokers import KINDS, Broker
from tests.e2e.library import Library, Spec, until
from tests.e2e.test_main_loop import held_against_journal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CROWD = "[crowd]\nseed = 7\ngap = [0.1, 0.3]\nstay = [0.2, 0.6]\n"
DEVICE = "vr-1"


@pytest.fixture(params=KINDS)
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """Give a running library on each kind of broker."""
    broker = Broker(request.param, tmp_path / "broker")
    broker.admit()
    broker.start()
    library = Library(broker, tmp_path, [Spec(DEVICE, script=CROWD)])
    try:
        library.start()
        yield library
    finally:
        library.stop()
        broker.stop()


def play_a_turn(library: Library) -> int:
    """Have a turn with many customers; return how many uses there were up to now."""
    before = len(library.uses(DEVICE))
    library.book(DEVICE, 0.3, 2.5)
    library.state(DEVICE, "in_use")
    until("the turn is over", lambda: library.device(DEVICE)["turn"] is None)
    uses = len(library.uses(DEVICE))
    assert uses > before
    return uses


def revision(library: Library) -> float:
    """Return which revision of its plan the device carries out."""
    return library.metric("laitevuoro_plan_revision_in_force", device=DEVICE)


def test_an_older_backup_is_put_back_and_everything_is_counted_again(library: Library) -> None:
    """Plans go on above what the device has, and what the backup lacks is sent again."""
    file = library.folder / "backup.db"
    library.counted(DEVICE, play_a_turn(library))
    library.command("backup", str(file))
    assert library.get("/healthz")["database"]["last_backup"] is not None
    assert library.metric("laitevuoro_backup_timestamp_seconds") > 1.7e9
    library.counted(DEVICE, play_a_turn(library))
    held_against_journal(library, DEVICE)
    events, plan = library.events(), revision(library)
    refused = library.command("restore", str(file), code=2)
    assert refused.stderr.startswith("The orchestrator runs on ")

    library.orchestrator.stop()
    library.command("restore", str(file))
    with closing(sqlite3.connect(library.folder / "state" / DATABASE)) as rows:
        [restored] = rows.execute("SELECT count(*) FROM events").fetchone()
    assert 0 < restored < events["accepted"]
    library.start_orchestrator()

    library.counted(DEVICE, len(library.uses(DEVICE)))
    held_against_journal(library, DEVICE)
    assert library.events()["accepted"] == events["accepted"]
    assert library.metric("laitevuoro_events_total", result="fork") == 0
    assert library.metric("laitevuoro_events_total", result="loss") == 0
    library.online(DEVICE)
    assert revision(library) > plan

    library.orchestrator.stop()
    assert library.command("rebuild").stdout.splitlines()[-1] == "Nothing changed."
