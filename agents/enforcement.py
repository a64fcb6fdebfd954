"""PURE: plan + session + now -> orders. What may be, made so at the device.

`now_ms` is plan time: milliseconds since 1970 by the orchestrator's clock as the agent knows
it. Deadlines are computed from the plan at every call, never kept as timers, so a late, a
repeated or a missed call comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agents import print_fit
from agents.model import Answer, Order
from agents.schedule import Schedule, ScheduledTurn
from agents.tracking import OpenSession, Right
from mqtt_schemas.base import Basis, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd, OutsideTurns

#: Tries before a use is called blocked, then one try every RETRY_BLOCKED_MS.
MAX_TRIES = 3
#: A device has 15 s to carry out an order (agents.model.Device); then it counts as unanswered.
UNANSWERED_MS = 20_000
#: After "done", the use must be seen to have ended within this time.
VERIFY_MS = 5000
RETRY_MS = 1000
RETRY_BLOCKED_MS = 30_000
#: With so much more time left than was last warned of, a turn was extended; less is the clock.
EXTENDED_MS = 5000


@dataclass(frozen=True, slots=True)
class TurnMemory:
    """What has been done for one turn. `warned` is the smallest warning given, in ms."""

    opened: bool = False
    checked_in: bool = False
    warned: int | None = None
    over: bool = False
    at_end: AtEnd | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """A use that is being ended. Its session's end is put down to `outcome`, where given."""

    use: str
    outcome: Outcome | None
    tries: int
    retry_ms: int


@dataclass(frozen=True, slots=True)
class End:
    """How a use is to end, why, and in which words. `step` None: it may run on."""

    step: Step | None
    outcome: Outcome
    phrase: str
    notify: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Whether the device may be used, and for which turn."""

    open: bool
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What enforcement remembers between calls and over a restart.

    blocked_use: would not end; belongs to no later turn. parked_use: a paused job whose turn
    is over; nobody's use while it stays paused. judged_use: was held against the end of its
    turn (print_fit). refused_use: was found to take too long.
    """

    turns: Mapping[str, TurnMemory] = field(default_factory=dict)
    access: Access | None = None
    access_retry_ms: int = 0
    ending: Ending | None = None
    blocked_use: str | None = None
    blocked_reason: str | None = None
    parked_use: str | None = None
    judged_use: str | None = None
    refused_use: str | None = None
    noticed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """The device as it stands at one moment, for `decide`.

    without_plan: what holds with no plan at all. closing: how this kind of device ends a use
    that nobody may have. ordering: an ending order is with the device and unanswered.
    """

    now_ms: int
    schedule: Schedule | None
    without_plan: OutsideTurns
    closing: Step
    session: OpenSession | None
    state: DeviceState
    ordering: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now.

    right: of a use that begins, or goes on, now; None where the session keeps its own.
    opened: turns that opened with this decision. late: turns extended after they had ended
    for good. outcome: to which the end of the present session is put down, if it ends now.
    """

    memory: Memory
    access: Access
    right: Right
    split: bool
    orders: tuple[Order, ...]
    opened: tuple[ScheduledTurn, ...]
    late: tuple[str, ...]
    outcome: Outcome | None
    phase: Phase | None
    turn: ScheduledTurn | None


def decide(memory: Memory, at: Situation) -> Decision:
    """Return what is to be done in a situation. Total: any valid plan, session and time.

    1. Forget what no longer matters. 2. Find the turn and what may be. 3. Say by what right a
    use runs, and whether the present one changes hands. 4. End what is over. 5. Order the
    access level, warnings and notices.
    """
    memory = _settle(memory, at)
    turn, memory, late = _turn_now(memory, at)
    memory, end = _turn_over(memory, at)
    memory, refusal, lateness = _print_fit(memory, at, turn)
    end = end or refusal
    access = _access(memory, at, turn, end)
    memory, opened = _open_turn(memory, turn, access)
    right = _right(turn, access)
    memory, endings, outcome = _endings(memory, at, end or _no_right(at, access))
    if _blocked(memory, at):
        right = Right(Basis.BLOCKED)
    memory, levels = _levels(memory, at, access)
    memory, words = _words(memory, at, turn, access)
    words = (*lateness, *words)
    return Decision(
        memory=memory,
        access=access,
        right=right,
        split=_changes_hands(memory, at, right),
        # A closed door first, so that nobody slips in; an open one last, when the old use ended.
        orders=(*words, *endings, *levels) if access.open else (*levels, *endings, *words),
        opened=opened,
        late=late,
        outcome=outcome,
        phase=_phase(memory, at, turn, access),
        turn=turn,
    )


def answered(memory: Memory, order: Order, answer: Answer, now_ms: int) -> Memory:
    """Return the memory after the device's answer to an order."""
    done = answer.outcome is OrderOutcome.DONE
    if order.step in (Step.OPEN, Step.CLOSE):
        if done:
            return memory
        return replace(memory, access=None, access_retry_ms=now_ms + VERIFY_MS)
    ending = memory.ending
    if ending is None or order.step not in (Step.LOCK, Step.END, Step.PAUSE):
        return memory
    wait = VERIFY_MS if done else RETRY_MS
    if memory.blocked_use == ending.use:
        wait = RETRY_BLOCKED_MS
    reason = memory.blocked_reason if done else answer.reason
    return replace(memory, ending=replace(ending, retry_ms=now_ms + wait), blocked_reason=reason)


def next_due_ms(memory: Memory, at: Situation) -> int | None:
    """Return the plan time of the next moment at which `decide` may say something new."""
    due: list[int] = []
    if memory.ending is not None and at.session is not None and not at.ordering:
        due.append(memory.ending.retry_ms)
    if memory.access is None:
        due.append(memory.access_retry_ms)
    if at.schedule is not None:
        due.extend(at.schedule.boundaries(at.now_ms))
    later = [moment for moment in due if moment > at.now_ms]
    return min(later, default=None)


def _settle(memory: Memory, at: Situation) -> Memory:
    """Forget turns that the plan no longer has, and a use that is no more."""
    known = at.schedule.ids if at.schedule else frozenset[str]()
    running = at.session.right.turn if at.session else None
    if any(turn not in known and turn != running for turn in memory.turns):
        kept = {t: m for t, m in memory.turns.items() if t in known or t == running}
        memory = replace(memory, turns=kept)
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


def _turn_now(
    memory: Memory, at: Situation
) -> tuple[ScheduledTurn | None, Memory, tuple[str, ...]]:
    """Return the turn in hand, reopened where that can be, and turns extended too late."""
    turn = at.schedule.current(at.now_ms) if at.schedule else None
    if turn is None:
        return None, memory, ()
    known = memory.turns.get(turn.id, TurnMemory())
    if not known.over:
        return turn, memory, ()
    if known.at_end in (AtEnd.LOCK, AtEnd.PAUSE_JOB):
        reopened = replace(known, over=False, warned=None)
        memory = replace(
            memory, turns={**memory.turns, turn.id: reopened}, ending=None, parked_use=None
        )
        return turn, memory, ()
    if known.warned == _TOO_LATE_SAID:
        return None, memory, ()
    said = replace(known, warned=_TOO_LATE_SAID)
    return None, replace(memory, turns={**memory.turns, turn.id: said}), (turn.id,)


#: In `TurnMemory.warned` of a turn that is over: its late extension has been answered.
_TOO_LATE_SAID = -1


def _blocked(memory: Memory, at: Situation) -> bool:
    return at.session is not None and memory.blocked_use == at.session.use


def _access(memory: Memory, at: Situation, turn: ScheduledTurn | None, end: End | None) -> Access:
    """Return what may be. No turn begins on the use of another that is still to be ended."""
    turn_id = turn.id if turn else None
    if _blocked(memory, at) or (end is not None and end.step is not None):
        return Access(open=False, turn=turn_id)
    if turn is not None:
        known = memory.turns.get(turn.id, TurnMemory())
        return Access(open=known.checked_in or not turn.needs_check_in, turn=turn_id)
    return Access(open=outside(at) is OutsideTurns.OPEN)


def outside(at: Situation) -> OutsideTurns:
    """Return what holds outside turns: by the plan, past its validity, or without any."""
    if at.schedule is None:
        return at.without_plan
    if at.now_ms >= at.schedule.valid_until_ms:
        return at.schedule.after_expiry
    return at.schedule.outside_turns


def _open_turn(
    memory: Memory, turn: ScheduledTurn | None, access: Access
) -> tuple[Memory, tuple[ScheduledTurn, ...]]:
    if turn is None or not access.open:
        return memory, ()
    known = memory.turns.get(turn.id, TurnMemory())
    if known.opened and known.at_end is turn.at_end:
        return memory, ()
    entry = replace(known, opened=True, at_end=turn.at_end)
    memory = replace(memory, turns={**memory.turns, turn.id: entry})
    return memory, () if known.opened else (turn,)


def _right(turn: ScheduledTurn | None, access: Access) -> Right:
    """Return by what right a use runs that begins now."""
    if not access.open:
        return Right(Basis.OUTSIDE)
    if turn is not None:
        return Right(Basis.TURN, turn.id, turn.target_group, turn.party_size)
    return Right(Basis.OPEN)


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
    known = memory.turns.get(session.right.turn or "", TurnMemory())
    other = right.turn != session.right.turn and right.basis is not Basis.OUTSIDE
    return other and known.over and known.at_end is AtEnd.NOTIFY


def _turn_over(memory: Memory, at: Situation) -> tuple[Memory, End | None]:
    """Return how the present use is to end because its turn is over, and mark the turn."""
    if at.session is None or at.session.right.basis is not Basis.TURN:
        return memory, None
    turn_id = at.session.right.turn or ""
    planned = at.schedule.find(turn_id) if at.schedule else None
    known = memory.turns.get(turn_id, TurnMemory())
    if planned is not None and at.now_ms < planned.closes_ms and not known.over:
        return memory, None
    # A turn that the plan no longer has was taken back by staff, unless it had run out before.
    outcome = Outcome.TURN_OVER if planned or known.over else Outcome.STAFF
    at_end = planned.at_end if planned else known.at_end
    over = replace(known, over=True, at_end=at_end)
    if over != known:
        memory = replace(memory, turns={**memory.turns, turn_id: over})
    step = at.closing if at_end is None else _FIRST_STEP[at_end]
    return memory, End(step, outcome, "turn_over", notify=at_end is AtEnd.NOTIFY)


def _print_fit(
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


def _no_right(at: Situation, access: Access) -> End | None:
    """Return how a use without a turn is to end where nobody may use the device."""
    if at.session is None or access.open or at.session.right.basis is Basis.TURN:
        return None
    if at.session.right.basis is Basis.BLOCKED or access.turn is not None:
        return End(at.closing, Outcome.TURN_OVER, "turn_over")
    phrase = "closed_now"
    if outside(at) is OutsideTurns.OUT_OF_SERVICE:
        phrase = "out_of_service"
    return End(at.closing, Outcome.CLOSING, phrase)


def _endings(
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
    if at.ordering or _waits(at.now_ms, ending.retry_ms):
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


def _waits(now_ms: int, until_ms: int) -> bool:
    """Tell whether to wait. A moment further off than any wait is of before time was put right."""
    return 0 < until_ms - now_ms <= RETRY_BLOCKED_MS


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


#: What is ordered first at an end; None where the use may run on.
_FIRST_STEP = {
    AtEnd.LOCK: Step.LOCK,
    AtEnd.END: Step.END,
    AtEnd.PAUSE_JOB: Step.PAUSE,
    AtEnd.FINISH_JOB: None,
    AtEnd.NOTIFY: None,
}


def _levels(memory: Memory, at: Situation, access: Access) -> tuple[Memory, tuple[Order, ...]]:
    """Order the access level where the device has another one."""
    if memory.access == access or _waits(at.now_ms, memory.access_retry_ms):
        return memory, ()
    step = Step.OPEN if access.open else Step.CLOSE
    memory = replace(memory, access=access, access_retry_ms=0)
    return memory, (Order(step, turn=access.turn),)


def _words(
    memory: Memory, at: Situation, turn: ScheduledTurn | None, access: Access
) -> tuple[Memory, tuple[Order, ...]]:
    """Warn whoever uses the device (of missed warnings, the latest only), and show notices."""
    if at.session is None:
        return memory, ()
    orders: list[Order] = []
    if turn is not None and access.open and at.session.right.turn == turn.id:
        left = turn.ends_ms - at.now_ms
        known = memory.turns.get(turn.id, TurnMemory())
        if known.warned is not None and left > known.warned + EXTENDED_MS:
            # It was extended: what was said no longer holds, and is said again in its time.
            known = replace(known, warned=None)
            memory = replace(memory, turns={**memory.turns, turn.id: known})
        due = [step for step in turn.warn_ms if left <= step]
        if due and left > 0 and (known.warned is None or min(due) < known.warned):
            known = replace(known, warned=min(due))
            memory = replace(memory, turns={**memory.turns, turn.id: known})
            orders.append(
                Order(
                    Step.WARN,
                    turn.id,
                    seconds_left=round(left / 1000),
                    phrase="turn_ends_in",
                )
            )
    for notice in at.schedule.notices(at.now_ms) if at.schedule else ():
        if notice.id not in memory.noticed:
            memory = replace(memory, noticed=(*memory.noticed, notice.id)[-20:])
            orders.append(Order(Step.NOTICE, None, None, notice.phrase, notice.arguments))
    return memory, tuple(orders)


def _phase(
    memory: Memory, at: Situation, turn: ScheduledTurn | None, access: Access
) -> Phase | None:
    if turn is None:
        return None
    if not access.open:
        return Phase.AWAITING
    if at.now_ms >= turn.ends_ms:
        return Phase.GRACE
    warned = memory.turns.get(turn.id, TurnMemory()).warned
    return Phase.WARNED if warned is not None else Phase.OPEN
