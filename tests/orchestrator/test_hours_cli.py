"""Hours on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.parts import configuration

Capture = pytest.CaptureFixture[str]
TODAY = datetime.now(UTC).astimezone(ZoneInfo("Europe/Helsinki")).date()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a library's folder, and have the commands use its configuration."""
    config = configuration(tmp_path)
    config.orchestrator.state_dir.mkdir()
    Database.open(config.orchestrator.state_dir / DATABASE).close()
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(tmp_path / "laitevuoro.toml"))
    return tmp_path


def answer(*days: dict[str, Any]) -> str:
    """Return an answer of Kirkanta with a day for today and each day after that."""
    schedules = [
        {"date": (TODAY + timedelta(number)).isoformat(), "closed": not day.get("times")} | day
        for number, day in enumerate(days)
    ]
    return json.dumps({"data": {"schedules": schedules}})


SHORT = {"times": [{"from": "10:00", "to": "12:00", "status": 2}], "info": "Lyhyt päivä"}
BAD = {"times": [{"from": "12:00", "to": "10:00", "status": 1}]}


@pytest.fixture
def url() -> Iterator[str]:
    """Return where a server on loopback serves an answer of Kirkanta."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer(SHORT).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v4/library/1"
        server.shutdown()
        thread.join()


def test_hours_are_imported_and_shown(library: Path, capsys: Capture) -> None:
    """A day a line: when, and where that is from."""
    (library / "hours.json").write_text(answer(SHORT, {}))
    assert main(["hours", "import", str(library / "hours.json"), "--site", "paja"]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said == "2 days added, 0 changed, 0 taken back; 0 as before."
    assert main(["hours", "show", "--site", "paja"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 14
    assert f"{TODAY}  10:00–12:00 self-service" in lines[0]
    assert "imported; Lyhyt päivä" in lines[0]
    assert lines[1].split()[2] == "closed"
    assert "not imported, so it is closed" in lines[2]


def test_hours_are_read_from_a_url(library: Path, capsys: Capture, url: str) -> None:
    """As Kirkanta serves them."""
    assert main(["hours", "import", url, "--site", "paja", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["done"], done["added"], done["faults"]) == (True, 1, [])


def test_public_holidays_are_told(library: Path, capsys: Capture) -> None:
    """As a hint: what is open stays open."""
    words = ["hours", "show", "--site", "paja", "--from", "2026-12-06", "--to", "2026-12-06"]
    assert main(words) == 0
    line = capsys.readouterr().out
    assert line.startswith("sun 2026-12-06  00:00–24:00 ")
    assert line.endswith("always open; public holiday: Itsenäisyyspäivä\n")
    assert main([*words, "--json"]) == 0
    (day,) = json.loads(capsys.readouterr().out)
    assert day["spans"] == [{"from": "00:00", "to": "24:00", "staffed": True}]


def test_a_faulty_day_is_told_and_nothing_is_changed(library: Path, capsys: Capture) -> None:
    """With exit code 2; with --partial the others are taken."""
    file = library / "hours.json"
    file.write_text(answer(BAD, SHORT))
    words = ["hours", "import", str(file), "--site", "paja"]
    assert main(words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.splitlines()) == (
        "",
        [
            f"{TODAY}: '10:00' is not after '12:00'.",
            "Nothing was changed: 1 entry can't be taken.",
        ],
    )
    assert main([*words, "--partial"]) == 0
    assert capsys.readouterr().out.startswith("1 day added")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "/nowhere.json", "--site", "paja"], "/nowhere.json: No such file or"),
        (["import", "/", "--site", "paja"], "/: Is a directory."),
        (["import", "http://127.0.0.1:1/", "--site", "paja"], "The URL can't be read. It can't be"),
        (["import", "/etc/hostname", "--site", "x"], "There is no site 'x'; there are paja"),
        (["import", "/etc/hostname", "--site", "paja"], "The file is neither an answer of Kirk"),
        (["import", "/etc/hostname", "--site", "paja", "--format", "ics"], "This is no iCalendar"),
        (["import", "/etc/hostname", "--site", "../x"], "There is nothing called '../x'."),
        (["show", "--site", "paja", "--from", "tomorrow"], "'tomorrow' is no day; write it as"),
        (["show", "--site", "paja", "--from", "0001-01-01"], "At most 800 days"),
        (["show", "--site", "x"], "There is no site 'x'"),
        (["show"], "Missing option '--site'."),
    ],
)
def test_a_mistake_is_one_sentence(
    library: Path, capsys: Capture, words: list[str], sentence: str
) -> None:
    """And exit code 2."""
    if sentence == "At most 800 days":
        words = [*words, "--to", "9999-12-31"]
    assert main(["hours", *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(sentence)
