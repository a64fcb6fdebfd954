"""A D-Bus daemon of one's own, and a login1 service on it: logind as the agent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from agents.devices.pc.logind import MANAGER, NAME, PATH, PROPERTIES, SESSION
from tests.parts import require

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@contextlib.asynccontextmanager
async def private_bus(folder: Path) -> AsyncIterator[str]:
    """Run a daemon in `folder`; gives its address. Skips where there is no dbus-daemon."""
    require(shutil.which("dbus-daemon"), "dbus-daemon is not installed")
    config, address = folder / "bus.conf", f"unix:path={folder / 'bus'}"
    services = folder / "services"
    services.mkdir(exist_ok=True)
    config.write_text(_CONFIG.format(socket=folder / "bus", services=services))
    # As where systemd is installed and not running: the bus could start logind, in vain.
    service = f"[D-BUS Service]\nName={NAME}\nExec=/usr/bin/touch {folder / 'started'}\n"
    (services / f"{NAME}.service").write_text(service)
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon",
        f"--config-file={config}",
        "--nofork",
        "--print-address",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert daemon.stdout is not None
    try:
        await daemon.stdout.readline()
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            daemon.terminate()
        await daemon.wait()
        with contextlib.suppress(FileNotFoundError):
            (folder / "bus").unlink()


class FakeLogind:
    """A login1 service. `obeys` tells what takes effect: lock, terminate, kill."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.obeys = {"LockSession", "TerminateSession", "KillSession"}
        self.denies: set[str] = set()
        self.silent = False
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self._sessions: dict[str, dict[str, Variant]] = {}
        self._rows: dict[str, tuple[int, str]] = {}
        self._methods = {
            "ListSessions": self._list,
            "GetAll": self._get_all,
            "LockSession": self._lock,
            "TerminateSession": self._end,
            "KillSession": self._end,
        }

    @classmethod
    async def start(cls, address: str) -> FakeLogind:
        """Take logind's name on the bus at `address`."""
        bus = await MessageBus(bus_address=address).connect()
        fake = cls(bus)
        bus.add_message_handler(fake._answer)
        await bus.request_name(NAME)
        return fake

    def stop(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    def add(
        self,
        session: str,
        *,
        uid: int = 1000,
        seat: str = "seat0",
        class_: str = "user",
        active: bool = True,
        locked: bool = False,
        idle: bool = False,
    ) -> None:
        """Let somebody log in."""
        self._rows[session] = (uid, seat)
        self._sessions[session] = {
            "Name": Variant("s", "alice"),
            "Class": Variant("s", class_),
            "Active": Variant("b", active),
            "LockedHint": Variant("b", locked),
            "IdleHint": Variant("b", idle),
            "State": Variant("s", "active" if active else "online"),
        }
        self._signal(PATH, MANAGER, "SessionNew", "so", [session, _path(session)])

    def change(self, session: str, **properties: bool | str) -> None:
        """Change properties of a session."""
        changed = {n: Variant("s" if isinstance(v, str) else "b", v) for n, v in properties.items()}
        self._sessions[session].update(changed)
        body = [SESSION, changed, []]
        self._signal(_path(session), PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def remove(self, session: str) -> None:
        """Let a session end."""
        del self._sessions[session], self._rows[session]
        self._signal(PATH, MANAGER, "SessionRemoved", "so", [session, _path(session)])

    def _signal(self, path: str, interface: str, member: str, kind: str, body: list[Any]) -> None:
        self._bus.send(Message.new_signal(path, interface, member, kind, body))

    def _answer(self, call: Message) -> Message | bool | None:
        method = self._methods.get(call.member or "")
        if call.message_type is not MessageType.METHOD_CALL or method is None:
            return None
        if call.member not in ("ListSessions", "GetAll"):
            self.calls.append((call.member or "", tuple(call.body)))
        if self.silent:
            return True
        if call.member in self.denies:
            error = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
            return Message.new_error(call, error, "alice may not")
        return method(call)

    def _list(self, call: Message) -> Message:
        rows = [[s, uid, "alice", seat, _path(s)] for s, (uid, seat) in self._rows.items()]
        return Message.new_method_return(call, "a(susso)", [rows])

    def _get_all(self, call: Message) -> Message:
        session = (call.path or "").rsplit("_", 1)[-1]
        return Message.new_method_return(call, "a{sv}", [self._sessions[session]])

    def _lock(self, call: Message) -> Message:
        if "LockSession" in self.obeys:
            self.change(call.body[0], LockedHint=True)
        return Message.new_method_return(call, "", [])

    def _end(self, call: Message) -> Message:
        session = call.body[0]
        if session not in self._rows:
            return Message.new_error(call, f"{NAME}.NoSuchSession", "no session of alice")
        if call.member in self.obeys:
            self.remove(session)
        else:
            self._sessions[session]["State"] = Variant("s", "closing")
        return Message.new_method_return(call, "", [])


def _path(session: str) -> str:
    return f"{PATH}/session/_{session}"
