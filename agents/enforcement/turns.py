"""PURE: which turn is in hand, planned or made at the device, and what holds outside turns."""

from __future__ import annotations

from dataclasses import replace

from agents.enforcement.state import Memory, OwnTurn, Situation
from agents.schedule import ScheduledTurn
from mqtt_schemas.plan import AtEnd, OutsideTurns

#: A turn that the agent made is remembered so long after its end: a plan may still bring it.
_OWN_KEPT_MS = 3_600_000
_MOST_OWN = 20


def settle(memory: Memory, at: Situation) -> Memory:
    """Forget turns that the plan no longer has. One of the agent's own that it has is its."""
    planned = at.schedule.ids if at.schedule else frozenset[str]()
    running = at.session.right.turn if at.session else None
    own = tuple(
        replace(turn, taken=True) if turn.id in planned and not turn.taken else turn
        for turn in memory.own[-_MOST_OWN:]
        if turn.id == running or at.now_ms < turn.ends_ms + turn.grace_ms + _OWN_KEPT_MS
    )
    if own != memory.own:
        memory = replace(memory, own=own)
    kept = planned | {turn.id for turn in own} | {running}
    if any(turn not in kept for turn in memory.turns):
        memory = replace(memory, turns={t: m for t, m in memory.turns.items() if t in kept})
    return memory


def lapsed(memory: Memory, turn: ScheduledTurn, now_ms: int) -> bool:
    """Tell whether a turn is nobody's any more: nobody came in time, or it was given back."""
    known = memory.of(turn.id)
    if known.given_back:
        return True
    if turn.check_in_until_ms is None or known.opened or known.checked_in:
        return False
    return now_ms >= turn.check_in_until_ms


def may_open(memory: Memory, turn: ScheduledTurn) -> bool:
    """Tell whether a turn needs no code, or got it."""
    known = memory.of(turn.id)
    return turn.check_in_until_ms is None or known.opened or known.checked_in


def current(memory: Memory, at: Situation) -> ScheduledTurn | None:
    """Return the turn in hand: the plan's, and else one that the agent made."""
    planned = at.schedule.current(at.now_ms) if at.schedule else None
    if planned is not None and not lapsed(memory, planned, at.now_ms):
        return planned
    if not memory.own or memory.own[-1].taken:
        return None
    own = _scheduled(memory, at, memory.own[-1])
    known = memory.of(own.id)
    return own if at.now_ms < own.closes_ms and not (known.over or known.given_back) else None


def find(memory: Memory, at: Situation, turn_id: str) -> ScheduledTurn | None:
    """Return the turn of that id as it stands, or None."""
    planned = at.schedule.find(turn_id) if at.schedule else None
    if planned is not None:
        return planned
    own = next((turn for turn in memory.own if turn.id == turn_id), None)
    return None if own is None or own.taken else _scheduled(memory, at, own)


def free_until(memory: Memory, at: Situation, *, spare_ms: int, within_ms: int) -> int:
    """Return until when a turn could run from now: to `spare_ms` before the next planned one.

    within_ms: at most so long from now.
    """
    return _free(memory, at, at.now_ms, at.now_ms + within_ms, spare_ms)


def _free(memory: Memory, at: Situation, from_ms: int, to_ms: int, spare_ms: int) -> int:
    if at.schedule is None:
        return to_ms
    for turn in at.schedule.touching(from_ms, to_ms + spare_ms):
        if not lapsed(memory, turn, at.now_ms):
            return min(to_ms, max(from_ms, turn.starts_ms - spare_ms))
    return to_ms


def _scheduled(memory: Memory, at: Situation, own: OwnTurn) -> ScheduledTurn:
    """Return a turn of the agent's own: it makes way for what the plan has."""
    spare_ms = own.gap_ms + own.grace_ms
    ends_ms = _free(memory, at, own.starts_ms, own.ends_ms, spare_ms)
    # Where the plan's turn began before it, there is no grace either.
    closes_ms = ends_ms + own.grace_ms if ends_ms > own.starts_ms else ends_ms
    return ScheduledTurn(
        id=own.id,
        starts_ms=own.starts_ms,
        ends_ms=ends_ms,
        closes_ms=closes_ms,
        warn_ms=own.warn_ms,
        at_end=own.at_end,
        target_group=own.target_group,
        group_assumed=own.group_assumed,
        party_size=own.party_size,
        source=own.source,
    )


def outside(at: Situation) -> OutsideTurns:
    """Return what holds outside turns: by the plan, past its validity, or without any.

    Open holds within the plan's windows only.
    """
    schedule = at.schedule
    if schedule is None:
        return at.without_plan
    if at.now_ms >= schedule.valid_until_ms:
        return schedule.after_expiry
    rule = schedule.outside_turns
    if rule is OutsideTurns.OPEN and schedule.window(at.now_ms) is None:
        return OutsideTurns.CLOSED
    return rule


def open_until(memory: Memory, at: Situation) -> int | None:
    """Return when the use that is open to all now comes to an end; None: not to be foreseen."""
    schedule = at.schedule
    if schedule is None or outside(at) is not OutsideTurns.OPEN:
        return None
    if at.now_ms >= schedule.valid_until_ms:
        return None
    ends = [schedule.window_ends(at.now_ms)]
    if schedule.after_expiry is OutsideTurns.CLOSED:
        ends.append(schedule.valid_until_ms)
    coming = schedule.next(at.now_ms)
    if coming is not None and not may_open(memory, coming):
        ends.append(coming.starts_ms)
    return min((end for end in ends if end is not None), default=None)


def reopens(at_end: AtEnd | None) -> bool:
    """Tell whether a turn that ended so can be extended afterwards."""
    return at_end in (AtEnd.LOCK, AtEnd.PAUSE_JOB)
