"""PURE: why the present use is to end, and the orders that end it, tried and tried again."""

from __future__ import annotations

from dataclasses import replace

from agents import print_fit
from agents.enforcement.state import (
    LONGEST_WAIT_MS,
    Access,
    End,
    Ending,
    Memory,
    Situation,
    waits,
)
from agents.enforcement.turns import find, outside
from agents.model import Answer, Order
from agents.schedule import ScheduledTurn
from mqtt_schemas.base import Basis, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from mqtt_schemas.plan import AtEnd, OutsideTurns

#: Tries before a use is called blocked, then one try every RETRY_BLOCKED_MS.
MAX_TRIES = 3
#: A device has 15 s to carry out an order (agents.model.Device); then it counts as unanswered.
UNANSWERED_MS = 20_000
#: After "done", the use must be seen to have ended within this time.
VERIFY_MS = 5000
RETRY_MS = 1000
RETRY_BLOCKED_MS = LONGEST_WAIT_MS

#: What is ordered first at an end; None where the use may run on.
_FIRST_STEP = {
    AtEnd.LOCK: Step.LOCK,
    AtEnd.END: Step.END,
    AtEnd.PAUSE_JOB: Step.PAUSE,
    AtEnd.FINISH_JOB: None,
    AtEnd.NOTIFY: None,
}


def forget_use(memory: Memory, at: Situation) -> Memory:
    """Forget a use that is no more."""
    use = at.session.use if at.session else None
    if memory.ending is not None and memory.ending.use != use:
        memory = replace(memory, ending=None)
    if memory.blocked_use is not None and memory.blocked_use != use:
        memory = replace(memory, blocked_use=None, blocked_reason=None)
    if memory.judged_use is not None and memory.judged_use != use:
        memory = replace(memory, judged_use=None, refused_use=None)
    if memory.parked_use is not None and at.state is not DeviceState.PAUSED:
        memory = replace(memory, parked_use=None)
    return memory


def blocked(memory: Memory, at: Situation) -> bool:
    """Tell whether the present use is one that would not end."""
    return at.session is not None and memory.blocked_use == at.session.use


def turn_over(memory: Memory, at: Situation) -> tuple[Memory, End | None]:
    """Return how the present use is to end because its turn is over, and mark the turn."""
    if at.session is None or at.session.right.basis is not Basis.TURN:
        return memory, None
    turn_id = at.session.right.turn or ""
    turn, known = find(memory, at, turn_id), memory.of(turn_id)
    left = known.given_back
    if turn is not None and at.now_ms < turn.closes_ms and not (known.over or left):
        return memory, None
    # A turn that the plan no longer has was taken back by staff, unless it had run out before.
    outcome = Outcome.TURN_OVER if turn or known.over else Outcome.STAFF
    at_end = turn.at_end if turn else known.at_end
    over = replace(known, over=True, at_end=at_end)
    if over != known:
        memory = memory.noting(turn_id, over)
    step = at.closing if at_end is None else _FIRST_STEP[at_end]
    if left:
        # Who leaves wants no more of it. Only a job that may be finished after the turn is.
        outcome = Outcome.CUSTOMER
        step = step if at_end in (AtEnd.LOCK, AtEnd.FINISH_JOB) else at.closing
    return memory, End(step, outcome, "turn_over", notify=at_end is AtEnd.NOTIFY)


def too_long(
    memory: Memory, at: Situation, turn: ScheduledTurn | None
) -> tuple[Memory, End | None, tuple[Order, ...]]:
    """Hold a print that began in its turn against that turn's end, once: end it or tell."""
    session, orders = at.session, tuple[Order, ...]()
    if session is None:
        return memory, None, ()
    fit = at.schedule.plan.print_fit if at.schedule else None
    its_turn = turn if turn is not None and turn.id == session.right.turn else None
    if fit is not None and its_turn is not None and memory.judged_use != session.use:
        judged = print_fit.judge(fit, its_turn, session.figures, at.now_ms)
        if judged is not None:
            memory = replace(memory, judged_use=session.use)
            if judged.refused:
                memory = replace(memory, refused_use=session.use)
            elif judged.over_ms > 0:
                over = {"seconds": round(judged.over_ms / 1000)}
                orders = (Order(Step.NOTICE, its_turn.id, phrase="print_late", arguments=over),)
    if memory.refused_use == session.use:
        return memory, End(at.closing, Outcome.TURN_OVER, "print_too_long"), ()
    return memory, None, orders


def no_right(at: Situation, access: Access) -> End | None:
    """Return how a use without a turn is to end where nobody may use the device."""
    if at.session is None or access.open or at.session.right.basis is Basis.TURN:
        return None
    if at.session.right.basis is Basis.BLOCKED or access.turn is not None:
        return End(at.closing, Outcome.TURN_OVER, "turn_over")
    phrase = "closed_now"
    if outside(at) is OutsideTurns.OUT_OF_SERVICE:
        phrase = "out_of_service"
    return End(at.closing, Outcome.CLOSING, phrase)


def endings(
    memory: Memory, at: Situation, end: End | None
) -> tuple[Memory, tuple[Order, ...], Outcome | None]:
    """Return the orders that end the present use, and to what its end is put down."""
    session = at.session
    if session is None or end is None:
        return replace(memory, ending=None) if memory.ending else memory, (), None
    if end.step is None:
        return _say_once(memory, at, end)
    if end.step is Step.PAUSE and at.state is DeviceState.PAUSED:
        return replace(memory, parked_use=session.use, ending=None), (), end.outcome
    ending = memory.ending or Ending(session.use, end.outcome, tries=0, retry_ms=at.now_ms)
    if at.ordering or waits(at.now_ms, ending.retry_ms):
        return replace(memory, ending=ending), (), ending.outcome
    if ending.tries >= MAX_TRIES and memory.blocked_use is None:
        reason = memory.blocked_reason or "does_not_end"
        memory = replace(memory, blocked_use=session.use, blocked_reason=reason)
    step = Step.END if end.step is Step.LOCK and ending.tries > 0 else end.step
    orders = [Order(step, session.right.turn, phrase=end.phrase)]
    if ending.tries == 0:
        orders.append(Order(Step.NOTICE, session.right.turn, phrase=end.phrase))
    ending = replace(ending, tries=ending.tries + 1, retry_ms=at.now_ms + UNANSWERED_MS)
    return replace(memory, ending=ending), tuple(orders), ending.outcome


def _say_once(
    memory: Memory, at: Situation, end: End
) -> tuple[Memory, tuple[Order, ...], Outcome | None]:
    """Tell of the turn's end, once, where the use may run on."""
    session = at.session
    if not end.notify or session is None or memory.ending is not None:
        return memory, (), None
    said = Ending(session.use, None, tries=MAX_TRIES, retry_ms=at.now_ms)
    order = Order(Step.NOTICE, session.right.turn, phrase=end.phrase)
    return replace(memory, ending=said), (order,), None


def answered(memory: Memory, order: Order, answer: Answer, now_ms: int) -> Memory:
    """Return the memory after the device's answer to an order."""
    done = answer.outcome is OrderOutcome.DONE
    if order.step in (Step.OPEN, Step.CLOSE):
        if done:
            return memory
        return replace(memory, access=None, access_retry_ms=now_ms + VERIFY_MS)
    if order.step is Step.CLEAR:
        # Done is done when it is seen to be so; till then it is ordered again in its time.
        return memory if done else replace(memory, clear_retry_ms=now_ms + VERIFY_MS)
    ending = memory.ending
    if ending is None or order.step not in (Step.LOCK, Step.END, Step.PAUSE):
        return memory
    wait = VERIFY_MS if done else RETRY_MS
    if memory.blocked_use == ending.use:
        wait = RETRY_BLOCKED_MS
    reason = memory.blocked_reason if done else answer.reason
    return replace(memory, ending=replace(ending, retry_ms=now_ms + wait), blocked_reason=reason)
