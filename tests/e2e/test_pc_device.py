"""The PC device on a machine with real systemd, logind and polkit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.clock import SystemClock
from agents.devices.pc import Pc
from agents.devices.pc.catalogue import Catalogue
from agents.devices.pc.logind import Logind
from agents.model import Answer, Observation, Order
from mqtt_schemas.base import DeviceState
from mqtt_schemas.events import OrderOutcome, Step
from tests.e2e import installed
from tests.e2e.desk import LOCKER, STUBBORN, Desk
from tests.e2e.installed import PYTHON, UNITS, forbid_agent, install, permit_agent
from tests.e2e.machine import Machine, booted

# The first machine is made by mmdebstrap: 20 s, and longer on a slow line.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AGENT = "laitevuoro-agent.service"
#: Carries out one order, as the agent's user.
_ORDER = """
import asyncio, sys
from agents.clock import SystemClock
from agents.devices.pc import PcSettings, build
from agents.model import Order
from mqtt_schemas.events import Step
async def main():
    device = build(PcSettings(helper_socket=None), SystemClock())
    await device.start()
    answer = await device.carry_out(Order(Step(sys.argv[1])))
    await device.stop()
    print(answer.outcome, answer.reason)
asyncio.run(main())
"""

#: Looks once and says what was seen.
_LOOK = """
import asyncio
from agents.clock import SystemClock
from agents.devices.pc import PcSettings, build
async def main():
    device = build(PcSettings(helper_socket=None), SystemClock())
    await device.start()
    (seen,) = await device.observe()
    await device.stop()
    print(seen.state, seen.category)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Give a machine with the agent installed and not running."""
    with booted() as machine:
        install(machine, installed.AGENT)
        yield machine


@pytest.fixture(scope="module")
def desk(machine: Machine) -> Desk:
    """Give the machine's seat."""
    return Desk.of(machine)


@pytest_asyncio.fixture
async def logind(machine: Machine, desk: Desk) -> AsyncIterator[Logind]:
    """Give the machine's logind; everybody leaves the seat in the end."""
    logind = await Logind.connect(address=machine.bus, on_signal=lambda: None)
    yield logind
    await desk.clear(logind)
    logind.disconnect()


@pytest_asyncio.fixture
async def pc(machine: Machine, logind: Logind) -> AsyncIterator[Pc]:
    """Give the PC device of the machine, watching from out here."""
    device = Pc(
        seat="seat0",
        bus_address=machine.bus,
        proc=machine.proc,
        catalogue=Catalogue(),
        helper_socket=None,
        clock=SystemClock(),
    )
    await device.start()
    yield device
    await device.stop()


async def seen(pc: Pc, state: DeviceState, *, active: bool = False) -> Observation:
    """Look until the PC is seen so, at each change that logind tells of."""
    async with asyncio.timeout(10):
        while True:
            (look,) = await pc.observe()
            if (look.state, look.active) == (state, active):
                return look
            await pc.changed()


async def the_session(logind: Logind) -> str:
    """Return the id of the one session on the seat."""
    (session,) = await logind.sessions("seat0")
    return session.id


async def test_a_login_is_use_until_it_is_locked_or_left(
    pc: Pc, desk: Desk, logind: Logind
) -> None:
    """Login, idle, lock, unlock and logout, each seen by its signal."""
    await seen(pc, DeviceState.FREE)
    unit = desk.sit_down()
    first = await seen(pc, DeviceState.IN_USE, active=True)
    session = await the_session(logind)
    desk.hint(session, "IdleHint", value=True)
    assert (await seen(pc, DeviceState.IN_USE)).use == first.use
    desk.hint(session, "LockedHint", value=True)
    assert (await seen(pc, DeviceState.LOCKED)).use is None
    desk.hint(session, "IdleHint", value=False)
    desk.hint(session, "LockedHint", value=False)
    assert (await seen(pc, DeviceState.IN_USE, active=True)).use not in (None, first.use)
    desk.machine.run("systemctl", "stop", unit)
    await seen(pc, DeviceState.FREE)


async def test_a_greeter_is_free(pc: Pc, desk: Desk, logind: Logind) -> None:
    """The login screen is a session too, and nobody's use."""
    desk.sit_down(class_="greeter")

    async def there() -> bool:
        return bool(await logind.sessions("seat0"))

    assert await logind.until(there, 5)
    await seen(pc, DeviceState.FREE)


def _program(machine: Machine, name: str) -> None:
    """Install a program of that name, which waits."""
    machine.run("ln", "--symbolic", "--force", "/usr/bin/sleep", f"/usr/local/bin/{name}")


async def test_the_category_is_told_by_the_sessions_own_processes(
    pc: Pc, desk: Desk, machine: Machine
) -> None:
    """A program of the session counts; the same one started by the system does not."""
    _program(machine, "gimp")
    _program(machine, "kdenlive")
    machine.run("systemd-run", "--unit=kdenlive", "/usr/local/bin/kdenlive", "infinity")
    desk.sit_down("/bin/sh", "-c", "/usr/local/bin/gimp infinity & wait")
    await seen(pc, DeviceState.IN_USE, active=True)
    async with asyncio.timeout(5):
        while (await pc.observe())[0].category != "image_editing":  # noqa: ASYNC110 - as the agent looks
            await asyncio.sleep(0.05)
    machine.run("systemctl", "stop", "kdenlive")


async def test_a_desktop_with_a_locker_is_locked(pc: Pc, desk: Desk) -> None:
    """Where something locks, the session goes on behind the lock."""
    desk.sit_down(*LOCKER)
    await seen(pc, DeviceState.IN_USE, active=False)
    assert await pc.carry_out(Order(Step.LOCK)) == Answer(OrderOutcome.DONE)
    await seen(pc, DeviceState.LOCKED)


async def test_a_desktop_without_a_locker_is_ended(pc: Pc, desk: Desk) -> None:
    """LockSession answers OK and nothing locks: after 5 s the session is terminated."""
    desk.sit_down()
    await seen(pc, DeviceState.IN_USE, active=True)
    began = time.monotonic()
    assert await pc.carry_out(Order(Step.LOCK)) == Answer(OrderOutcome.DONE, "terminated")
    assert 5 <= time.monotonic() - began < 9
    await seen(pc, DeviceState.FREE)


async def test_a_program_that_ignores_sigterm_is_killed(
    pc: Pc, desk: Desk, machine: Machine
) -> None:
    """Within the 15 s of an order, though logind alone would wait for 90 s."""
    unit = desk.sit_down(*STUBBORN)
    await seen(pc, DeviceState.IN_USE, active=False)
    began = time.monotonic()
    assert await pc.carry_out(Order(Step.END)) == Answer(OrderOutcome.DONE, "killed")
    assert time.monotonic() - began < 15
    await seen(pc, DeviceState.FREE)
    assert machine.run("systemctl", "is-active", unit, check=False).stdout.strip() != "active"


async def test_the_agents_user_may_end_sessions_only_by_our_rule(
    pc: Pc, desk: Desk, machine: Machine
) -> None:
    """Without the polkit rule the orders fail by name and the session goes on."""

    def order(step: Step) -> str:
        user = ("systemd-run", "--quiet", "--wait", "--pipe", "--uid=laitevuoro-agent")
        return machine.run(*user, PYTHON, "-c", _ORDER, step).stdout.strip()

    desk.sit_down()
    await seen(pc, DeviceState.IN_USE, active=True)
    forbid_agent(machine)
    machine.run("systemctl", "restart", "polkit")
    assert order(Step.LOCK) == "failed not_permitted"
    assert order(Step.END) == "failed not_permitted"
    assert (await pc.observe())[-1].state is DeviceState.IN_USE
    permit_agent(machine)
    machine.run("systemctl", "restart", "polkit")
    assert order(Step.END) == "done terminated"
    await seen(pc, DeviceState.FREE)


def test_units_are_valid_and_shut_in(machine: Machine) -> None:
    """No fault is found with the units, and little that they are exposed to."""
    machine.run("ln", "--symbolic", "/usr/bin/true", "/opt/laitevuoro/bin/laitevuoro")
    user = ("env", "XDG_RUNTIME_DIR=/run", "systemd-analyze", "--user")
    machine.run(*user, "verify", "/etc/systemd/user/laitevuoro-helper.service")
    for unit, exposure in ((AGENT, 17), ("laitevuoro.service", 13)):
        path = f"/etc/systemd/system/{unit}"
        machine.run("systemd-analyze", "verify", path)
        machine.run(
            "systemd-analyze", "security", "--offline=true", f"--threshold={exposure}", path
        )


@pytest.fixture
def agent(machine: Machine) -> Iterator[Machine]:
    """Give the machine with the agent's unit running, closed and without a broker."""
    etc = machine.root / "etc/laitevuoro"
    _write(etc / "agent-secrets" / "pc-1", "secret\n")
    _write(
        etc / "agent.toml",
        """
[[device]]
site = "library"
id = "pc-1"
kind = "pc"
driver = "pc"
password_file = "/run/credentials/laitevuoro-agent.service/secret_pc-1"
""",
    )
    started = machine.run("systemctl", "start", AGENT, check=False).returncode == 0
    assert started, machine.run("journalctl", "--no-pager", "--lines=20", "--unit", AGENT).stdout
    yield machine
    machine.run("systemctl", "stop", AGENT)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_the_unit_ends_use_that_nobody_may_have(agent: Machine, pc: Pc, desk: Desk) -> None:
    """Sandboxed, unprivileged, without broker or plan, the agent holds a closed PC closed."""
    desk.sit_down()
    await seen(pc, DeviceState.IN_USE, active=True)
    await seen(pc, DeviceState.FREE)


async def test_the_unit_comes_back_after_kill_9(agent: Machine) -> None:
    """A killed agent is ready again within seconds, as another process."""

    def show() -> dict[str, str]:
        names = "--property=SubState,MainPID,NRestarts"
        told = agent.run("systemctl", "show", names, AGENT).stdout
        return dict(line.split("=", 1) for line in told.split())

    before = show()
    assert before["SubState"] == "running"
    agent.run("systemctl", "kill", "--signal=KILL", AGENT)
    async with asyncio.timeout(20):
        while (now := show()) != {**now, "SubState": "running", "NRestarts": "1"}:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.1)
    assert now["MainPID"] != before["MainPID"]


async def test_the_sandbox_lets_the_agent_see_what_runs(
    machine: Machine, pc: Pc, desk: Desk
) -> None:
    """The unit's restrictions hide neither the session nor its programs from the agent."""
    _program(machine, "gimp")
    desk.sit_down("/bin/sh", "-c", "/usr/local/bin/gimp infinity & wait")
    await seen(pc, DeviceState.IN_USE, active=True)
    _write(machine.root / "opt/laitevuoro/look.py", _LOOK)
    _write(
        machine.root / "etc/systemd/system/laitevuoro-look.service",
        (UNITS / AGENT)
        .read_text()
        .replace("Type=notify", "Type=oneshot")
        .replace("Restart=always", "StandardOutput=file:/var/lib/laitevuoro-agent/seen")
        .replace("/opt/laitevuoro/bin/laitevuoro-agent run", f"{PYTHON} /opt/laitevuoro/look.py"),
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "laitevuoro-look")
    assert (machine.root / "var/lib/laitevuoro-agent/seen").read_text() == "in_use image_editing\n"


async def test_the_unit_hears_the_helper_of_whoever_sits_there_only(
    agent: Machine, pc: Pc, desk: Desk
) -> None:
    """Within its sandbox the agent still tells users apart by the peer of the socket."""
    desk.sit_down(*LOCKER, user="alice")
    await seen(pc, DeviceState.IN_USE)
    knock = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(0.5);"
        "s.connect('/run/laitevuoro-agent/helper.sock'); print(s.recv(1))"
    )

    def knocks(user: str) -> str:
        done = agent.run("runuser", "-u", user, "--", PYTHON, "-c", knock, check=False)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    assert knocks("bob") == "b''"
    assert knocks("alice") == "TimeoutError: timed out"
