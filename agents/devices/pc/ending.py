"""Ending the use of a seat, in steps, each seen to have worked before the next one is spared.

LockSession answers OK also where no locker locks, and a process may ignore SIGTERM, so:

1. LockSession, and LockedHint within 5 s;
2. else TerminateSession, and the session gone within 4 s;
3. else KillSession with SIGKILL, and the session gone within 4 s.

Together they stay within the 15 s that an order has.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from agents.devices.pc.logind import Logind, LogindError, SessionGone
from agents.devices.pc.sessions import LoginSession
from agents.model import Answer
from mqtt_schemas.events import OrderOutcome


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a step has to be seen to work."""

    lock: float = 5.0
    gone: float = 4.0


PATIENCE = Patience()

#: The answers from the mildest to the worst; that of several sessions is the worst of them.
LOCKED = Answer(OrderOutcome.DONE)
TERMINATED = Answer(OrderOutcome.DONE, "terminated")
KILLED = Answer(OrderOutcome.DONE, "killed")
_RANK = (LOCKED, TERMINATED, KILLED)


async def lock_seat(logind: Logind, seat: str, patience: Patience = PATIENCE) -> Answer:
    """Lock every person's session on the seat; end those that do not lock."""
    sessions = [s for s in await logind.sessions(seat) if s.of_user and not s.closing]
    return await _all(sessions, lambda session: _lock(logind, session, patience))


async def end_seat(logind: Logind, seat: str, patience: Patience = PATIENCE) -> Answer:
    """End every person's session on the seat, and what a former one left behind there."""
    sessions = [s for s in await logind.sessions(seat) if s.of_user]
    return await _all(sessions, lambda session: _end(logind, session, patience))


async def _all(
    sessions: Iterable[LoginSession], deal_with: Callable[[LoginSession], Awaitable[Answer]]
) -> Answer:
    async def one(session: LoginSession) -> Answer:
        try:
            return await deal_with(session)
        except LogindError as error:
            return Answer(OrderOutcome.FAILED, error.reason)

    answers = await asyncio.gather(*(one(session) for session in sessions))
    failed = [answer for answer in answers if answer.outcome is not OrderOutcome.DONE]
    return failed[0] if failed else max(answers, key=_RANK.index, default=LOCKED)


async def _lock(logind: Logind, session: LoginSession, patience: Patience) -> Answer:
    async def locked() -> bool:
        now = await _again(logind, session)
        return now is None or now.locked

    try:
        if not session.locked:
            await logind.lock(session)
    except SessionGone:
        return LOCKED
    if await logind.until(locked, patience.lock):
        return LOCKED
    return await _end(logind, session, patience)


async def _end(logind: Logind, session: LoginSession, patience: Patience) -> Answer:
    async def gone() -> bool:
        return await _again(logind, session) is None

    try:
        await logind.terminate(session)
        if await logind.until(gone, patience.gone):
            return TERMINATED
        await logind.kill(session, signal.SIGKILL)
    except SessionGone:
        return TERMINATED
    if await logind.until(gone, patience.gone):
        return KILLED
    return Answer(OrderOutcome.FAILED, "does_not_end")


async def _again(logind: Logind, session: LoginSession) -> LoginSession | None:
    """Return the session as it is now, or None where it is gone."""
    now = await logind.sessions(session.seat)
    return next((other for other in now if other.id == session.id), None)
