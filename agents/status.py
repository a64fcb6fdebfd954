"""PURE: what `up/status` says, from an agent's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from agents.clock import Offset
from agents.coverage import Watch
from agents.cycle import Moment, State, snapshot
from agents.enforcement import Decision, Memory
from agents.granting import MOST_TRIES
from agents.model import SETTLED_MS
from agents.schedule import Schedule
from agents.tracking import OpenSession
from mqtt_schemas.base import DeviceLink, DeviceState, utc_from_ms
from mqtt_schemas.messages import (
    AgentClock,
    Checkpoint,
    OutboxState,
    Phase,
    PlanInForce,
    Status,
    TurnNow,
    Watching,
)

#: The problem of a device at which a turn's code was given wrong too often.
TRIES_USED_UP = "code_tries_used_up"
#: What the contract has room for.
MOST_PROBLEMS, MOST_READINGS = 16, 64


@dataclass(frozen=True, slots=True)
class Source:
    """What a status is made from. settles_ms: as agents.model.Device says."""

    state: State
    decision: Decision | None
    moment: Moment
    schedule: Schedule | None
    offset: Offset | None
    outbox: OutboxState
    problems: tuple[str, ...]
    settles_ms: int | None = SETTLED_MS


def status_of(source: Source, connection: str) -> Status:
    """Return the status as of `source.moment`."""
    held, memory = source.state.held, source.state.memory
    now = snapshot(source.state, source.moment, source.settles_ms)
    return Status(
        connection=connection,
        device_link=held.device_link if held else DeviceLink.DISCONNECTED,
        state=held.state if held else DeviceState.OFF,
        turn=turn_now(source.state, source.decision),
        blocked=memory.blocked_reason if memory.blocked_use else None,
        session=_checkpoint(now.session),
        to_be_cleared=memory.finished if memory.uncleared else None,
        readings=_readings(held.readings if held else {}),
        plan=_plan(source.schedule),
        clock=_clock(source.moment, source.offset),
        watching=_watching(now.watch),
        outbox=source.outbox,
        problems=_problems(source),
    )


def _problems(source: Source) -> tuple[str, ...]:
    used_up = tries_used_up(source.state.memory, source.schedule, source.moment.now_ms)
    told = [TRIES_USED_UP] if used_up else []
    return tuple(dict.fromkeys((*told, *source.problems)))[:MOST_PROBLEMS]


def tries_used_up(memory: Memory, schedule: Schedule | None, now_ms: int) -> bool:
    """Tell whether a turn that is not over can be opened by staff only."""
    for turn_id, known in memory.turns.items():
        turn = schedule.find(turn_id) if schedule else None
        to_come = turn is not None and now_ms < turn.closes_ms
        if to_come and known.tries >= MOST_TRIES and not known.checked_in:
            return True
    return False


def turn_now(state: State, decision: Decision | None) -> TurnNow | None:
    """Return the turn in hand; one that is over, while its use goes on."""
    if decision is None:
        return None
    running = state.session.right.turn if state.session else None
    if running is not None and (decision.turn is None or decision.turn.id != running):
        return TurnNow(id=running, phase=Phase.OVERRUN)
    if decision.turn is None or decision.phase is None:
        return None
    return TurnNow(id=decision.turn.id, phase=decision.phase)


def _readings(readings: Mapping[str, float]) -> dict[str, float]:
    """Return what JSON can carry: a sensor that is not plugged in may read as no number."""
    finite = {name: value for name, value in readings.items() if isfinite(value)}
    return dict(list(finite.items())[:MOST_READINGS])


def _watching(watch: Watch | None) -> Watching | None:
    if watch is None:
        return None
    return Watching(from_ms=max(watch.from_ms, 0), to_ms=max(watch.to_ms, 0))


def _checkpoint(session: OpenSession | None) -> Checkpoint | None:
    if session is None:
        return None
    return Checkpoint(
        session=session.id,
        turn=session.right.turn,
        basis=session.right.basis,
        at_ms=max(session.to_ms, 0),
        active_ms=session.active_ms,
        idle_ms=session.idle_ms,
        unobserved_ms=session.unobserved_ms,
    )


def _plan(schedule: Schedule | None) -> PlanInForce | None:
    if schedule is None:
        return None
    plan = schedule.plan
    return PlanInForce(issuer=plan.issuer, revision=plan.revision, digest=plan.digest)


def _clock(moment: Moment, offset: Offset | None) -> AgentClock:
    measured_now = offset is not None and offset.boot_id == moment.boot_id
    return AgentClock(
        wall=utc_from_ms(max(0, moment.wall_ms)),
        boot_id=moment.boot_id,
        boot_ms=moment.boot_ms,
        offset_ms=moment.offset_ms,
        offset_age_ms=moment.boot_ms - offset.measured_boot_ms
        if offset is not None and measured_now
        else None,
    )
