"""`laitevuoro backup`, `restore`, `rebuild`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from orchestrator.store.intake import take_in
from tests.orchestrator.histories import MORNING, History, ended, started
from tests.orchestrator.parts import PRINTER
from tests.orchestrator.test_cli import Capture, library, refusal

__all__ = ["library"]


@contextmanager
def rows_of(library: Path) -> Iterator[sqlite3.Connection]:
    """Give the database of an orchestrator that rests."""
    with closing(sqlite3.connect(library / "state" / DATABASE, isolation_level=None)) as rows:
        yield rows


def say(words: list[str], capsys: Capture) -> list[str]:
    """Return what a command says."""
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def count_one(library: Path) -> None:
    """Have one use of the printer counted."""
    batch = History(PRINTER).add(started("s1"), ended("s1")).batch()
    with rows_of(library) as rows:
        take_in(rows, batches=[batch], now_ms=MORNING, zone=ZoneInfo("Europe/Helsinki"))


def test_a_backup_is_made_and_put_back(library: Path, capsys: Capture) -> None:
    """Each says in a line what it did."""
    count_one(library)
    file = library / "backup.db"
    [made] = say(["backup", str(file)], capsys)
    assert made.startswith(f"{file} holds 2 events and 0 files of credentials, ")
    restored, aside = say(["restore", str(file)], capsys)
    assert restored.startswith("Restored 2 events of ")
    assert aside.startswith(f"What was there before is now {library}/state/{DATABASE}.replaced-")


def test_what_can_not_be_done_is_one_sentence(library: Path, capsys: Capture) -> None:
    """And exit code 2."""
    file = library / "backup.db"
    assert refusal(["restore", str(file)], capsys) == f"There is no file {file}."
    say(["backup", str(file)], capsys)
    assert refusal(["backup", str(file)], capsys) == f"{file} exists; --force replaces it."
    assert say(["backup", str(file), "--force"], capsys)
    database = Database.open(library / "state" / DATABASE)
    for words in (["restore", str(file)], ["rebuild"]):
        assert refusal(words, capsys).startswith("The orchestrator runs on ")
    database.close()


def test_a_rebuild_of_what_is_right_changes_nothing(library: Path, capsys: Capture) -> None:
    """And says so."""
    count_one(library)
    assert say(["rebuild"], capsys) == [
        "Sessions and totals follow from 2 events.",
        "Nothing changed.",
    ]


def test_a_rebuild_tells_what_it_changed(library: Path, capsys: Capture) -> None:
    """By device, for people and for programs; a second one changes nothing more."""
    count_one(library)
    with rows_of(library) as rows:
        rows.execute("UPDATE events SET reason = 'not known here' WHERE seq = 2")
        rows.execute("DELETE FROM totals")
        rows.execute("UPDATE sessions SET state = 'open', outcome = NULL")
    copy = (library / "state" / DATABASE).read_bytes()
    assert say(["rebuild"], capsys) == [
        "Sessions and totals follow from 2 events.",
        "1 events that were set aside are understood now.",
        "1 sessions changed.",
        f"Printer 1 ({PRINTER}): 0 sessions, 0.0 h active → 1 sessions, 0.3 h active",
    ]
    assert say(["rebuild"], capsys)[-1] == "Nothing changed."
    (library / "state" / DATABASE).write_bytes(copy)
    assert json.loads("\n".join(say(["rebuild", "--json"], capsys))) == {
        "events": 2,
        "set_aside": 0,
        "understood": 1,
        "changed_sessions": 1,
        "devices": {
            str(PRINTER): {
                "before": {"sessions": 0, "active_seconds": 0.0},
                "after": {"sessions": 1, "active_seconds": 1200.0},
            }
        },
    }


def test_there_must_be_a_database(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebuilding does not make one."""
    config = tmp_path / "laitevuoro.toml"
    config.write_text(f'orchestrator.state_dir = "{tmp_path}"\n[[site]]\nid = "paja"\n')
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(config))
    for words in (["rebuild"], ["backup", str(tmp_path / "x.db")]):
        assert refusal(words, capsys) == f"There is no database at {tmp_path / DATABASE} yet."
    assert [each.name for each in tmp_path.iterdir()] == ["laitevuoro.toml"]
