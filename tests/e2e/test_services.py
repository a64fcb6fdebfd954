"""A library's machine as it is installed: both services under systemd, a real desk, one turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from agents.devices.pc.logind import Logind
from tests.e2e import installed
from tests.e2e.desk import LOCKER, Desk
from tests.e2e.installed import PYTHON, install
from tests.e2e.machine import Machine, booted

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIGURATION = """
[[site]]
id = "library"
name = "Library"

[[device]]
site = "library"
id = "pc-1"
kind = "pc"
name = "PC 1"

[device.policy]
at_end = "lock"
shortest = 5
"""
_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"


class Library:
    """The machine, with the orchestrator running and the PC enrolled."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def start(self, unit: str) -> None:
        """Start a unit. Fails with its journal."""
        if self.machine.run("systemctl", "start", unit, check=False, seconds=60).returncode != 0:
            pytest.fail(self.machine.run("journalctl", "--no-pager", "--unit", unit).stdout)

    def command(self, *words: str) -> str:
        """Run `laitevuoro` as the service's user."""
        program = f"/{installed.VENV}/bin/laitevuoro"
        return self.machine.run("runuser", "-u", "laitevuoro", "--", program, *words).stdout

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON of the interface
        """Ask the HTTP interface, from inside."""
        url = f"http://127.0.0.1:9321/api/v1/{path}"
        return json.loads(self.machine.run(PYTHON, "-c", _GET, url).stdout)

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the PC's row once it `holds`."""
        row: dict[str, Any] = {}
        try:
            async with asyncio.timeout(30):
                while True:
                    (row,) = self.get("devices")
                    if holds(row):
                        return row
                    await asyncio.sleep(0.1)
        except TimeoutError:
            journal = self.machine.run("journalctl", "--no-pager", "--unit=laitevuoro*").stdout
            pytest.fail(f"{row}\n{journal}")


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    """Install both services as a library would: enrol, carry over, reload, start."""
    with booted() as machine:
        install(machine, installed.AGENT, installed.ORCHESTRATOR)
        etc = machine.root / "etc/laitevuoro"
        (etc / "secrets").mkdir(parents=True)
        (etc / "laitevuoro.toml").write_text(CONFIGURATION)
        library = Library(machine)
        library.start("laitevuoro.service")
        enrol = ("device", "enrol", "pc-1", "--driver=pc", "--service", "--output=/tmp/pc-1")
        library.command(*enrol)
        machine.run("cp", "--recursive", "/tmp/pc-1/.", "/etc/laitevuoro")  # noqa: S108 - its own
        machine.run("chown", "--recursive", "root:root", "/etc/laitevuoro")
        machine.run("systemctl", "reload", "laitevuoro.service")
        library.start("laitevuoro-agent.service")
        yield library


@pytest_asyncio.fixture
async def logind(library: Library) -> AsyncIterator[Logind]:
    """Give the machine's logind."""
    logind = await Logind.connect(address=library.machine.bus, on_signal=lambda: None)
    yield logind
    logind.disconnect()


async def ready(logind: Logind) -> str:
    """Return the id of the session on the seat, once its locker listens and says it is idle."""

    async def idle() -> bool:
        return [session.idle for session in await logind.sessions("seat0")] == [True]

    assert await logind.until(idle, 10)
    return (await logind.sessions("seat0"))[0].id


async def test_a_turn_at_a_real_desk_is_opened_ended_and_counted(
    library: Library, logind: Logind
) -> None:
    """Enrolled, booked, logged in, locked at the end of the turn, counted: all by the services."""
    desk = Desk.of(library.machine)
    await library.until(lambda row: row["link"] == "online" and row["plan_in_force"])
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=13)
    end = f"--end={ends.isoformat()}"
    library.command("booking", "add", "--device=pc-1", "--start=now", end, "--group=nuoret")
    await library.until(lambda row: (row["turn"] or {}).get("phase") in ("open", "warned"))
    desk.sit_down(*LOCKER)
    session = await ready(logind)
    desk.hint(session, "IdleHint", value=False)
    await library.until(lambda row: row["state"] == "in_use")
    ended = await library.until(lambda row: row["sessions_today"] == 1)
    assert ended["state"] == "locked"
    late = datetime.now(UTC) - ends
    assert timedelta(0) <= late < timedelta(seconds=3)
    totals = library.get("totals")
    counted = totals["devices"]["library/pc-1"]
    assert (counted["sessions"], counted["ended_by_turn"]) == (1, 1)
    assert 1 <= counted["active_seconds"] <= 13
    assert counted["by_target_group"]["nuoret"]["sessions"] == 1
    assert totals["events"]["set_aside"] == totals["events"]["rejected"] == 0
    await desk.clear(logind)
    await library.until(lambda row: row["state"] == "free")


async def test_nobody_is_named_in_what_the_services_write(library: Library) -> None:
    """After a turn, no journal, database or outbox holds the name of whoever logged in."""
    found = library.machine.run(
        "grep",
        "--recursive",
        "--files-with-matches",
        "alice",
        "/var/lib/laitevuoro",
        "/var/lib/laitevuoro-agent",
        check=False,
    )
    assert found.stdout == ""
    journal = library.machine.run("journalctl", "--no-pager", "--unit=laitevuoro*").stdout
    assert "serving" in journal
    assert "alice" not in journal
