"""Finding and starting a real OctoPrint; a real one runs in tests/e2e/test_octoprint_device.py."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.demo_octoprint import (
    BUILT,
    CACHED,
    OctoPrint,
    OctoPrintNotStarted,
    cache_folder,
    find_octoprint,
    gcode,
)


def program(path: Path, script: str = "exec sleep 60") -> Path:
    """Make a program that stands in for OctoPrint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_given_program_comes_first_then_the_cached_one_then_that_on_path(
    tmp_path: Path,
) -> None:
    """A cached one counts only where it was built to the end."""
    environment = {"LAITEVUORO_CACHE": str(tmp_path), "PATH": str(tmp_path / "path")}
    assert find_octoprint(None, environment) is None
    on_path = program(tmp_path / "path" / "octoprint")
    cached = program(tmp_path / CACHED / "bin" / "octoprint")
    assert find_octoprint(None, environment) == on_path
    (tmp_path / CACHED / BUILT).touch()
    assert find_octoprint(None, environment) == cached
    given = program(tmp_path / "given")
    assert find_octoprint(given, environment) == given
    assert find_octoprint(tmp_path / "none", environment) is None


def test_the_cache_is_in_the_users_home_unless_told_otherwise(tmp_path: Path) -> None:
    """`~/.cache/laitevuoro`."""
    assert cache_folder({}) == Path.home() / ".cache" / "laitevuoro"
    assert cache_folder({"LAITEVUORO_CACHE": str(tmp_path)}) == tmp_path


def test_a_print_moves_extrudes_and_waits() -> None:
    """A millimetre of filament and 0.2 s for each dwell."""
    lines = gcode(3).splitlines()
    assert [line.split("E")[1] for line in lines if line.startswith("G1")] == [
        "1 F3000",
        "2 F3000",
        "3 F3000",
    ]
    assert lines.count("G4 P200") == 3


def test_a_program_that_ends_at_once_is_told_with_its_log(tmp_path: Path) -> None:
    """Not waited for to the end of the time."""
    broken = program(tmp_path / "octoprint", "echo no such printer; exit 3")
    server = OctoPrint(program=broken, folder=tmp_path / "base")
    with pytest.raises(OctoPrintNotStarted, match="no such printer"):
        server.start()
    server.stop()


def test_a_program_that_stays_silent_is_given_up_in_time_and_stopped(tmp_path: Path) -> None:
    """`stop` leaves no process, also after a failed start."""
    server = OctoPrint(program=program(tmp_path / "octoprint"), folder=tmp_path / "base")
    server.launch()
    with pytest.raises(OctoPrintNotStarted):
        server.wait_until_ready(within=0.2)
    assert server.pid is not None
    server.stop()
    assert server.pid is None


def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Though that was killed and could clean up nothing; started from a thread that is gone."""
    note = tmp_path / "pid"
    standing_in = program(tmp_path / "octoprint", f"echo $$ > {note}; exec sleep 60")
    starts = f"""
import threading, time
from pathlib import Path
from orchestrator.demo_octoprint import OctoPrint
server = OctoPrint(program=Path({str(standing_in)!r}), folder=Path({str(tmp_path / "base")!r}))
thread = threading.Thread(target=server.launch)
thread.start()
thread.join()
time.sleep(60)
"""
    starter = subprocess.Popen([sys.executable, "-c", starts])
    try:
        descriptor = os.pidfd_open(_noted(note))
        try:
            assert not _ended(descriptor, within=0.3)
            starter.kill()
            starter.wait()
            assert _ended(descriptor, within=10)
        finally:
            os.close(descriptor)
    finally:
        starter.kill()
        starter.wait()


def _noted(note: Path) -> int:
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(note.read_text())


def _ended(descriptor: int, *, within: float) -> bool:
    """Tell whether a process ends in so many seconds. A process's descriptor is then readable."""
    readable, _, _ = select.select([descriptor], [], [], within)
    return bool(readable)
