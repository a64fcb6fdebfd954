"""`laitevuoro booking …` beyond the first four commands; see test_cli.py for those."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import CONFIG, configuration

Capture = pytest.CaptureFixture[str]
RULES = """
[kind.pc.policy]
check_in = "code"
walk_in = 1800
minimum_age = 12

[[kind.pc.policy.quotas]]
most = 1
per = "day"
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a library's folder, whose PC has rules, and have the commands use it."""
    config = configuration(tmp_path)
    config.orchestrator.state_dir.mkdir()
    Database.open(config.orchestrator.state_dir / DATABASE).close()
    (tmp_path / "laitevuoro.toml").write_text(CONFIG + RULES)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(tmp_path / "laitevuoro.toml"))
    return tmp_path


def said(capsys: Capture, *words: str) -> str:
    """Return what a command that succeeds says."""
    code = main(["booking", *words])
    spoken = capsys.readouterr()
    assert code == 0, spoken.err
    return spoken.out


def refused(capsys: Capture, *words: str) -> str:
    """Return the sentence with which a command is refused."""
    assert main(["booking", *words]) == 2
    return capsys.readouterr().err


def test_a_turn_of_a_kind_is_booked_with_a_code_and_without_a_card(
    library: Path, capsys: Capture
) -> None:
    """The code is told once; another one can be had."""
    add = ["add", "--kind", "pc", "--start", "now", "--for", "1h"]
    assert "PC 1 has a quota" in refused(capsys, *add)
    first, second = said(capsys, *add, "--no-card").splitlines()
    assert second.startswith("The check-in code, told this once: ")
    assert len(second.split(": ")[1].split()) == 3
    name = first.split()[1].rstrip(":")
    again = said(capsys, "code", name).splitlines()[1]
    assert again.startswith("The check-in code")
    assert again != second
    assert "Ask first" in refused(capsys, "check-in", name)
    assert "--old-enough is yes or no" in refused(capsys, "check-in", name, "--old-enough", "13")
    assert said(capsys, "check-in", name, "--old-enough", "yes").startswith("Checked in ")


def test_a_card_comes_from_a_file_or_from_standard_input(
    library: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the command line, where everybody on the machine sees it."""
    card = library / "card"
    card.write_text("AB 47114711\n")
    add = ["add", "--device", "pc-1", "--start", "now", "--for", "30min", "--card-file"]
    name = json.loads(said(capsys, *add, str(card), "--json"))["booking"]["id"]
    said(capsys, "cancel", name)
    assert "can't be read" in refused(capsys, *add, str(library / "none"))
    monkeypatch.setattr("sys.stdin", io.StringIO("ab47114711\n"))
    said(capsys, *add, "-")
    with closing(sqlite3.connect(library / "state" / DATABASE)) as database:
        marks = database.execute("SELECT mark FROM booking_quota").fetchall()
        assert len(marks) == 2
        assert len(set(marks)) == 1
        assert "47114711" not in "".join(database.iterdump())


def test_a_walk_in_begins_at_once(library: Path, capsys: Capture) -> None:
    """With what staff asked."""
    words = ["walk-in", "--kind", "pc", "--no-card", "--for", "20min", "--party", "2"]
    assert "Ask first" in refused(capsys, *words)
    assert said(capsys, *words, "--old-enough", "yes").startswith("Begun ")


def test_a_series_is_booked_and_cancelled(library: Path, capsys: Capture) -> None:
    """By one id for all."""
    add = ["add", "--device", "printer-1", "--start", "now", "--for", "1h", "--group", "nuoret"]
    assert "both --every and --times" in refused(capsys, *add, "--every", "week")
    lines = said(capsys, *add, "--every", "week", "--times", "3").splitlines()
    assert [line.split()[0] for line in lines] == ["Booked"] * 3 + ["Together"]
    series = lines[-1].split()[-1].rstrip(".")
    again = [*add, "--every", "day", "--times", "2"]
    assert refused(capsys, *again).startswith("1 of 2 turns can't be booked: ")
    assert main(["booking", *again, "--partial"]) == 0
    spoken = capsys.readouterr()
    assert spoken.out.count("Booked") == 1
    assert spoken.err.startswith("Not booked, ")
    assert "either the ID of a booking or --series" in refused(capsys, "cancel")
    assert said(capsys, "cancel", "--series", series).count("Cancelled") == 3


def test_devices_are_blocked_and_bookings_moved(library: Path, capsys: Capture) -> None:
    """And the audit log tells all of it."""
    both = ["--device", "printer-1", "--device", "pc-1"]
    lines = said(capsys, "block", *both, "--start", "now", "--for", "2h", "--why", "painting")
    assert lines.count("Blocked") == 2
    assert "block" in said(capsys, "list")
    series = lines.splitlines()[-1].split()[-1].rstrip(".")
    said(capsys, "cancel", "--series", series)
    made = said(capsys, "add", "--device", "printer-1", "--start", "now", "--for", "1h", "--json")
    name = json.loads(made)["booking"]["id"]
    assert said(capsys, "move", name, "--to", "pc-1", "--why", "jammed").startswith("Moved ")
    log = said(capsys, "audit")
    assert "(painting)" in log
    assert "(jammed)" in log
    whats = [line.split()[3] for line in log.splitlines()]
    assert whats == [
        "blocked",
        "blocked",
        "booking_cancelled",
        "booking_cancelled",
        "booking_added",
        "booking_moved",
    ]
    assert len(json.loads(said(capsys, "audit", "--json"))) == 6
    assert main(["booking", "audit", "--from", "2020-01-01 12:00", "--to", "2020-01-02 12:00"]) == 0
    assert capsys.readouterr().err == "Nothing was done.\n"
