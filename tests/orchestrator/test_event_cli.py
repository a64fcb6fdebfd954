"""`laitevuoro event …`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import CONFIG

Capture = pytest.CaptureFixture[str]
SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="minutes")
ADD = ["event", "add", "--device", "printer-1", "--start", SOON, "--for", "1h"]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the configuration of an orchestrator that rests."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(path))
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    return path


def planned(capsys: Capture, *more: str) -> str:
    """Plan an event and return its id."""
    assert main([*ADD, "--label", "Class 4B", *more, "--json"]) == 0
    name = json.loads(capsys.readouterr().out)["id"]
    assert isinstance(name, str)
    return name


def test_an_event_is_planned_counted_shown_and_cancelled(library: Path, capsys: Capture) -> None:
    """One line for each answer; what was told stays to be seen."""
    assert main([*ADD, "--label", "Class 4B", "--rotate", "6min", "--under-18", "25"]) == 0
    said = capsys.readouterr()
    assert said.err == "The label is kept with the event: it must name nobody.\n"
    lines = said.out.splitlines()
    assert lines[0].startswith("Planned ")
    assert lines[0].endswith("  1 device    Class 4B  25 people (estimated)")
    assert lines[1].endswith("Printer 1 is told when it runs again.")
    event = lines[0].split()[1]
    told = ["event", "participants", event, "--under-18", "22", "--over-18", "2"]
    assert main([*told, "--why", "at the door"]) == 0
    assert capsys.readouterr().out.endswith("24 people (estimated, corrected)\n")
    assert main(["event", "not-counted", event, "--why", "hobby club"]) == 0
    assert capsys.readouterr().out.endswith(", not counted: hobby club\n")
    assert main(["event", "show", event]) == 0
    shown = capsys.readouterr().out
    assert "  places change every 6 min\n" in shown
    assert "staff: 25 under 18, 0 of 18 or over, 0 unknown, estimated\n" in shown
    assert "staff: 22 under 18, 2 of 18 or over, 0 unknown, estimated (at the door)\n" in shown
    assert shown.endswith("  0 sessions, 0.0 h in use; sessions are not people\n")
    assert main(["event", "list"]) == 0
    assert capsys.readouterr().out.startswith(event)
    assert main(["event", "cancel", event, "--why", "ill"]) == 0
    assert capsys.readouterr().out.startswith(f"Cancelled {event}")
    assert main(["event", "list"]) == 0
    assert capsys.readouterr().err == "No event is planned.\n"
    assert main(["event", "list", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "cancelled"


def test_a_list_from_a_later_day_reaches_as_far(library: Path, capsys: Capture) -> None:
    """Only `--from` is told: what comes after it is listed, however far off that is."""
    start = datetime.now(UTC) + timedelta(days=40)
    first = (start - timedelta(days=1)).isoformat(timespec="minutes")
    event = planned(capsys, "--start", start.isoformat(timespec="minutes"))
    assert main(["event", "list", "--from", first]) == 0
    assert capsys.readouterr().out.startswith(event)


def test_nobody_told_is_no_zero(library: Path, capsys: Capture) -> None:
    """A dash; and nobody came only where that is said."""
    event = planned(capsys)
    assert main(["event", "list"]) == 0
    assert capsys.readouterr().out.endswith("Class 4B  –\n")
    assert main(["event", "participants", event]) == 2
    assert capsys.readouterr().err == "Say how many: --under-18, --over-18, --unknown.\n"
    assert main(["event", "participants", event, "--unknown", "0"]) == 0
    assert capsys.readouterr().out.endswith("0 people (estimated)\n")


def test_a_device_is_replaced(library: Path, capsys: Capture) -> None:
    """The answer says what the new one has of it."""
    event = planned(capsys)
    assert main(["event", "move-device", event, "--device", "printer-1", "--to", "pc-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Moved {event}")
    assert "PC 1 is told when it runs again." in lines[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*ADD], "Missing option '--label'."),
        ([*ADD, "--label", "x" * 61], "An event's label is at most 60 letters long."),
        ([*ADD, "--label", "x", "--rotate", "often"], "'often' is no length of time"),
        ([*ADD, "--label", "x", "--device", "xyz"], "There is no device 'xyz'"),
        (["event", "show", "e9"], "There is no event 'e9'."),
        (["event", "show", "../x"], "There is nothing called '../x'."),
        (["event", "not-counted", "e9"], "Missing option '--why'."),
        (
            ["event", "move-device", "e9", "--device", "pc-1", "--to", "pc-1"],
            "There is no event 'e9'.",
        ),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    library: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    """And exit code 2."""
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(sentence)
