"""`laitevuoro rehearse`, as a library runs it on its own server. Every process is real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.brokers import KINDS, Kind
from tests.eventually import eventually

pytestmark = pytest.mark.e2e
#: A name in the environment of all that a rehearsal starts, by which what it left is found.
MARK = "REHEARSAL_UNDER_TEST"
ZERO = ("lost", "doubled", "overcounted_seconds", "unexplained_seconds")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short name: a Unix socket's path is at most 107 bytes long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def rehearse(
    folder: Path,
    mark: str,
    *words: str,
    **options: Any,  # noqa: ANN401 - Popen's own
) -> subprocess.Popen[str]:
    """Start a rehearsal whose scratch folder is in `folder`."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("laitevuoro")), "rehearse", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), MARK: mark},
        **options,
    )


def left(mark: str) -> list[str]:
    """Return the command lines of all processes of a rehearsal that still run."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (process / "environ").read_bytes():
                commands.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or is somebody else's
    return commands


def files(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


def run(kind: Kind, events: int, folder: Path, within: float) -> dict[str, Any]:
    """Run a whole rehearsal and hold it to its end; return what it printed."""
    mark = uuid.uuid4().hex
    words = ("--seed", "1", "--events", str(events), "--broker", kind, "--json")
    with rehearse(folder, mark, *words) as process:
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            pytest.fail(f"it was not done within {within:.0f} s\n{out}{err}")
    assert process.returncode == 0, f"{out}\n{err}"
    assert err == ""
    assert left(mark) == []
    assert files(folder) == []
    told: dict[str, Any] = json.loads(out)
    assert told["events"] >= events
    assert [told[what] for what in ZERO] == [0, 0, 0, 0]
    return told


@pytest.mark.timeout(150)
@pytest.mark.parametrize("kind", KINDS)
def test_every_use_is_counted_exactly_once_whatever_fails(kind: Kind, folder: Path) -> None:
    """A thousand events and every kind of fault; it takes some 45 s on two idle cores."""
    told = run(kind, 1000, folder, within=120)
    assert len(told["faults"]) >= 7
    assert told["uses"] > 250
    assert 0 < told["counted_seconds"] <= told["true_seconds"]
    missing = told["true_seconds"] - told["counted_seconds"] - told["unobserved_seconds"]
    assert abs(missing) < 0.001


@pytest.mark.proof
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_at_full_size(kind: Kind, folder: Path) -> None:
    """Five thousand events and a hundred faults, in five minutes."""
    told = run(kind, 5000, folder, within=300)
    assert sum(told["faults"].values()) >= 100
    assert len(told["faults"]) >= 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_it_leaves_nothing_behind(number: signal.Signals, folder: Path) -> None:
    """No process and no file, in the middle of all faults."""
    mark = uuid.uuid4().hex
    with rehearse(folder, mark, "--seed", "3") as process:
        await eventually(lambda: list(folder.glob("*/agent-4/*/outbox.db")))
        assert len(left(mark)) > 15
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert left(mark) == []
    assert files(folder) == []


async def test_killed_it_leaves_no_process_behind(folder: Path) -> None:
    """The kernel ends its children with it, stopped ones too."""
    mark = uuid.uuid4().hex
    with rehearse(folder, mark, "--seed", "3") as process:
        await eventually(lambda: list(folder.glob("*/agent-4/*/outbox.db")))
        process.kill()
        process.communicate(timeout=30)
    assert await eventually(lambda: not left(mark))
