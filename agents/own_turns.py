"""PURE: turns that begin at the device itself: walk-ins, and what staff opens by hand."""

from __future__ import annotations

from dataclasses import replace

from agents.enforcement.ending import blocked
from agents.enforcement.state import Memory, OwnTurn, Situation, waits
from agents.enforcement.turns import current, free_until, may_open, outside
from agents.granting import (
    MOST_TRIES,
    Edge,
    Granted,
    Proof,
    checked_in,
    granted,
    is_group,
    refused,
    seconds_of,
)
from agents.model import StaffOpen, WalkIn
from mqtt_schemas.base import DeviceState, ms_from_utc
from mqtt_schemas.events import TurnSource
from mqtt_schemas.plan import HashedCode, OutsideTurns, Terms

#: A code of the day is heard so long before and after its day: clocks differ.
DOUBT_MS = 3_600_000
#: After MOST_TRIES wrong staff codes, one is heard in such a time.
STAFF_WAIT_MS = 60_000


def walk_in(memory: Memory, at: Situation, request: WalkIn, edge: Edge) -> Granted:
    """Begin a turn without a booking, within the terms, the window and the turns ahead."""
    schedule = at.schedule
    terms = schedule.plan.walk_in if schedule else None
    if schedule is None or terms is None:
        return refused(memory, at, "no_walk_in")
    if not is_group(request.group, request.party):
        return refused(memory, at, "no_such_group")
    if outside(at) is OutsideTurns.OUT_OF_SERVICE:
        return refused(memory, at, "out_of_service")
    window = schedule.window(at.now_ms) if at.now_ms < schedule.valid_until_ms else None
    if window is None or not window.takes(request.group):
        return refused(memory, at, "other_group_now" if window else "closed_now")
    if at.state is DeviceState.TO_BE_CLEARED:
        return refused(memory, at, "clear_first")
    ends_ms = min(
        _limits(memory, at, terms, request.seconds), window.ends_ms, schedule.valid_until_ms
    )
    made = replace(
        _own(at, terms, TurnSource.WALK_IN, ends_ms, edge),
        target_group=request.group or window.assumed_group,
        group_assumed=request.group is None and window.assumed_group is not None,
        party_size=request.party,
    )
    return _begin(memory, at, terms, made)


def staff_open(
    memory: Memory, at: Situation, request: StaffOpen, proof: Proof | None, edge: Edge
) -> Granted:
    """Open the device by hand, at any hour: the turn in hand, or one of its own."""
    terms = at.schedule.plan.staff_code if at.schedule else None
    if terms is None or not _codes(at):
        return refused(memory, at, "no_staff_code")
    if _must_wait(memory, at):
        return refused(memory, at, "staff_code_wait")
    if proof is None or proof.codes != _codes(at):
        return refused(memory, at, "try_again")
    if not proof.right:
        retry_ms = at.now_ms + STAFF_WAIT_MS
        memory = replace(memory, staff_wrong=memory.staff_wrong + 1, staff_retry_ms=retry_ms)
        return refused(memory, at, "staff_code_wrong")
    memory = replace(memory, staff_wrong=0, staff_retry_ms=0)
    turn = current(memory, at)
    if turn is not None and not may_open(memory, turn):
        return checked_in(memory, at, turn, edge)
    limits = _limits(memory, at, terms, request.seconds)
    made = _own(at, terms, TurnSource.STAFF_CODE, limits, edge)
    return _begin(memory, at, terms, made)


def staff_codes(memory: Memory, at: Situation) -> tuple[HashedCode, ...]:
    """Return the codes of which staff gives one; none while staff must wait to be heard."""
    return () if _must_wait(memory, at) else _codes(at)


def _codes(at: Situation) -> tuple[HashedCode, ...]:
    terms = at.schedule.plan.staff_code if at.schedule else None
    if terms is None:
        return ()
    return tuple(
        day.code
        for day in terms.days
        if ms_from_utc(day.starts_at) - DOUBT_MS <= at.now_ms < ms_from_utc(day.ends_at) + DOUBT_MS
    )


def _must_wait(memory: Memory, at: Situation) -> bool:
    return memory.staff_wrong >= MOST_TRIES and waits(
        at.now_ms, memory.staff_retry_ms, STAFF_WAIT_MS
    )


def _limits(memory: Memory, at: Situation, terms: Terms, seconds: int | None) -> int:
    """Return until when a turn by those terms can run from now."""
    longest = terms.max_seconds
    if seconds is not None:
        longest = min(longest, max(seconds, terms.min_seconds))
    spare_ms = (terms.gap + terms.grace) * 1000
    return free_until(memory, at, spare_ms=spare_ms, within_ms=longest * 1000)


def _own(at: Situation, terms: Terms, source: TurnSource, ends_ms: int, edge: Edge) -> OwnTurn:
    return OwnTurn(
        id=edge.new_id(),
        source=source,
        starts_ms=at.now_ms,
        ends_ms=ends_ms,
        gap_ms=terms.gap * 1000,
        grace_ms=terms.grace * 1000,
        warn_ms=tuple(seconds * 1000 for seconds in terms.warn_before),
        at_end=terms.at_end,
    )


def _begin(memory: Memory, at: Situation, terms: Terms, made: OwnTurn) -> Granted:
    """Begin a turn of the agent's own, where nothing is in its way."""
    turn = current(memory, at)
    if turn is not None:
        return refused(memory, at, "turn_runs" if may_open(memory, turn) else "booked_now")
    if blocked(memory, at) or memory.ending is not None or _runs_on(memory, at):
        return refused(memory, at, "still_in_use")
    if made.ends_ms - at.now_ms < terms.min_seconds * 1000:
        return refused(memory, at, "too_little_time")
    memory = replace(memory, own=(*memory.own, made))
    return granted(memory, at, "turn_began", seconds=seconds_of(made.ends_ms - at.now_ms))


def _runs_on(memory: Memory, at: Situation) -> bool:
    """Tell whether a job of a turn that is over may be finished first."""
    turn_id = at.session.right.turn if at.session else None
    return turn_id is not None and memory.of(turn_id).over
