"""`laitevuoro service …`."""

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
RESTS = "The orchestrator is not running; Printer 1 is told when it runs again.\n"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the configuration of an orchestrator that rests."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(path))
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    return path


def test_a_device_goes_out_of_service_and_comes_back(capsys: Capture) -> None:
    """One line says what holds, and how far it has come."""
    assert main(["service", "out", "printer-1", "--reason", "fault", "--why", "nozzle"]) == 0
    assert capsys.readouterr().out == f"Printer 1 is out of service: fault. {RESTS}"
    assert main(["service", "list"]) == 0
    assert "paja/printer-1" in (listed := capsys.readouterr().out)
    assert "out of service: fault" in listed
    assert main(["service", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["out_of_service"] == "fault"
    assert main(["service", "back", "paja/printer-1"]) == 0
    assert capsys.readouterr().out == f"Printer 1 is in service. {RESTS}"
    assert main(["service", "list"]) == 0
    assert capsys.readouterr().err == "All devices are in service.\n"
    assert main(["booking", "audit"]) == 0
    audit = capsys.readouterr().out
    assert re.search(r"staff\s+out_of_service\s+paja/printer-1.*\(nozzle\)", audit)


def test_a_notice_is_shown_and_withdrawn(capsys: Capture) -> None:
    """By its id, which the answer tells."""
    assert main(["service", "notice", "printer-1", "closes_in", "--in", "10min"]) == 0
    found = re.match(r"Notice (\w+): closes_in\. ", capsys.readouterr().out)
    assert found is not None
    assert main(["service", "list"]) == 0
    assert "closes_in until " in capsys.readouterr().out
    assert main(["service", "withdraw", "printer-1", found[1]]) == 0
    assert capsys.readouterr().out.startswith(f"Withdrawn {found[1]}. ")


def test_a_part_is_cleared(capsys: Capture) -> None:
    """At rest nothing is known of what devices tell, so the session has to be named."""
    assert main(["service", "clear", "printer-1"]) == 2
    assert "told of nothing that is to be cleared" in capsys.readouterr().err
    assert main(["service", "clear", "printer-1", "--session", "s7"]) == 0
    assert capsys.readouterr().out.startswith("Printer 1 is cleared. ")


def test_a_running_turn_is_ended(capsys: Capture) -> None:
    """Now, and no other."""
    assert main(["service", "end", "printer-1"]) == 2
    assert capsys.readouterr().err == "No turn runs at Printer 1.\n"
    new = ["booking", "add", "--device", "printer-1", "--start", "now", "--for", "1h"]
    assert main([*new, "--group", "nuoret"]) == 0
    booking = capsys.readouterr().out.split()[1].rstrip(":")
    assert main(["service", "end", "printer-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["booking"]["id"] == booking


def test_the_code_of_today_is_shown(capsys: Capture) -> None:
    """Three words, the same all day."""
    for _ in range(2):
        assert main(["service", "code", "--site", "paja"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert re.fullmatch(r"\S+ \S+ \S+  \(paja, \d{4}-\d\d-\d\d\)", first)
    assert main(["service", "code", "--site", "xyz"]) == 2
    assert "There is no site 'xyz'; there are paja." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["out", "printer-9"], "did you mean"),
        (["notice", "printer-1", "free_cake"], "There is no notice 'free_cake'"),
        (["notice", "printer-1", "closes_in"], "tells a time"),
        (["withdraw", "printer-1", "n1"], "There is no notice 'n1'."),
        (["notice", "printer-1", "Hello there!"], "phrase: "),
    ],
)
def test_a_refusal_is_one_sentence(words: list[str], reason: str, capsys: Capture) -> None:
    """On standard error, with exit code 2."""
    assert main(["service", *words]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert len(said.splitlines()) == 1
