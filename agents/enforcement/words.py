"""PURE: what is said at the device: warnings, changes of places, answers, the plan's notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agents.enforcement.state import EXTENDED_MS, Access, Memory, Situation
from agents.enforcement.turns import open_until
from agents.model import Order
from agents.schedule import ScheduledTurn
from mqtt_schemas.base import Basis
from mqtt_schemas.events import Step

#: How the end of open use is warned of, where the plan has no terms for walk-ins.
CLOSING_WARNINGS_MS = (600_000, 300_000, 60_000)
#: A change of places is told so late at most: whoever comes later missed it.
_LATE_MS = 30_000


def words(
    memory: Memory, at: Situation, turn: ScheduledTurn | None, access: Access
) -> tuple[Memory, tuple[Order, ...]]:
    """Return what is to be said to whoever uses the device, and note it as said."""
    session = at.session
    orders: list[Order] = []
    if turn is not None and access.open:
        present = session is not None and session.right.turn == turn.id
        memory = _rotate(memory, at, turn, orders if present else [])
        if present:
            memory = _answer(memory, turn, orders)
            memory = _warn_of_end(memory, at, turn, orders)
    if session is None:
        return memory, tuple(orders)
    if session.right.basis is Basis.OPEN and access.open:
        memory = _warn_of_closing(memory, at, orders)
    for notice in at.schedule.notices(at.now_ms) if at.schedule else ():
        if notice.id not in memory.noticed:
            memory = replace(memory, noticed=(*memory.noticed, notice.id)[-20:])
            orders.append(Order(Step.NOTICE, None, None, notice.phrase, notice.arguments))
    return memory, tuple(orders)


def next_words_ms(memory: Memory, at: Situation, turn: ScheduledTurn | None) -> Iterable[int]:
    """Yield moments at which something is to be said that are no boundaries of the plan."""
    if turn is not None and turn.rotate_ms:
        passed = (at.now_ms - turn.starts_ms) // turn.rotate_ms
        yield turn.starts_ms + (passed + 1) * turn.rotate_ms
    if turn is not None:
        yield from (turn.ends_ms - step for step in turn.warn_ms)
        yield from (turn.ends_ms, turn.closes_ms)
    elif at.session is not None and (ends_ms := open_until(memory, at)) is not None:
        yield from (ends_ms - step for step in _closing_warnings(at))


def _warn_of_end(memory: Memory, at: Situation, turn: ScheduledTurn, orders: list[Order]) -> Memory:
    left, known = turn.ends_ms - at.now_ms, memory.of(turn.id)
    if known.warned is not None and left > known.warned + EXTENDED_MS:
        # It was extended: what was said no longer holds, and is said again in its time.
        known = replace(known, warned=None)
        memory = memory.noting(turn.id, known)
    step = _due(turn.warn_ms, left, known.warned)
    if step is None:
        return memory
    orders.append(_warning("turn_ends_in", left, turn.id))
    return memory.noting(turn.id, replace(known, warned=step))


def _warn_of_closing(memory: Memory, at: Situation, orders: list[Order]) -> Memory:
    ends_ms = open_until(memory, at)
    if ends_ms is None:
        return memory
    left, said = ends_ms - at.now_ms, memory.closing_warned
    if said is not None and abs(said[0] - ends_ms) > EXTENDED_MS:
        said = None
    step = _due(_closing_warnings(at), left, said[1] if said else None)
    if step is None:
        return memory
    orders.append(_warning("closes_in", left, None))
    return replace(memory, closing_warned=(ends_ms, step))


def _closing_warnings(at: Situation) -> tuple[int, ...]:
    terms = at.schedule.plan.walk_in if at.schedule else None
    if terms is None:
        return CLOSING_WARNINGS_MS
    return tuple(seconds * 1000 for seconds in terms.warn_before)


def _due(steps: Iterable[int], left: int, warned: int | None) -> int | None:
    """Return the step to warn of: of missed ones the latest only; None where none is due."""
    due = min((step for step in steps if left <= step), default=None)
    if due is None or left <= 0 or (warned is not None and due >= warned):
        return None
    return due


def _warning(phrase: str, left: int, turn: str | None) -> Order:
    return Order(Step.WARN, turn, seconds_left=round(left / 1000), phrase=phrase)


def _rotate(memory: Memory, at: Situation, turn: ScheduledTurn, orders: list[Order]) -> Memory:
    """Tell to change places, by the turn's start alone: all its event's devices at once."""
    if not turn.rotate_ms or at.now_ms >= turn.ends_ms:
        return memory
    now, since_ms = divmod(at.now_ms - turn.starts_ms, turn.rotate_ms)
    known = memory.of(turn.id)
    if now <= known.round:
        return memory
    if since_ms <= _LATE_MS:
        rounds = -((turn.starts_ms - turn.ends_ms) // turn.rotate_ms)
        left = {"rounds": rounds - now}
        orders.append(Order(Step.NOTICE, turn.id, phrase="change_places", arguments=left))
    return memory.noting(turn.id, replace(known, round=now))


def _answer(memory: Memory, turn: ScheduledTurn, orders: list[Order]) -> Memory:
    """Tell whoever asked for more time that there is more."""
    known = memory.of(turn.id)
    if known.asked_ends_ms is None or turn.ends_ms <= known.asked_ends_ms + EXTENDED_MS:
        return memory
    more = {"seconds": round((turn.ends_ms - known.asked_ends_ms) / 1000)}
    orders.append(Order(Step.NOTICE, turn.id, phrase="turn_extended", arguments=more))
    return memory.noting(turn.id, replace(known, asked_ends_ms=None))
