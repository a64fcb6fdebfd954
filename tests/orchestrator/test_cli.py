"""The command line, but for what runs on: see tests/e2e/test_serve.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import configuration

Capture = pytest.CaptureFixture[str]
TOMORROW = "2999-01-01 14:00"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a library's folder, and have the commands use its configuration."""
    config = configuration(tmp_path)
    config.orchestrator.state_dir.mkdir()
    Database.open(config.orchestrator.state_dir / DATABASE).close()
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(tmp_path / "laitevuoro.toml"))
    return tmp_path


def refusal(words: list[str], capsys: Capture) -> str:
    """Return the one sentence with which a command is refused."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 1
    return said.err.strip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["serve", "--config", "/nowhere.toml"], "/nowhere.toml: No such file or directory."),
        (["check-config", "--config", "/"], "/: Is a directory."),
        (["booking", "add", "--device", "pc-1"], "Missing option '--start'."),
        (["booking", "extend"], "Missing argument 'ID'."),
        (["bookings"], "No such command 'bookings'."),
        (["serve", "--prot", "1"], "No such option: --prot"),
        (["demo", "--speed", "fast"], "Invalid value for '--speed'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    library: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    """Without a usage text to look for it in."""
    assert refusal(words, capsys).startswith(sentence)


def test_every_command_has_help(capsys: Capture) -> None:
    """Also what is not mentioned elsewhere."""
    groups = [[], ["booking"], ["broker"], ["device"], ["event"], ["queue"]]
    for words in groups:
        assert main([*words, "--help"]) == 0
        assert "Usage: laitevuoro" in capsys.readouterr().out


def test_check_config_prints_each_value_with_its_source(library: Path, capsys: Capture) -> None:
    """What is set, what is inherited and what is built in."""
    assert main(["check-config"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["device", "printer-1,", "printer:", "Printer", "1"] in lines
    assert ["at_end", "lock", "[policy]"] in lines
    assert ["warn_before", "600,", "300,", "60", "built", "in"] in lines


def test_a_booking_is_made_changed_and_cancelled(library: Path, capsys: Capture) -> None:
    """In local time, by names, with one line for each answer."""
    assert main(["booking", "add", "--device", "printer-1", "--start", "now", "--for", "30min",
                 "--group", "nuoret", "--party", "2", "--json"]) == 0  # fmt: skip
    booking = json.loads(capsys.readouterr().out)["booking"]
    assert main(["booking", "list"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{booking['id']}  paja/printer-1 ")
    assert line.endswith("2 × nuoret\n")
    assert main(["booking", "extend", booking["id"], "--by", "15min"]) == 0
    answer = capsys.readouterr().out
    assert answer.startswith(f"Changed {booking['id']}: Printer 1, ")
    assert answer.endswith(
        "The orchestrator is not running; Printer 1 is told when it runs again.\n"
    )
    assert main(["booking", "cancel", booking["id"]]) == 0
    assert capsys.readouterr().out.startswith(f"Cancelled {booking['id']}: ")
    assert main(["booking", "list"]) == 0
    assert capsys.readouterr().err == "Nothing is booked.\n"
    assert main(["booking", "list", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "cancelled"


ADD = ["booking", "add", "--device", "printer-1", "--group", "nuoret"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([*ADD, "--start", "now"], "Give either --end or --for."),
        ([*ADD, "--start", "now", "--end", "now", "--for", "1h"], "Give either --end or --for."),
        ([*ADD, "--start", "soon", "--for", "1h"], "'soon' is no time; write it as"),
        ([*ADD, "--start", "now", "--for", "long"], "'long' is no length of time"),
        ([*ADD, "--start", "2020-01-01 12:00", "--for", "1h"], "The start, 2020-01-01 12:00, is"),
        ([*ADD, "--start", TOMORROW, "--for", "1h"], "Printer 1 can be booked at most 366 days"),
        ([*ADD, "--start", "9999-12-31 12:00", "--for", "99h"], "The end is after the year 9999."),
        ([*ADD, "--start", "9999-12-31T23:59:59.9Z", "--end", "now"], "The end, "),
        ([*ADD, "--start", "2027-03-28 03:30", "--for", "1h"], "The clocks are put forward then"),
        ([*ADD, "--start", "now", "--for", "1h", "--device", "prnter-1"], "There is no device"),
        ([*ADD, "--start", "now", "--for", "1h", "--group", "x"], "There is no target group 'x'"),
        ([*ADD, "--start", "now", "--for", "1h", "--group", ""], "target_group: String should"),
        (["booking", "extend", "x"], "Give either --end or --by."),
        (["booking", "extend", "x", "--by", "1h"], "There is no booking 'x'."),
        (["booking", "extend", "x", "--by", "999999h"], "more_seconds: Input should be less"),
        (["booking", "cancel", "../x"], "There is nothing called '../x'."),
        (["booking", "list", "--from", "yesterday"], "'yesterday' is no time"),
        (["booking", "list", "--device", "x"], "There is no device 'x'."),
    ],
)
def test_a_booking_that_can_not_be_is_refused(
    library: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    """Each with the reason."""
    assert refusal(words, capsys).startswith(sentence)


def test_a_wrong_configuration_tells_all_that_is_wrong(library: Path, capsys: Capture) -> None:
    """A line for each mistake."""
    file = library / "laitevuoro.toml"
    file.write_text(file.read_text().replace("port = 0", "prot = 0"))
    assert main(["check-config"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{file}: http.prot: There is no such key.",
        f"{file}: broker.prot: There is no such key.",
    ]
