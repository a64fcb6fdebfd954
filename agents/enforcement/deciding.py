"""PURE: what is to be done at the device now, and when to ask again."""

from __future__ import annotations

from dataclasses import replace

from agents.enforcement import ending, turns, words
from agents.enforcement.state import (
    Access,
    Decision,
    End,
    Memory,
    Situation,
    waits,
)
from agents.model import Order
from agents.schedule import ScheduledTurn
from agents.tracking import Right
from mqtt_schemas.base import Basis
from mqtt_schemas.events import Step
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd, OutsideTurns

#: In `TurnMemory.warned` of a turn that is over: its late extension has been answered.
_TOO_LATE_SAID = -1


def decide(memory: Memory, at: Situation) -> Decision:
    """Return what is to be done in a situation. Total: any valid plan, session and time.

    1. Forget what no longer matters. 2. Find the turn and what may be. 3. Say by what right a
    use runs, and whether the present one changes hands. 4. End what is over. 5. Order the
    access level, warnings and notices, and that the device is cleared.
    """
    memory = ending.forget_use(turns.settle(memory, at), at)
    turn, memory, late = _turn_now(memory, at)
    memory, end = ending.turn_over(memory, at)
    memory, refusal, lateness = ending.too_long(memory, at, turn)
    end = end or refusal
    access = _access(memory, at, turn, end)
    memory, opened = _open_turn(memory, turn, access)
    right = _right(memory, at, turn, access)
    memory, endings, outcome = ending.endings(memory, at, end or ending.no_right(at, access))
    if ending.blocked(memory, at):
        right = Right(Basis.BLOCKED)
    memory, levels = _levels(memory, at, access)
    memory, clearing = _clear(memory, at)
    memory, said = words.words(memory, at, turn, access)
    said = (*lateness, *said, *clearing)
    return Decision(
        memory=memory,
        access=access,
        right=right,
        split=_changes_hands(memory, at, right),
        # A closed door first, so that nobody slips in; an open one last, when the old use ended.
        orders=(*said, *endings, *levels) if access.open else (*levels, *endings, *said),
        opened=opened,
        late=late,
        outcome=outcome,
        phase=_phase(memory, at, turn, access),
        turn=turn,
    )


def next_due_ms(memory: Memory, at: Situation) -> int | None:
    """Return the plan time of the next moment at which `decide` may say something new."""
    due: list[int] = []
    if memory.ending is not None and at.session is not None and not at.ordering:
        due.append(memory.ending.retry_ms)
    if memory.access is None:
        due.append(memory.access_retry_ms)
    if memory.uncleared:
        due.append(memory.clear_retry_ms)
    if at.schedule is not None:
        due.extend(at.schedule.boundaries(at.now_ms))
    due.extend(words.next_words_ms(memory, at, turns.current(memory, at)))
    later = [moment for moment in due if moment > at.now_ms]
    return min(later, default=None)


def _turn_now(
    memory: Memory, at: Situation
) -> tuple[ScheduledTurn | None, Memory, tuple[str, ...]]:
    """Return the turn in hand, reopened where that can be, and turns extended too late."""
    turn = turns.current(memory, at)
    if turn is None:
        return None, memory, ()
    known = memory.of(turn.id)
    if not known.over:
        return turn, memory, ()
    if turns.reopens(known.at_end):
        memory = memory.noting(turn.id, replace(known, over=False, warned=None))
        return turn, replace(memory, ending=None, parked_use=None), ()
    if known.warned == _TOO_LATE_SAID:
        return None, memory, ()
    return None, memory.noting(turn.id, replace(known, warned=_TOO_LATE_SAID)), (turn.id,)


def _access(memory: Memory, at: Situation, turn: ScheduledTurn | None, end: End | None) -> Access:
    """Return what may be. No turn begins on the use of another that is still to be ended."""
    turn_id = turn.id if turn else None
    if ending.blocked(memory, at) or (end is not None and end.step is not None):
        return Access(open=False, turn=turn_id)
    if turn is not None:
        return Access(open=turns.may_open(memory, turn), turn=turn_id)
    return Access(open=turns.outside(at) is OutsideTurns.OPEN)


def _open_turn(
    memory: Memory, turn: ScheduledTurn | None, access: Access
) -> tuple[Memory, tuple[ScheduledTurn, ...]]:
    if turn is None or not access.open:
        return memory, ()
    known = memory.of(turn.id)
    if known.opened and known.at_end is turn.at_end:
        return memory, ()
    memory = memory.noting(turn.id, replace(known, opened=True, at_end=turn.at_end))
    return memory, () if known.opened else (turn,)


def _right(memory: Memory, at: Situation, turn: ScheduledTurn | None, access: Access) -> Right:
    """Return by what right a use runs that begins now."""
    if not access.open:
        return Right(Basis.OUTSIDE)
    if turn is None:
        window = at.schedule.window(at.now_ms) if at.schedule else None
        group = window.assumed_group if window else None
        return Right(Basis.OPEN, None, group, group_assumed=group is not None)
    declared = memory.of(turn.id).group
    if declared is not None:
        return Right(Basis.TURN, turn.id, declared[0], declared[1] or turn.party_size)
    return Right(Basis.TURN, turn.id, turn.target_group, turn.party_size, turn.group_assumed)


def _changes_hands(memory: Memory, at: Situation, right: Right) -> bool:
    """Tell whether the present use goes on by another right, as another session.

    A use from before a turn is the turn's from its opening on: the customer sat down early.
    A use that outlives a turn which only notifies goes over to what holds then.
    """
    session = at.session
    if session is None or session.right.basis is Basis.BLOCKED:
        return False
    if right.basis is Basis.BLOCKED:
        return True
    if session.right.basis is not Basis.TURN:
        from_outside = session.right.basis is Basis.OUTSIDE and right.basis is Basis.OPEN
        return right.basis is Basis.TURN or from_outside
    known = memory.of(session.right.turn or "")
    other = right.turn != session.right.turn and right.basis is not Basis.OUTSIDE
    return other and known.over and known.at_end is AtEnd.NOTIFY


def _levels(memory: Memory, at: Situation, access: Access) -> tuple[Memory, tuple[Order, ...]]:
    """Order the access level where the device has another one."""
    if memory.access == access or waits(at.now_ms, memory.access_retry_ms):
        return memory, ()
    step = Step.OPEN if access.open else Step.CLOSE
    memory = replace(memory, access=access, access_retry_ms=0)
    return memory, (Order(step, turn=access.turn),)


def _clear(memory: Memory, at: Situation) -> tuple[Memory, tuple[Order, ...]]:
    """Have a device cleared that staff, by the plan, or the customer says is free again."""
    if not memory.uncleared or waits(at.now_ms, memory.clear_retry_ms):
        return memory, ()
    by_plan = at.schedule is not None and at.schedule.plan.cleared == memory.finished
    if not (by_plan or memory.cleared_here):
        return memory, ()
    retry_ms = at.now_ms + ending.UNANSWERED_MS
    return replace(memory, clear_retry_ms=retry_ms), (Order(Step.CLEAR),)


def _phase(
    memory: Memory, at: Situation, turn: ScheduledTurn | None, access: Access
) -> Phase | None:
    if turn is None:
        return None
    if not access.open:
        return Phase.AWAITING
    if at.now_ms >= turn.ends_ms:
        return Phase.GRACE
    return Phase.OPEN if memory.of(turn.id).warned is None else Phase.WARNED
