"""`laitevuoro service fit` and `laitevuoro service alarms`, while the orchestrator rests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import CONFIG

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the configuration of an orchestrator that rests."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(path))
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    return path


def test_the_desk_is_told_where_a_print_would_fit(capsys: Capture) -> None:
    """In a sentence, or as JSON; the estimate is corrected."""
    assert main(["service", "fit", "--device", "printer-1", "--for", "90min"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("No turn runs now. It would fit in a turn of 99 min at ")
    assert main(["service", "fit", "--device", "paja/printer-1", "--for", "90min", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["takes_seconds"], found["ratio_percent"]) == (5940, 110)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--device", "oven", "--for", "90min"], "There is no device 'oven'"),
        (["--device", "printer-1", "--for", "long"], "'long' is no length of time"),
        (["--device", "printer-1", "--for", "999h"], "A print takes more than nothing"),
    ],
)
def test_what_can_not_be_answered_is_refused(
    capsys: Capture, words: list[str], sentence: str
) -> None:
    """One sentence, exit code 2."""
    assert main(["service", "fit", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_alarms_are_known_to_a_running_orchestrator_only(capsys: Capture) -> None:
    """It sees the devices; nobody else does."""
    assert main(["service", "alarms"]) == 2
    assert "nobody watches the devices" in capsys.readouterr().err
