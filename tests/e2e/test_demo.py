"""`laitevuoro demo`, as a first-time user runs it. Every process is real."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.demo_octoprint import find_octoprint
from tests.eventually import eventually, eventually_async
from tests.parts import require

pytestmark = pytest.mark.e2e
#: A name in the environment of all that a demo starts, by which what it left is found.
MARK = "DEMO_UNDER_TEST"
SIMULATED = ("printer", "vr")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    process: Process
    folder: Path
    mark: str

    async def url(self) -> str:
        """Return where it serves HTTP, once it does."""
        paths = self.folder.glob
        (path,) = await eventually(lambda: list(paths("laitevuoro-demo-*/state/http.url")))
        return path.read_text().strip()

    def left(self) -> list[str]:
        """Return the command lines of all its processes that still run."""
        return [command for _, command in running(self.mark)]

    def files(self) -> list[Path]:
        """Return what is in its folder."""
        return list(self.folder.iterdir())


def running(mark: str) -> list[tuple[int, str]]:
    """Return id and command line of each process whose environment holds the mark."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes():
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                processes.append((int(folder.name), command))
        except OSError:
            continue  # it has ended, or is somebody else's
    return processes


@asynccontextmanager
async def demo(folder: Path, *options: str) -> AsyncIterator[Demo]:
    """Start a demo whose scratch folder is in `folder`."""
    mark = uuid.uuid4().hex
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("laitevuoro")), "demo", *options),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "TMPDIR": str(folder), MARK: mark},
        start_new_session=True,
    )
    one = Demo(process, folder, mark)
    try:
        yield one
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for pid, _ in running(mark):
            os.kill(pid, signal.SIGKILL)


async def ended(one: Demo) -> tuple[int, str, str]:
    """Return exit code, output and complaints of a demo, once it has ended."""
    out, err = await one.process.communicate()
    assert one.process.returncode is not None
    return one.process.returncode, out.decode(), err.decode()


async def check_metrics(url: str) -> None:
    """Have promtool check the metrics, once something was counted."""
    promtool = require(shutil.which("promtool"), "promtool is not installed")
    async with httpx.AsyncClient(trust_env=False) as client:

        async def counted() -> bool:
            totals = (await client.get(f"{url}/api/v1/totals")).json()
            return any(device["sessions"] for device in totals["devices"].values())

        await eventually_async(counted)
        text = (await client.get(f"{url}/metrics")).content
    checker = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await checker.communicate(text)
    assert (checker.returncode, out, err) == (0, b"", b"")


def check(result: dict[str, Any], scripted: tuple[str, ...]) -> None:
    """Hold a result against what the demo promises."""
    devices, events = result["devices"], result["events"]
    assert devices["pc"]["link"] == "online"
    for name in SIMULATED:
        assert devices[name]["sessions"] >= 1
        assert devices[name]["ended_by_turn"] >= 1
    for name in scripted:
        one = devices[name]
        assert one["sessions"] == one["journal_sessions"]
        assert one["active_seconds"] == one["journal_seconds"] > 0
        assert one["idle_seconds"] == one["journal_idle_seconds"]
        assert one["open_sessions"] == 0
    assert devices["vr"]["idle_seconds"] > 0
    assert events["accepted"] > 0
    assert (events["set_aside"], events["rejected"]) == (0, 0)


@pytest.mark.timeout(180)
async def test_the_demo_counts_what_the_devices_did(tmp_path: Path) -> None:
    """The issue's promise: 45 seconds, exit code 0, counts equal to the journals', no process left.

    Only the JSON object is on standard output, and the metrics are well formed meanwhile.
    """
    async with demo(tmp_path, "--for", "45", "--json") as one:
        await check_metrics(await one.url())
        code, out, err = await ended(one)
        assert (code, err) == (0, "")
        check(json.loads(out), SIMULATED)
        assert one.left() == []
        assert one.files() == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of use: totals are printed, what goes on is not counted, nothing is left."""
    async with demo(tmp_path, "--speed", "2") as one:
        url = await one.url()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:

            async def in_use() -> bool:
                return "in_use" in (await client.get("/api/v1/devices")).text

            await eventually_async(in_use)
        one.process.send_signal(number)
        code, out, err = await ended(one)
        assert (code, err) == (0, "")
        assert f"{url}/metrics" in out
        assert "Counted use" in out
        assert one.left() == []
        assert one.files() == []


@pytest.mark.timeout(180)
async def test_a_signal_before_everything_is_up_ends_the_demo(tmp_path: Path) -> None:
    """Whoever changes their mind leaves nothing behind either."""
    async with demo(tmp_path, "--json") as one:
        await eventually(lambda: list(tmp_path.glob("laitevuoro-demo-*/orchestrator.log")))
        one.process.send_signal(signal.SIGINT)
        code, out, _ = await ended(one)
        assert (code, out) == (130, "")
        assert one.left() == []
        assert one.files() == []


@pytest.mark.timeout(180)
async def test_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    """Kill -9: the kernel ends the children, and the broker that one of them started."""
    async with demo(tmp_path, "--json") as one:
        await one.url()
        assert len(running(one.mark)) > 4
        one.process.kill()
        await one.process.wait()
        await eventually(lambda: not one.left(), 20)


@pytest.mark.timeout(180)
async def test_a_child_that_dies_ends_the_demo_with_its_last_lines(tmp_path: Path) -> None:
    """One sentence, the end of its log, exit code 1, and nothing left."""
    async with demo(tmp_path) as one:
        await one.url()
        (pid,) = await eventually(
            lambda: [pid for pid, line in running(one.mark) if "vr.toml" in line]
        )
        os.kill(pid, signal.SIGKILL)
        code, _, err = await ended(one)
        assert code == 1
        assert err.startswith("vr-agent ended by itself (signal 9).")
        assert "Traceback" not in err
        assert one.left() == []


@pytest.mark.timeout(300)
async def test_the_demo_prints_on_a_real_octoprint(tmp_path: Path, octoprint_program: Path) -> None:
    """A real printer in the scripted one's place: one print is ended by its turn, one is done."""
    assert find_octoprint() == octoprint_program
    async with demo(tmp_path, "--for", "45", "--json", "--octoprint") as one:
        code, out, err = await ended(one)
        assert (code, err) == (0, "")
        check(json.loads(out), ("vr",))
        assert one.left() == []
