"""People at the seat of a machine: real login sessions on seat0, through PAM."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from agents.devices.pc.logind import PATH, Logind
from tests.e2e.installed import PYTHON
from tests.e2e.machine import Machine

#: Locks as a screen locker does: when logind tells its session to, it says that it did.
_LOCKER = """
import asyncio
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus
L, P = "org.freedesktop.login1", "/org/freedesktop/login1/session/auto"
async def main():
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    locks = asyncio.Event()
    bus.add_message_handler(lambda m: locks.set() if m.member == "Lock" else None)
    match = f"type='signal',interface='{L}.Session',member='Lock'"
    await bus.call(Message("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "AddMatch",
                           signature="s", body=[match]))
    await bus.call(Message(L, P, f"{L}.Session", "SetIdleHint", signature="b", body=[True]))
    await locks.wait()
    await bus.call(Message(L, P, f"{L}.Session", "SetLockedHint", signature="b", body=[True]))
    await asyncio.Event().wait()
asyncio.run(main())
"""

SITTING = ("/usr/bin/sleep", "infinity")
# The next two say that they are idle once they are ready, so that a test can wait for it.
_SAY_IDLE = (
    "busctl call org.freedesktop.login1 /org/freedesktop/login1/session/auto"
    " org.freedesktop.login1.Session SetIdleHint b true"
)
#: Ignores SIGTERM and SIGHUP, and so does what it starts.
STUBBORN = ("/bin/sh", "-c", f"trap '' TERM HUP; {_SAY_IDLE}; while :; do sleep 1; done")
#: Locks when it is told to.
LOCKER = (PYTHON, "-c", _LOCKER)


@dataclass(frozen=True)
class Desk:
    """The seat of a machine."""

    machine: Machine
    _units: count[int]

    @classmethod
    def of(cls, machine: Machine) -> Desk:
        """Return the seat, with two customers who may sit down at it."""
        for name in ("alice", "bob"):
            machine.run("useradd", "--create-home", name)
        return cls(machine, count(1))

    def sit_down(self, *command: str, user: str = "alice", class_: str = "user") -> str:
        """Log somebody in at seat0, on a desktop that is `command`. Return the unit's name."""
        unit = f"desk-{next(self._units)}.service"
        self.machine.run(
            "systemd-run",
            f"--unit={unit}",
            f"--uid={user}",
            "--property=PAMName=login",
            "--setenv=XDG_SEAT=seat0",
            "--setenv=XDG_SESSION_TYPE=x11",
            f"--setenv=XDG_SESSION_CLASS={class_}",
            *(command or SITTING),
        )
        return unit

    def hint(self, session: str, name: str, *, value: bool) -> None:
        """Say as the desktop does that a session is locked (LockedHint) or idle (IdleHint)."""
        path = self.machine.run(
            "busctl",
            "call",
            "org.freedesktop.login1",
            PATH,
            "org.freedesktop.login1.Manager",
            "GetSession",
            "s",
            session,
        ).stdout.split('"')[1]
        word = "true" if value else "false"
        interface = "org.freedesktop.login1.Session"
        self.machine.run(
            "busctl", "call", "org.freedesktop.login1", path, interface, f"Set{name}", "b", word
        )

    async def clear(self, logind: Logind) -> None:
        """Let everybody go home, whether they like it or not."""

        async def empty() -> bool:
            return not await logind.sessions("seat0")

        self.machine.run("systemctl", "kill", "--signal=KILL", "desk-*.service", check=False)
        self.machine.run("systemctl", "kill", "--signal=KILL", "session-*.scope", check=False)
        assert await logind.until(empty, 10)
