"""`laitevuoro turn …`."""

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

[device.policy]
walk_in = 1800
"""


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the configuration of an orchestrator that rests."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG + CORNER)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(path))
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    return path


def test_a_turn_is_begun_extended_and_ended(capsys: Capture) -> None:
    """One line for each answer; it holds at the desk, whether the orchestrator runs or not."""
    assert main(["turn", "start", "corner", "--group", "nuoret", "--for", "15min"]) == 0
    began = capsys.readouterr().out
    assert re.match(r"Begun \w+: Motion corner, .* to .*\. ", began)
    assert began.endswith(". Motion corner has no agent: it holds at the desk.\n")
    assert main(["turn", "extend", "paja/corner", "--by", "5min"]) == 0
    assert capsys.readouterr().out.startswith(f"Changed {began.split()[1].rstrip(':')}: ")
    assert main(["turn", "end", "corner", "--outcome", "device_fault", "--json"]) == 0
    ended = json.loads(capsys.readouterr().out)
    assert (ended["booking"]["state"], ended["delivery"]) == ("used", "at_desk")


def test_the_same_request_begins_one_turn(capsys: Capture) -> None:
    """A script may be run again."""
    for _ in range(2):
        assert main(["turn", "start", "corner", "--request", "r1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["end", "corner"], "No turn has begun at Motion corner."),
        (["start", "pc-1"], "PC 1 has an agent, so its turns begin at the device itself"),
        (["start", "cornet"], "did you mean 'corner'?"),
        (["start", "corner", "--for", "2h"], "without a booking is at most 30 min long."),
        (["start", "corner", "--party", "0"], "party_size: "),
        (["extend", "corner"], "Give either --end or --by."),
        (["extend", "corner", "--by", "1h"], "No turn has begun at Motion corner."),
        (["end", "corner", "--at", "yesterdayish"], "yesterdayish"),
    ],
)
def test_a_refusal_is_one_sentence(words: list[str], reason: str, capsys: Capture) -> None:
    """On standard error, with exit code 2."""
    assert main(["turn", *words]) == 2
    said = capsys.readouterr()
    assert reason in said.err
    assert len(said.err.splitlines()) == 1
    assert not said.out
