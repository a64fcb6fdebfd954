"""PURE: what people at the device ask for, granted or refused within the plan, also alone.

A code is verified elsewhere (agents.codes), since that takes time: `codes_for` says against
what, and `grant` holds the finding against the situation as it is by then.
"""

from __future__ import annotations

from dataclasses import replace

from agents import own_turns
from agents.enforcement.state import Memory, Situation
from agents.enforcement.turns import current, lapsed, may_open
from agents.granting import (
    MOST_TRIES,
    Edge,
    Granted,
    Proof,
    checked_in,
    granted,
    is_group,
    refused,
)
from agents.model import (
    CheckIn,
    Cleared,
    MoreTime,
    Reply,
    Request,
    SetGroup,
    StaffOpen,
    WalkIn,
)
from agents.schedule import ScheduledTurn
from mqtt_schemas.base import Basis
from mqtt_schemas.events import ExtensionRequested, GroupSet, OrderOutcome, OrderResult, Step
from mqtt_schemas.plan import HashedCode

#: So long before its start a turn can be checked in.
EARLY_MS = 15 * 60_000
#: More time is asked for once in such a time: people press a button again.
ASK_AGAIN_MS = 60_000
LONGEST_EXTENSION = 86_400


def codes_for(memory: Memory, at: Situation, request: Request) -> tuple[HashedCode, ...]:
    """Return the codes of which one must have been given; none where it would not matter."""
    if isinstance(request, StaffOpen):
        return own_turns.staff_codes(memory, at)
    if isinstance(request, CheckIn):
        turn = _awaited(memory, at)
        if turn is not None and turn.code is not None and memory.of(turn.id).tries < MOST_TRIES:
            return (turn.code,)
    return ()


def grant(
    memory: Memory, at: Situation, request: Request, proof: Proof | None, edge: Edge
) -> Granted:
    """Return what a request comes to. Total: whatever is asked for, whatever the plan says.

    `decide` then does what follows: it opens a turn that was checked in or made, and ends the
    use of one that was given back.
    """
    match request:
        case CheckIn():
            come = _check_in(memory, at, proof, edge)
        case WalkIn():
            come = own_turns.walk_in(memory, at, request, edge)
        case StaffOpen():
            come = own_turns.staff_open(memory, at, request, proof, edge)
        case MoreTime():
            come = _more_time(memory, at, request, edge)
        case SetGroup():
            come = _set_group(memory, at, request, edge)
        case Cleared():
            come = _clear(memory, at)
        case _:
            come = _end_now(memory, at, edge)
    return come


def _awaited(memory: Memory, at: Situation) -> ScheduledTurn | None:
    """Return the turn that waits for its code: the one in hand, or the next if it begins soon."""
    if at.schedule is None:
        return None
    turn = at.schedule.current(at.now_ms)
    if turn is not None and not may_open(memory, turn) and not lapsed(memory, turn, at.now_ms):
        return turn
    coming = at.schedule.next(at.now_ms)
    if coming is None or coming.starts_ms - at.now_ms > EARLY_MS or may_open(memory, coming):
        return None
    return None if coming.starts_ms >= at.schedule.valid_until_ms else coming


def _check_in(memory: Memory, at: Situation, proof: Proof | None, edge: Edge) -> Granted:
    turn = _awaited(memory, at)
    if turn is None:
        return refused(memory, at, "no_turn_now")
    known = memory.of(turn.id)
    if turn.code is None or known.tries >= MOST_TRIES:
        return refused(memory, at, "ask_staff" if turn.code is None else "code_tries_used_up")
    if proof is None or proof.codes != (turn.code,):
        return refused(memory, at, "try_again")
    if proof.right:
        return checked_in(memory, at, turn, edge)
    memory = memory.noting(turn.id, replace(known, tries=known.tries + 1))
    left = MOST_TRIES - known.tries - 1
    if left == 0:
        return refused(memory, at, "code_tries_used_up")
    return refused(memory, at, "code_wrong", tries=left)


def _clear(memory: Memory, at: Situation) -> Granted:
    if not memory.uncleared:
        return refused(memory, at, "nothing_to_clear")
    return granted(replace(memory, cleared_here=True), at, "cleared")


def _running(memory: Memory, at: Situation) -> ScheduledTurn | None:
    turn = current(memory, at)
    if turn is None or not may_open(memory, turn) or memory.of(turn.id).over:
        return None
    return turn


def _more_time(memory: Memory, at: Situation, request: MoreTime, edge: Edge) -> Granted:
    turn = _running(memory, at)
    if turn is None:
        return refused(memory, at, "no_turn_now")
    known = memory.of(turn.id)
    if known.asked_ms is not None and 0 <= at.now_ms - known.asked_ms < ASK_AGAIN_MS:
        return refused(memory, at, "already_asked")
    event = ExtensionRequested(
        **edge.stamp(turn.id), seconds=max(1, min(request.seconds, LONGEST_EXTENSION))
    )
    known = replace(known, asked_ms=at.now_ms, asked_ends_ms=turn.ends_ms)
    return granted(memory.noting(turn.id, known), at, "extension_asked", event)


def _set_group(memory: Memory, at: Situation, request: SetGroup, edge: Edge) -> Granted:
    if not is_group(request.group, request.party):
        return refused(memory, at, "no_such_group")
    session, turn = at.session, _running(memory, at)
    mine = session if session and session.right.basis in (Basis.TURN, Basis.OPEN) else None
    if turn is None and mine is None:
        return refused(memory, at, "no_turn_now")
    if turn is not None:
        known = replace(memory.of(turn.id), group=(request.group, request.party))
        memory = memory.noting(turn.id, known)
    if mine is None or (turn is not None and mine.right.turn != turn.id):
        return granted(memory, at, "group_noted")
    event = GroupSet(
        **edge.stamp(mine.right.turn, mine.id),
        target_group=request.group,
        party_size=request.party,
    )
    party = request.party or mine.right.party_size
    right = replace(mine.right, target_group=request.group, party_size=party, group_assumed=False)
    reply = Reply(accepted=True, phrase="group_noted")
    return Granted(memory, replace(mine, right=right), reply, (event,))


def _end_now(memory: Memory, at: Situation, edge: Edge) -> Granted:
    turn = _running(memory, at)
    if turn is None:
        return refused(memory, at, "no_turn_now")
    memory = memory.noting(turn.id, replace(memory.of(turn.id), given_back=True))
    event = OrderResult(
        **edge.stamp(turn.id), step=Step.CLOSE, outcome=OrderOutcome.DONE, reason="given_back"
    )
    return granted(memory, at, "turn_given_back", event)
