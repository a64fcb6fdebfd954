"""The login sessions of one seat -> who uses it. Names nobody: a session has no user name.

The rule pc/1: a PC is in use while an active, unlocked session of class user is on its seat.
A greeter, a lock screen or a console without a login is nobody's use. A locked session ends
its use; unlocking it begins a new one, for nobody can tell who unlocked it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from mqtt_schemas.base import DeviceState

#: Classes of people's sessions, from sd_session_get_class(3). The rest are greeters, lock
#: screens, background jobs and service managers.
USER_CLASSES = frozenset({"user", "user-early", "user-light", "user-early-light"})


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A session of logind, by the properties of org.freedesktop.login1.Session.

    closing: its leader is gone, some of its processes may not be. idle: as the desktop says.
    began_us: when it began, in microseconds of CLOCK_MONOTONIC.
    """

    id: str
    path: str
    uid: int
    seat: str
    class_: str
    active: bool
    locked: bool
    idle: bool
    closing: bool
    began_us: int

    @property
    def of_user(self) -> bool:
        """Whether a person logged in, not a greeter."""
        return self.class_ in USER_CLASSES


def in_use(sessions: Iterable[LoginSession]) -> LoginSession | None:
    """Return the session that somebody sits at, or None. A seat has at most one active session."""
    for session in sessions:
        if session.of_user and session.active and not session.locked and not session.closing:
            return session
    return None


def state_of(sessions: Iterable[LoginSession]) -> DeviceState:
    """Return the seat's state: in use, locked with somebody's session behind the lock, or free."""
    sessions = tuple(sessions)
    if in_use(sessions) is not None:
        return DeviceState.IN_USE
    if any(session.of_user and session.locked and not session.closing for session in sessions):
        return DeviceState.LOCKED
    return DeviceState.FREE


class Uses:
    """Names the stretches of use of a boot: one session, from login or unlocking to the lock.

    A name is a digest, so it tells nothing of the session, and is the same after a restart of
    the agent, unless the session was unlocked before: how often is known to nobody then.
    """

    def __init__(self, boot_id: str) -> None:
        self._boot_id = boot_id
        self._current: str | None = None
        self._stretches: dict[str, int] = {}

    def name(self, session: LoginSession | None) -> str | None:
        """Return the name of the use of the session that is in use, at this look."""
        if session is None:
            self._current = None
            return None
        login = f"{self._boot_id} {session.id} {session.began_us}"
        if login != self._current:
            self._current = login
            self._stretches[login] = self._stretches.get(login, 0) + 1
        return sha256(f"{login} {self._stretches[login]}".encode()).hexdigest()[:32]
