"""Child processes of demo and rehearsal."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from orchestrator import children
from orchestrator.children import RunFailed, command_path, first, free_port, start
from tests.eventually import eventually

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(60)"
)


async def until_up(log: Path) -> None:
    """Wait for a child's first word."""
    await eventually(lambda: "up" in log.read_text())


async def test_a_child_that_dies_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    """So that the first-time user sees the reason."""
    code = "import sys; print('old\\n' * 20 + 'no such port'); sys.exit(3)"
    child = await start("broker", [sys.executable, "-c", code], log=tmp_path / "log")
    with pytest.raises(RunFailed) as failed:
        await child.watch()
    lines = str(failed.value).splitlines()
    assert lines[0] == "broker ended by itself (exit code 3)."
    assert lines[-1] == "  no such port"
    assert len(lines) == 1 + children.SHOWN_LINES


@pytest.mark.parametrize("code", [SLEEPS, STUBBORN])
async def test_a_child_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """In good order, or by force where it won't."""
    monkeypatch.setattr(children, "STOP_WITHIN", 0.3)
    log = tmp_path / "log"
    child = await start("child", [sys.executable, "-c", code], log=log)
    await until_up(log)
    await child.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


async def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Kill -9 of the demo leaves nothing behind."""
    log = tmp_path / "log"
    parent = f"""
import asyncio, sys
from pathlib import Path
from orchestrator.children import start
async def main():
    child = await start("child", [sys.executable, "-c", {SLEEPS!r}], log=Path({str(log)!r}))
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    await until_up(log)
    process.kill()
    await process.wait()
    await eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Tell whether a process, that is not a mere zombie, has this id."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_the_first_to_be_done_cancels_the_others() -> None:
    """And a failure is raised as it is."""
    cancelled = asyncio.Event()

    async def waits() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return 1

    async def returns() -> int:
        return 2

    async def fails() -> int:
        raise RunFailed("no")

    assert await first(waits(), returns()) == 2
    assert cancelled.is_set()
    with pytest.raises(RunFailed, match="no"):
        await first(waits(), fails(), returns())


def test_a_command_that_is_not_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is, is that of this very installation."""
    assert command_path("laitevuoro-agent") == str(
        Path(sys.executable).with_name("laitevuoro-agent")
    )
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RunFailed, match="laitevuoro-nonsense is not installed"):
        command_path("laitevuoro-nonsense")


def test_a_free_port_is_none_that_a_connection_may_be_given(tmp_path: Path) -> None:
    """A server that was killed gets its port back, whoever has connected to whom meanwhile."""
    given_out = tmp_path / "ip_local_port_range"
    given_out.write_text("1026\t60999\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 1024))
        assert free_port(given_out) == 1025
