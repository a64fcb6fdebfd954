"""PURE: observations -> sessions. When a session begins, splits and ends, and what it holds.

The session rule, version 1, is the same for every kind of device:

* A session begins when a use begins, and ends when that use ends, or when the right by which
  it runs changes (a turn opens under it, or it outstays its turn and is blocked): then a new
  session begins in the same millisecond.
* Time is accounted by the observation that held, from its own stamp to the next one's:
  active or idle, in boot time. Time is accounted once, and never again.
* A gap of more than 5 s between two looks of the agent is unobserved, and so is the time in
  which the agent did not reach the device: in neither figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agents.model import Observation
from mqtt_schemas.base import Basis, DeviceLink, Outcome

#: Longer than this between two ticks (suspend, a stopped process) counts as not seen (design).
GAP_MS = 5000


@dataclass(frozen=True, slots=True)
class Right:
    """By what right a use runs that begins now."""

    basis: Basis
    turn: str | None = None
    target_group: str | None = None
    party_size: int | None = None
    group_assumed: bool = False


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended. Times are boot time in milliseconds.

    to_ms: accounted up to here. turn_ends_ms: where its turn ends; what follows is overrun.
    tail_ms: of the unobserved time, what came last, up to `to_ms`.
    """

    id: str
    use: str
    right: Right
    began_ms: int
    to_ms: int
    active_ms: int = 0
    idle_ms: int = 0
    unobserved_ms: int = 0
    overrun_ms: int = 0
    turn_ends_ms: int | None = None
    categories: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, int] = field(default_factory=dict)
    tail_ms: int = 0


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session and how it ended."""

    session: OpenSession
    outcome: Outcome
    at_checkpoint: bool = False


def begin(session_id: str, use: str, right: Right, at_ms: int) -> OpenSession:
    """Return a new session."""
    return OpenSession(id=session_id, use=use, right=right, began_ms=at_ms, to_ms=at_ms)


def account(session: OpenSession, held: Observation, to_ms: int) -> OpenSession:
    """Return the session with the time up to `to_ms` added as `held` says."""
    if held.device_link is DeviceLink.DISCONNECTED:
        return skip(session, to_ms)
    span = to_ms - session.to_ms
    if span <= 0:
        return session
    overrun = 0
    if session.turn_ends_ms is not None:
        overrun = max(0, to_ms - max(session.to_ms, session.turn_ends_ms))
    categories = session.categories
    if held.active and held.category is not None:
        categories = {**categories, held.category: categories.get(held.category, 0) + span}
    return replace(
        session,
        to_ms=to_ms,
        active_ms=session.active_ms + (span if held.active else 0),
        idle_ms=session.idle_ms + (0 if held.active else span),
        overrun_ms=session.overrun_ms + overrun,
        categories=categories,
        tail_ms=0,
    )


def skip(session: OpenSession, to_ms: int) -> OpenSession:
    """Return the session with the time up to `to_ms` added as unobserved."""
    span = to_ms - session.to_ms
    if span <= 0:
        return session
    return replace(
        session,
        to_ms=to_ms,
        unobserved_ms=session.unobserved_ms + span,
        tail_ms=session.tail_ms + span,
    )


def fill(session: OpenSession, held: Observation, seen: Observation) -> OpenSession:
    """Return the session without the gap at its end, if what is seen now tells of it.

    A device that remembers when it changed, and says so afterwards, was as it was held to be
    until then. What it only repeats tells nothing of the gap.
    """
    return reopen(session, seen.at_ms) if held.at_ms < seen.at_ms else session


def reopen(session: OpenSession, at_ms: int) -> OpenSession:
    """Return the session without the unobserved time at its end, if `at_ms` is within it."""
    if not (session.tail_ms and at_ms < session.to_ms):
        return session
    return replace(
        session,
        to_ms=session.to_ms - session.tail_ms,
        unobserved_ms=session.unobserved_ms - session.tail_ms,
        tail_ms=0,
    )


def seal(session: OpenSession) -> OpenSession:
    """Return the session with the unobserved time at its end kept, whatever is told later."""
    return replace(session, tail_ms=0)


def with_figures(session: OpenSession, figures: Mapping[str, int]) -> OpenSession:
    """Return the session with the device's newest figures; those it no longer tells are kept."""
    return replace(session, figures={**session.figures, **figures}) if figures else session


def outcome_of(session: OpenSession, seen: Observation, ordered: Outcome | None) -> Outcome:
    """Return why the session ended.

    A fault that the device tells of is a fault, whatever was ordered. Else an order of ours
    that was under way explains the end better than the device can. A use that vanished
    without a word ended by the customer, unless the device went away with it.
    """
    told = seen.ended.outcome if seen.ended and seen.ended.use == session.use else None
    if told is Outcome.DEVICE_FAULT:
        return told
    gone = seen.device_link is DeviceLink.DISCONNECTED
    return ordered or told or (Outcome.UNKNOWN if gone else Outcome.CUSTOMER)
