"""`laitevuoro booking import` and `booking export`, where no orchestrator runs."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.calendars.frames import calendar
from tests.orchestrator.feed_server import FeedServer, ok, serving
from tests.orchestrator.parts import CONFIG

SOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)
ONE = (
    f"UID:1\nDTSTART:{SOON:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\nLOCATION:Printer 1\n"
    "SUMMARY:Example Person"
)
BROKEN = ONE.replace("UID:1", "UID:2").replace("DURATION", "X-NONE")
FEED = """
[[feed]]
id = "respa"
site = "paja"
url = "http://127.0.0.1:PORT/hush"
places = {"Room 1" = "pc-1"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the configuration of an orchestrator that has run before."""
    (tmp_path / "laitevuoro.toml").write_text(CONFIG)
    (tmp_path / "state").mkdir()
    Database.open(tmp_path / "state" / DATABASE).close()
    monkeypatch.setenv("LAITEVUORO_CONFIG", str(tmp_path / "laitevuoro.toml"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """Return a server that runs beside the commands."""
    ready, found, loop = threading.Event(), [], asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving() as made:
            found.append(made)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def run(*words: str) -> int:
    """Run a command; return its exit code."""
    return main(["booking", *words])


def test_a_file_is_imported_and_exported(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The sentences say what was done; the file says nothing personal."""
    file = folder / "Example Person.ics"
    file.write_bytes(calendar(ONE, ONE.replace("UID:1", "UID:9\nSTATUS:CANCELLED")))
    assert run("import", str(file)) == 0
    assert capfd.readouterr().out == (
        "1 booking added, 0 changed, 0 cancelled; 0 as before.\nPassed over: 1 cancelled.\n"
    )
    assert run("import", str(file), "--json") == 0
    assert json.loads(capfd.readouterr().out)["same"] == 1
    out = folder / "out.ics"
    day = timedelta(days=9)
    span = ("--from", "now", "--to", f"{SOON + day:%Y-%m-%d} 00:00")
    assert run("export", *span, "-o", str(out)) == 0
    assert capfd.readouterr().out == f"{out}: 1 booking.\n"
    assert run("export", *span, "--device", "printer-1") == 0
    assert capfd.readouterr().out == out.read_bytes().decode()
    assert b"Example" not in out.read_bytes()
    for kept in (folder / "state").iterdir():
        assert kept.is_dir() or b"Example" not in kept.read_bytes()


def test_a_file_may_be_called_anything(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By letters of an older Windows, too, which are no UTF-8."""
    file = os.fsdecode(os.fsencode(folder) + b"/M\xe4ki.ics")
    Path(file).write_bytes(calendar(ONE))
    assert run("import", file) == 0
    assert capfd.readouterr().out.startswith("1 booking added")


def test_a_faulty_file_is_refused_with_each_reason(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With --partial the rest is taken; with --dry-run nothing."""
    file = folder / "x.ics"
    file.write_bytes(calendar(ONE, BROKEN))
    assert run("import", str(file)) == 2
    told = capfd.readouterr()
    assert told.err.startswith("UID 2: it has no length")
    assert told.out == "Nothing was changed: 1 entry can't be taken.\n"
    assert run("import", str(file), "--dry-run") == 0
    assert capfd.readouterr().out.startswith("1 booking would be added")
    assert run("import", str(file), "--partial") == 0
    assert capfd.readouterr().out.startswith("1 booking added")


def test_a_url_and_a_feed_are_imported(
    folder: Path, server: FeedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """A feed as it is configured; both without a word of where they are."""
    server.answers["/hush"] = ok(calendar(ONE))
    assert run("import", server.url("/hush").replace("http:", "HTTP:")) == 0
    text = FEED.replace("PORT", str(server.port))
    (folder / "laitevuoro.toml").write_text(CONFIG + text)
    server.answers["/hush"] = ok(calendar(ONE.replace("Printer 1", "Room 1")))
    assert run("import", "--feed", "respa") == 0
    server.answers.clear()
    capfd.readouterr()
    for words in ((server.url("/hush"),), ("--feed", "respa")):
        assert run("import", *words) == 2
        told = capfd.readouterr()
        assert told.err == "The URL can't be read. It answers with HTTP status 404.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("import",), "Name either a file, a URL or, with --feed, a feed."),
        (("import", "x", "--feed", "y"), "Name either a file, a URL or, with --feed, a feed."),
        (("import", "--feed", "y"), "There is no [[feed]] of bookings called 'y'."),
        (("import", "/no/such"), "/no/such: No such file or directory."),
        (("export", "--from", "now", "--to", "x"), "'x' is no time"),
        (
            ("export", "--from", "now", "--to", "2030-01-01", "-o", "/no/such"),
            "/no/such: No such file or directory.",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    """And exit code 2."""
    assert run(*words) == 2
    assert capfd.readouterr().err.startswith(sentence)
