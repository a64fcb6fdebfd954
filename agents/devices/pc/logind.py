"""systemd-logind over the system bus: the only module that knows its D-Bus interface.

Interface: org.freedesktop.login1(5). Everything that goes wrong is a LogindError, with a code
word for the status:

LogindError
├── NoSystemBus     there is no bus, or it went away        no_system_bus
├── NoLogind        the bus has no logind                   no_logind
├── NotPermitted    polkit does not let us                  not_permitted
└── Unresponsive    logind did not answer, or with an error logind_failed
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from dbus_fast import BusType, DBusFastError, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from agents.devices.pc.sessions import LoginSession

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"
SESSION = "org.freedesktop.login1.Session"
PROPERTIES = "org.freedesktop.DBus.Properties"
BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"

#: Seconds for one question. A look is two or three of them, and is to take no more than 5 s.
CALL_SECONDS = 1.5
#: Seconds for one action: polkit is started for the first one, and asked for each.
ACTION_SECONDS = 4.0
CONNECT_SECONDS = 5

_MATCHES = (
    f"type='signal',sender='{NAME}',interface='{MANAGER}'",
    f"type='signal',sender='{NAME}',interface='{PROPERTIES}',path_namespace='{PATH}/session'",
    f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{NAME}'",
)
_QUIET = MessageFlag.NO_AUTOSTART
_SIGNALS = frozenset({"SessionNew", "SessionRemoved", "PropertiesChanged", "NameOwnerChanged"})
_ABSENT = frozenset(
    f"org.freedesktop.DBus.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner")
)
_REFUSED = frozenset(
    f"org.freedesktop.DBus.Error.{name}"
    for name in ("AccessDenied", "InteractiveAuthorizationRequired", "AuthFailed")
)
_GONE = frozenset({f"{NAME}.NoSuchSession", "org.freedesktop.DBus.Error.UnknownObject"})


class LogindError(Exception):
    """Logind can't be asked, or did not do what it was asked. `reason` is a code word."""

    reason = "logind_failed"


class NoSystemBus(LogindError):
    """There is no system bus, or it went away."""

    reason = "no_system_bus"


class NoLogind(LogindError):
    """The bus is there, logind is not."""

    reason = "no_logind"


class NotPermitted(LogindError):
    """Polkit does not let this user do it: its rule is not installed."""

    reason = "not_permitted"


class Unresponsive(LogindError):
    """Logind did not answer in time, or answered with an error."""


class SessionGone(LogindError):
    """The session ended meanwhile. Seen by callers inside this package only."""


class Logind:
    """A connection to logind. `on_signal` is called for each signal about sessions."""

    def __init__(
        self, *, bus: MessageBus, on_signal: Callable[[], None], call_seconds: float
    ) -> None:
        self._bus = bus
        self._call_seconds = call_seconds
        self._on_signal = on_signal
        self._beat = asyncio.Event()

    @classmethod
    async def connect(
        cls,
        *,
        address: str | None,
        on_signal: Callable[[], None],
        call_seconds: float = CALL_SECONDS,
    ) -> Self:
        """Connect to the bus at `address`, or where this system has it. Raises LogindError."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
        except (OSError, EOFError, DBusFastError, TimeoutError) as error:
            raise NoSystemBus(f"no system bus: {error}") from error
        logind = cls(bus=bus, on_signal=on_signal, call_seconds=call_seconds)
        bus.add_message_handler(logind._receive)
        try:
            for match in _MATCHES:
                add = Message(BUS, BUS_PATH, BUS, "AddMatch", signature="s", body=[match])
                await logind._call(add)
        except LogindError:
            bus.disconnect()
            raise
        return logind

    def disconnect(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    async def closed(self) -> None:
        """Return when the bus has gone away."""
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # untyped there
        except (OSError, EOFError, DBusFastError):
            return

    async def sessions(self, seat: str) -> tuple[LoginSession, ...]:
        """Return the sessions on a seat. Raises LogindError."""
        (listed,) = await self._manager("ListSessions", "", [])
        found = []
        # Each row is id, uid, user name, seat, path: the name is not even looked at.
        for session_id, uid, _, on_seat, path in listed:
            if on_seat != seat:
                continue
            try:
                found.append(await self._session(session_id, uid, seat, path))
            except SessionGone:
                continue
        return tuple(found)

    async def lock(self, session: LoginSession) -> None:
        """Ask the session's desktop to lock. Logind says yes also where nobody listens."""
        await self._manager("LockSession", "s", [session.id], ACTION_SECONDS)

    async def terminate(self, session: LoginSession) -> None:
        """Begin to end the session: SIGTERM to its processes, SIGKILL up to 90 s later."""
        await self._manager("TerminateSession", "s", [session.id], ACTION_SECONDS)

    async def kill(self, session: LoginSession, signal: int) -> None:
        """Send a signal to every process of the session."""
        await self._manager("KillSession", "ssi", [session.id, "all", signal], ACTION_SECONDS)

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        """Wait until `holds`, asked anew at each signal. False: it does not after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                # The event is taken before asking, so that no signal falls between.
                beat = self._beat
                while not await holds():
                    await beat.wait()
                    beat = self._beat
        except TimeoutError:
            return False
        return True

    async def _session(self, session_id: str, uid: int, seat: str, path: str) -> LoginSession:
        (wrapped,) = await self._call(
            Message(NAME, path, PROPERTIES, "GetAll", flags=_QUIET, signature="s", body=[SESSION])
        )
        told = {name: variant.value for name, variant in wrapped.items()}
        return LoginSession(
            id=session_id,
            path=path,
            uid=uid,
            seat=seat,
            class_=told.get("Class", ""),
            active=bool(told.get("Active", False)),
            locked=bool(told.get("LockedHint", False)),
            idle=bool(told.get("IdleHint", False)),
            closing=told.get("State") == "closing",
            began_us=told.get("TimestampMonotonic", 0),
        )

    async def _manager(
        self, member: str, signature: str, body: list[Any], seconds: float | None = None
    ) -> list[Any]:
        return await self._call(
            # Without systemd the bus would try, and fail, to start logind at every look.
            Message(NAME, PATH, MANAGER, member, flags=_QUIET, signature=signature, body=body),
            seconds,
        )

    async def _call(self, call: Message, seconds: float | None = None) -> list[Any]:
        seconds = seconds or self._call_seconds
        if not self._bus.connected:
            raise NoSystemBus("the system bus went away")
        try:
            async with asyncio.timeout(seconds):
                reply = await self._bus.call(call)
        except TimeoutError:
            raise Unresponsive(f"logind did not answer {call.member} in {seconds} s") from None
        except (OSError, EOFError, DBusFastError) as error:
            raise NoSystemBus(f"the system bus went away: {error}") from error
        if reply is None:
            raise NoSystemBus("the system bus went away")
        if reply.message_type is MessageType.ERROR:
            raise _error(call.member or "", reply.error_name or "")
        return list(reply.body)

    def _receive(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member in _SIGNALS:
            beat, self._beat = self._beat, asyncio.Event()
            beat.set()
            self._on_signal()


def _error(member: str, name: str) -> LogindError:
    """Return the error for a D-Bus error name. Its text is left out: it may hold a user name."""
    if name in _ABSENT:
        return NoLogind("there is no logind on the system bus")
    if name in _REFUSED:
        return NotPermitted(f"{member} is not permitted to this user")
    if name in _GONE:
        return SessionGone("the session is gone")
    return Unresponsive(f"logind answered {member} with {name}")
