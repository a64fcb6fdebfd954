"""PURE: events -> sessions.

A session is known by its device and its id, and ends once: whatever is reported of it again,
under whatever log (a cloned disk logs anew what it could not get acknowledged), changes
nothing. What is provisional gives way: one that the orchestrator closed itself, to the device's
own word; an end at a checkpoint, to one that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.events import Ended, Event, EventBody, GroupSet, Started
from mqtt_schemas.messages import Checkpoint

#: Nothing is used for longer without an end. What claims so is set aside, not counted.
LONGEST_MS = 366 * 86_400_000
#: A device's own figure; a thousand kilometres of filament. Keeps sums within 64 bits.
LARGEST_FIGURE = 10**12
#: 9999-12-30T00:00Z: local time can still be told.
_LATEST_MS = 253_402_128_000_000
#: How the rules of sessions begin that staff tells of, at devices without an agent.
STAFF_RULES = "attended/"
#: What becomes part of a session; other events leave it alone.
TELLING = (Started, GroupSet, Ended)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class SessionState(StrEnum):
    """open: goes on. ended: by its device's word. closed: by ours, as no word came."""

    OPEN = "open"
    ENDED = "ended"
    CLOSED = "closed"


class Source(StrEnum):
    """Who says that a device was used: an agent that saw it, or staff who attend to it."""

    OBSERVED = "observed"
    STAFF = "staff"


class ClockSource(StrEnum):
    """What the times of a session rest on: the orchestrator's clock, or the machine's alone."""

    ORCHESTRATOR = "orchestrator"
    MACHINE = "machine"


class Session(NamedTuple):
    """One use of a device. Times are milliseconds since 1970, durations of boot time.

    ended_ms and outcome are None while it is open. at_checkpoint: the end is not its true
    end but the last moment that is known of it.
    """

    id: str
    state: SessionState
    rule: str
    basis: Basis
    begun_ms: int
    clock: ClockSource
    turn: str | None = None
    target_group: str | None = None
    party_size: int | None = None
    ended_ms: int | None = None
    outcome: Outcome | None = None
    at_checkpoint: bool = False
    active_ms: int = 0
    idle_ms: int = 0
    unobserved_ms: int = 0
    overrun_ms: int = 0
    categories: Mapping[str, int] = MappingProxyType({})
    figures: Mapping[str, int] = MappingProxyType({})

    @property
    def source(self) -> Source:
        """Who says so. It follows from the rule: staff's begins with `attended/`."""
        return Source.STAFF if self.rule.startswith(STAFF_RULES) else Source.OBSERVED


def implausible(event: Event) -> str | None:
    """Return why an event can't be true though its form is right: one sentence, or None.

    Only what tells of sessions is looked at; nothing follows from the rest.
    """
    if not isinstance(event, TELLING):
        return None
    if not 0 <= occurred_ms(event) <= _LATEST_MS:
        return "offset_ms: with it the time is outside the years 1970 to 9999"
    if isinstance(event, GroupSet):
        return None
    if event.session is None:
        return "session: what begins or ends a session must name it"
    return _absurd(event) if isinstance(event, Ended) else None


def _absurd(event: Ended) -> str | None:
    if _length(event) > LONGEST_MS or any(ms > LONGEST_MS for ms in event.categories.values()):
        return "active_ms: the session is longer than 366 days"
    if any(figure > LARGEST_FIGURE for figure in event.figures.values()):
        return "figures: a figure is over 10^12"
    return None


def occurred_ms(event: EventBody) -> int:
    """Return when an event happened, by the orchestrator's clock as far as the agent knew it."""
    return (event.wall - _EPOCH) // _MILLISECOND + (event.offset_ms or 0)


def apply(session: Session | None, event: Event) -> Session | None:
    """Return the session that `event.session` names as the event leaves it.

    `session` is what is known of it so far. The very same object comes back where the event
    changes nothing. The event is plausible.
    """
    match event:
        case Started() if session is None or session.state is SessionState.CLOSED:
            return _begun(event)
        case GroupSet() if session is not None:
            return session._replace(
                target_group=event.target_group,
                party_size=event.party_size or session.party_size,
            )
        case Ended() if session is None or session.state is not SessionState.ENDED:
            return _ended(session, event)
        case Ended() if session is not None and _says_more(event, session):
            return _ended(session, event)._replace(
                target_group=session.target_group or event.target_group,
                party_size=session.party_size or event.party_size,
            )
        case _:
            return session


def _says_more(event: Ended, session: Session) -> bool:
    """Tell whether another end of an ended session is the better one.

    A copy of the disk ends at the checkpoint what the original goes on with: whichever is told
    first, the end that was seen counts; of two checkpoints the one that saw more.
    """
    if not session.at_checkpoint:
        return False
    seen = event.active_ms + event.idle_ms
    return not event.at_checkpoint or seen > session.active_ms + session.idle_ms


def close(session: Session, checkpoint: Checkpoint | None) -> Session:
    """Return an open session closed without a word of its device, at its last checkpoint.

    Without one, or with one of another session, it counts as a session of no length.
    """
    if checkpoint is None or checkpoint.session != session.id:
        return closed(session)
    seen = (checkpoint.active_ms, checkpoint.idle_ms, checkpoint.unobserved_ms)
    return closed(session, *seen) if sum(seen) <= LONGEST_MS else closed(session)


def closed(
    session: Session, active_ms: int = 0, idle_ms: int = 0, unobserved_ms: int = 0
) -> Session:
    """Return an open session closed by us, with what is known of it."""
    return session._replace(
        state=SessionState.CLOSED,
        ended_ms=session.begun_ms + active_ms + idle_ms + unobserved_ms,
        outcome=Outcome.UNKNOWN,
        at_checkpoint=True,
        active_ms=active_ms,
        idle_ms=idle_ms,
        unobserved_ms=unobserved_ms,
    )


def _begun(event: Started) -> Session:
    assert event.session is not None  # noqa: S101 - implausible() has seen to it
    return Session(
        id=event.session,
        state=SessionState.OPEN,
        rule=event.rule,
        basis=event.basis,
        begun_ms=occurred_ms(event),
        clock=_clock(event),
        turn=event.turn,
        target_group=event.target_group,
        party_size=event.party_size,
    )


def _ended(begun: Session | None, event: Ended) -> Session:
    assert event.session is not None  # noqa: S101 - implausible() has seen to it
    begun_ms, clock = _begin(begun, event)
    return Session(
        id=event.session,
        state=SessionState.ENDED,
        rule=event.rule,
        basis=event.basis,
        begun_ms=begun_ms,
        clock=clock,
        turn=event.turn or (begun.turn if begun else None),
        target_group=event.target_group or (begun.target_group if begun else None),
        party_size=event.party_size or (begun.party_size if begun else None),
        ended_ms=begun_ms + _length(event),
        outcome=event.outcome,
        at_checkpoint=event.at_checkpoint,
        active_ms=event.active_ms,
        idle_ms=event.idle_ms,
        unobserved_ms=event.unobserved_ms,
        overrun_ms=event.overrun_ms,
        categories=event.categories,
        figures=event.figures,
    )


def _begin(begun: Session | None, event: Ended) -> tuple[int, ClockSource]:
    """Return when an ended session began, and by which clock.

    An end that was logged as it happened tells it too; an end logged after a cut does not.
    """
    back = max(0, occurred_ms(event) - _length(event)), _clock(event)
    if begun is None:
        return back
    better = begun.clock is ClockSource.MACHINE and back[1] is ClockSource.ORCHESTRATOR
    return back if better and not event.at_checkpoint else (begun.begun_ms, begun.clock)


def _length(event: Ended) -> int:
    return event.active_ms + event.idle_ms + event.unobserved_ms


def _clock(event: EventBody) -> ClockSource:
    return ClockSource.MACHINE if event.offset_ms is None else ClockSource.ORCHESTRATOR
