"""`laitevuoro queue …`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import CONFIG

Capture = pytest.CaptureFixture[str]
CORNER = """
[[device]]
site = "paja"
id = "corner"
kind = "attended"
name = "Motion corner"
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the configuration of an orchestrator that rests."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG + CORNER)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(path))
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    return path


def test_a_number_is_given_called_and_taken(library: Path, capsys: Capture) -> None:
    """One line for each answer; a corner with no agent is given out also at rest."""
    assert main(["queue", "join", "--kind", "attended", "--group", "nuoret", "--party", "2"]) == 0
    assert re.fullmatch(
        r"paja/attended 1, 2 people: Motion corner, \S+ \S+ to .+, held until \S+ \S+\n",
        capsys.readouterr().out,
    )
    assert main(["queue", "join", "--kind", "attended"]) == 0
    assert re.match(r"paja/attended 2: (in about \d+ min, |no turn is)", capsys.readouterr().out)
    assert main(["queue", "accept", "1", "--kind", "attended"]) == 0
    assert capsys.readouterr().out.startswith("Checked in ")
    assert main(["queue", "list"]) == 0
    assert capsys.readouterr().out.startswith("paja/attended 2: ")
    assert main(["queue", "list", "--kind", "attended", "--json"]) == 0
    (waits,) = json.loads(capsys.readouterr().out)
    assert (waits["number"], waits["state"]) == (2, "waiting")
    assert main(["queue", "leave", "2", "--kind", "attended"]) == 0
    assert capsys.readouterr().out == "paja/attended 2: left\n"
    assert main(["queue", "list"]) == 0
    assert capsys.readouterr().err == "Nobody waits.\n"


def test_who_does_not_come_is_skipped(library: Path, capsys: Capture) -> None:
    """The next one is called at once."""
    for _ in range(2):
        assert main(["queue", "join", "--kind", "paja/attended"]) == 0
    capsys.readouterr()
    assert main(["queue", "skip", "1", "--kind", "attended"]) == 0
    assert capsys.readouterr().out == "paja/attended 1: expired\n"
    assert main(["queue", "list"]) == 0
    assert capsys.readouterr().out.startswith("paja/attended 2: Motion corner, ")


def test_a_code_is_told_once(library: Path, capsys: Capture) -> None:
    """With the number, to be typed when a device is offered; at rest no device can be."""
    assert main(["queue", "join", "--kind", "printer"]) == 0
    number, code = capsys.readouterr().out.splitlines()
    assert number == "paja/printer 1: no turn is foreseen today"
    assert len(code.removeprefix("The check-in code, told this once: ").split()) == 3
    assert main(["queue", "join", "--kind", "printer", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["code"].split()) == 3
    assert main(["queue", "list", "--json"]) == 0
    assert "code" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["queue", "join", "--kind", "xyz"], "There is no device of the kind 'xyz'"),
        (["queue", "join"], "Missing option '--kind'."),
        (["queue", "join", "--kind", "pc", "--party", "0"], "A party is 1 to 1000 people, not 0."),
        (["queue", "leave", "1", "--kind", "pc"], "There is no number 1 for pc today."),
        (["queue", "call", "--kind", "pc"], "Nobody waits for pc."),
        (
            ["queue", "accept", "1", "--kind", "pc", "--old-enough", "15"],
            "--old-enough is yes or no, not '15'.",
        ),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    library: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    """And exit code 2."""
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(sentence)
