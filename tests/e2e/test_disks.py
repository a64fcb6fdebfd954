"""Full and failing disks: a small tmpfs under the orchestrator, and under an agent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mqtt_schemas.topics import Address
from tests.e2e.brokers import SITE, Broker
from tests.e2e.library import Library, Spec, until
from tests.e2e.test_main_loop import STAYS, held_against_journal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DEVICE = "vr-1"


class SmallDisk:
    """A file system of 4 MB that can be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"no right to mount a tmpfs here: {mounted.stderr.strip()}")

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Have space again."""
        (self.folder / "filler").unlink()

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


@contextmanager
def running(folder: Path, disk: str | None = None) -> Iterator[tuple[Library, SmallDisk | None]]:
    """Run a library, with a small disk in one of its folders."""
    small = SmallDisk(folder / disk) if disk else None
    broker = Broker("nats", folder / "broker")
    broker.admit()
    broker.start()
    library = Library(broker, folder, [Spec(DEVICE, script=STAYS)])
    try:
        library.start()
        yield library, small
    finally:
        library.stop()
        broker.stop()
        if small:
            small.unmount()


def health(library: Library) -> int:
    """Return the code of /healthz."""
    return httpx.get(f"{library.url}/healthz", timeout=5).status_code


def test_the_orchestrators_disk_is_full(tmp_path: Path) -> None:
    """Nothing is acknowledged, health is red; with space again all is counted, by itself."""
    with running(tmp_path, "state") as (library, disk):
        assert disk is not None
        library.book(DEVICE, 0.5, 3)
        disk.fill()
        until("health is red", lambda: health(library) == 503 or None)
        until("the turn has ended", lambda: library.uses(DEVICE) or None)
        until(
            "its end waits at the agent",
            lambda: (
                library.metric("laitevuoro_oldest_unacknowledged_event_seconds", device=DEVICE)
                or None
            ),
        )
        assert library.totals(DEVICE)["sessions"] == 0
        assert library.metric("laitevuoro_database_healthy") == 0
        refused = library.command(
            "booking", "add", "--device", DEVICE, "--start", "2999-01-01 12:00",
            "--for", "1h", "--group", "nuoret", code=2,
        )  # fmt: skip
        assert len(refused.stderr.strip().splitlines()) == 1
        disk.free()
        until("health is green", lambda: health(library) == 200 or None)
        library.counted(DEVICE, 1)
        held_against_journal(library, DEVICE)


def test_an_agents_disk_is_full(tmp_path: Path) -> None:
    """Its status says so; the use is kept in memory, and counted exactly once there is space."""
    with running(tmp_path, "agents") as (library, disk):
        assert disk is not None
        library.book(DEVICE, 0.5, 3)
        disk.fill()
        until("the turn has ended", lambda: library.uses(DEVICE) or None)
        problems = until("it says so", lambda: library.device(DEVICE)["problems"] or None)
        assert problems == ["outbox_unwritable"]
        assert library.metric("laitevuoro_device_problem", problem="outbox_unwritable") == 1
        assert library.totals(DEVICE)["sessions"] == 0
        disk.free()
        library.counted(DEVICE, 1)
        held_against_journal(library, DEVICE)
        until("it is well", lambda: not library.device(DEVICE)["problems"] or None)


def test_an_agents_outbox_is_damaged(tmp_path: Path) -> None:
    """It is set aside and said so; what it left open is closed, and the use goes on counting."""
    with running(tmp_path) as (library, _):
        library.book(DEVICE, 0.5, 8)
        library.state(DEVICE, "in_use")
        until(
            "the begin is committed",
            lambda: library.metric("laitevuoro_device_session_open", device=DEVICE) or None,
        )
        library.agents[DEVICE].stop()
        outbox = tmp_path / "agents" / Address(SITE, DEVICE).user / "outbox.db"
        at = outbox.read_bytes().index(b'"started"')
        with outbox.open("r+b") as file:
            os.pwrite(file.fileno(), b"\xff" * 4, at)
        library.agents[DEVICE].start()
        library.counted(DEVICE, 2)
        assert "outbox_set_aside" in library.device(DEVICE)["problems"]
        assert len(list(outbox.parent.glob("outbox.db.broken-*"))) >= 1
        assert library.metric("laitevuoro_closed_sessions_total", device=DEVICE) == 1
        [use] = library.uses(DEVICE)
        totals = library.totals(DEVICE)
        seen = round(1000 * (totals["active_seconds"] + totals["idle_seconds"]))
        assert 0 < seen <= use.active_ms + use.idle_ms
        assert totals["ended_by_turn"] == 1
