"""PURE: what staff should look into: where what a device does is not what its plan says.

An alarm is a condition that holds, with the moment since when. It is not kept: whoever looks
again finds the same. Only a condition without a moment of its own needs to be remembered
(`Pending`), so that one which lasts can be told from one that passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from mqtt_schemas.base import Basis, ms_from_utc, utc_from_ms
from mqtt_schemas.messages import Status
from mqtt_schemas.plan import AtEnd, Plan
from mqtt_schemas.topics import Address

#: The problem of a status that tells that a turn's code was given wrong too often.
TRIES_USED_UP = "code_tries_used_up"
#: An agent tries three times, then calls a use blocked (agents.enforcement); heartbeats, 15 s.
TRYING = timedelta(seconds=90)
#: So long a use on a closed device may take to be ended.
ENDING = timedelta(seconds=30)
#: So long a device that is there may take to carry out its plan.
TAKING_UP = timedelta(minutes=5)

_MILLISECOND = timedelta(milliseconds=1)
_LATEST_MS = 253_402_300_799_999


class Kind(StrEnum):
    """What is not as it should be.

    use_outside: the closed device is in use. used_outside: it was, today. not_obeyed: the
    device would not end a use, or a use goes on past its turn's end and grace. plan_not_in_force:
    its agent is there and does not carry out its plan. code_tries_used_up: a turn's code was
    given wrong too often, so only staff can open it.
    """

    USE_OUTSIDE = "use_outside"
    USED_OUTSIDE = "used_outside"
    NOT_OBEYED = "not_obeyed"
    PLAN_NOT_IN_FORCE = "plan_not_in_force"
    CODE_TRIES_USED_UP = "code_tries_used_up"


class Severity(StrEnum):
    """note: to know of. warning: look when there is time. critical: the next turn is at stake."""

    NOTE = "note"
    WARNING = "warning"
    CRITICAL = "critical"


_SEVERITY = {
    Kind.USE_OUTSIDE: Severity.WARNING,
    Kind.USED_OUTSIDE: Severity.NOTE,
    Kind.NOT_OBEYED: Severity.CRITICAL,
    Kind.PLAN_NOT_IN_FORCE: Severity.WARNING,
    Kind.CODE_TRIES_USED_UP: Severity.WARNING,
}
_DELAY = {
    Kind.USE_OUTSIDE: ENDING,
    Kind.PLAN_NOT_IN_FORCE: TAKING_UP,
}
#: A device whose turn's end only tells, or lets a job finish, obeys while its use goes on.
_ENDS = frozenset({AtEnd.LOCK, AtEnd.END, AtEnd.PAUSE_JOB})


@dataclass(frozen=True, slots=True)
class Alarm:
    """One condition at one device. reason: a code word of the agent's. count: of sessions."""

    address: Address
    kind: Kind
    since: datetime
    turn: str | None = None
    reason: str | None = None
    count: int | None = None

    @property
    def severity(self) -> Severity:
        """How soon somebody should look."""
        return _SEVERITY[self.kind]


@dataclass(frozen=True, slots=True)
class Seen:
    """A device as it is known: its newest status, the plan it should carry out, and today's use.

    in_force: whether that plan is the one that it carries out. uncounted_today: sessions
    outside any right to use it that began since local midnight, which is `today`.
    """

    address: Address
    online: bool
    status: Status | None
    plan: Plan | None
    in_force: bool
    today: datetime
    uncounted_today: int = 0


#: Since when a condition has held that has no moment of its own.
Pending = Mapping[tuple[Address, Kind], datetime]
NONE_PENDING: Pending = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Judged:
    """The alarms, by severity and device, and what is to be remembered for the next look."""

    alarms: tuple[Alarm, ...]
    pending: Pending


@dataclass(frozen=True, slots=True)
class _Condition:
    kind: Kind
    since: datetime | None = None
    turn: str | None = None
    reason: str | None = None
    count: int | None = None


@dataclass(slots=True)
class _Look:
    pending: dict[tuple[Address, Kind], datetime] = field(default_factory=dict)
    alarms: list[Alarm] = field(default_factory=list)


def judge(devices: Iterable[Seen], before: Pending, now: datetime) -> Judged:
    """Return the alarms that hold now. Total: any status and plan that the contract allows."""
    look = _Look()
    for seen in devices:
        for found in _conditions(seen, now):
            key = (seen.address, found.kind)
            since = min(found.since or before.get(key, now), now)
            if found.since is None:
                look.pending[key] = since
            if now - since >= _DELAY.get(found.kind, timedelta(0)):
                look.alarms.append(
                    Alarm(seen.address, found.kind, since, found.turn, found.reason, found.count)
                )
    order = list(Severity)
    alarms = sorted(
        look.alarms, key=lambda each: (-order.index(each.severity), each.address, each.kind)
    )
    return Judged(tuple(alarms), look.pending)


def _conditions(seen: Seen, now: datetime) -> Iterator[_Condition]:
    if seen.uncounted_today > 0:
        yield _Condition(Kind.USED_OUTSIDE, seen.today, count=seen.uncounted_today)
    status = seen.status
    if status is None:
        return
    not_obeyed = _not_obeyed(seen, status, now)
    if not_obeyed is not None:
        yield not_obeyed
    if not seen.online:
        return
    if seen.plan is not None and not seen.in_force:
        yield _Condition(Kind.PLAN_NOT_IN_FORCE)
    if status.session is not None and status.session.basis is Basis.OUTSIDE and not not_obeyed:
        yield _Condition(Kind.USE_OUTSIDE, _began(status))
    if TRIES_USED_UP in status.problems:
        turn = status.turn.id if status.turn else None
        yield _Condition(Kind.CODE_TRIES_USED_UP, turn=turn)


def _not_obeyed(seen: Seen, status: Status, now: datetime) -> _Condition | None:
    """Return that the device does not obey, by its agent's word or by what it still does."""
    session = status.session
    if status.blocked is not None:
        since = _began(status) if session and session.basis is Basis.BLOCKED else None
        return _Condition(Kind.NOT_OBEYED, since, reason=status.blocked)
    if session is None or session.basis is not Basis.TURN or not seen.online:
        return None
    planned = seen.plan.turns if seen.plan else ()
    turn = next((turn for turn in planned if turn.id == session.turn), None)
    if turn is None or turn.at_end not in _ENDS:
        return None
    # In whole milliseconds: a grace in the year 9999 is past what a datetime can hold.
    over_ms = ms_from_utc(turn.ends_at) + turn.grace * 1000
    if ms_from_utc(now) < over_ms + TRYING // _MILLISECOND:
        return None
    since = utc_from_ms(over_ms)
    return _Condition(Kind.NOT_OBEYED, since, turn=turn.id, reason="use_goes_on")


def _began(status: Status) -> datetime | None:
    """Return when the open session began, by the orchestrator's clock as the agent knows it."""
    session, clock = status.session, status.clock
    if session is None:
        return None
    length_ms = session.active_ms + session.idle_ms + session.unobserved_ms
    ago_ms = clock.boot_ms - session.at_ms + length_ms
    began_ms = ms_from_utc(clock.wall) + (clock.offset_ms or 0) - ago_ms
    return utc_from_ms(min(max(began_ms, 0), _LATEST_MS))
