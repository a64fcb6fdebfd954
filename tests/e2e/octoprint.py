"""A real OctoPrint for tests: built once into the cache folder, from hashes.

A test that takes the fixture `octoprint` gets one that is running, idle and its own to kill:
it is shared by the tests of a module and brought back to idle before each.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.demo_octoprint import BUILT, CACHED, OctoPrint, cache_folder
from tests.parts import require

__all__ = [
    "OctoPrint",
    "installed",
    "make_idle",
    "octoprint",
    "octoprint_program",
    "octoprint_server",
    "until",
]

LOCK = Path(__file__).with_name("octoprint.lock")
#: Seconds to build it, the download included. It takes about 60.
BUILD_WITHIN = 900


def installed() -> Path:
    """Return the program `octoprint` of the lock's version, built where it is missing."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / CACHED
    mark = folder / BUILT
    wanted = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {sys.version_info[:2]}"
    with (cache / "octoprint.flock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests build it once
        if not mark.exists() or mark.read_text() != wanted:
            _build(folder)
            mark.write_text(wanted)
    return folder / "bin" / "octoprint"


def _build(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    done = subprocess.run(
        [*pip, "--require-hashes", "--requirement", str(LOCK)],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=BUILD_WITHIN,
    )
    require(done.returncode == 0, f"OctoPrint can't be installed: {done.stderr[-2000:]}")


def until(what: str, holds: Callable[[], bool], within: float = 20.0) -> None:
    """Return once `holds` does; fail after so many seconds, saying what was waited for."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {within} s in vain until {what}")
        time.sleep(0.05)


def make_idle(server: OctoPrint) -> None:
    """Bring it back to an idle, connected printer, whatever a test did to it."""
    if server.pid is None:
        server.restart()
    if server.state() in ("Offline", "Error", "Offline after error"):
        server.command("/api/connection", command="connect")
    until("the printer is connected", lambda: server.state() not in ("Offline", "Connecting"))
    if server.state() in ("Printing", "Paused", "Pausing", "Resuming"):
        server.command("/api/job", command="cancel")
    until("the printer is idle", lambda: server.state() == "Operational")


@pytest.fixture(scope="session")
def octoprint_program() -> Path:
    """Give the program `octoprint`."""
    return installed()


@pytest.fixture(scope="module")
def octoprint_server(
    octoprint_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OctoPrint]:
    """Give an OctoPrint for the tests of one module."""
    server = OctoPrint(program=octoprint_program, folder=tmp_path_factory.mktemp("octoprint"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def octoprint(octoprint_server: OctoPrint) -> OctoPrint:
    """Give an OctoPrint that is running and idle."""
    make_idle(octoprint_server)
    return octoprint_server
