"""PURE: what a request is granted or refused with: the shapes that the rules of requests share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol, TypedDict

from agents.enforcement.state import Memory, Situation
from agents.model import Reply
from agents.schedule import ScheduledTurn
from agents.tracking import OpenSession
from mqtt_schemas.events import CheckedIn, EventBody
from mqtt_schemas.plan import HashedCode
from mqtt_schemas.topics import ID_PATTERN

#: Wrong codes for one turn; then only staff can open it. Of staff's own: then one at a time.
MOST_TRIES = 5
MOST_PEOPLE = 1000


class Stamp(TypedDict):
    """What every event carries beside its own."""

    rule: str
    session: str | None
    turn: str | None
    wall: datetime
    boot_id: str
    boot_ms: int
    offset_ms: int | None


class Proof(NamedTuple):
    """Whether what a person typed is one of these codes."""

    codes: tuple[HashedCode, ...]
    right: bool


class Stamping(Protocol):
    """Makes the stamp of an event that happens now."""

    def __call__(self, turn: str | None, session: str | None = None) -> Stamp:
        """Return the stamp, of a turn and a session."""


class Edge(NamedTuple):
    """What the rules can't make themselves: ids, and events' stamps."""

    new_id: Callable[[], str]
    stamp: Stamping


class Granted(NamedTuple):
    """What a request came to. `session` is the present one, as it is by then."""

    memory: Memory
    session: OpenSession | None
    reply: Reply
    events: tuple[EventBody, ...] = ()


def granted(
    memory: Memory, at: Situation, phrase: str, *events: EventBody, **arguments: int
) -> Granted:
    """Return what grants a request, in a phrase."""
    return Granted(
        memory, at.session, Reply(accepted=True, phrase=phrase, arguments=arguments), events
    )


def refused(memory: Memory, at: Situation, phrase: str, **arguments: int) -> Granted:
    """Return what refuses a request, in a phrase."""
    return Granted(memory, at.session, Reply(accepted=False, phrase=phrase, arguments=arguments))


def checked_in(memory: Memory, at: Situation, turn: ScheduledTurn, edge: Edge) -> Granted:
    """Check a turn in: it opens now, or at its start."""
    memory = memory.noting(turn.id, replace(memory.of(turn.id), checked_in=True))
    event = CheckedIn(**edge.stamp(turn.id))
    if turn.starts_ms <= at.now_ms:
        return granted(memory, at, "checked_in", event)
    seconds = seconds_of(turn.starts_ms - at.now_ms)
    return granted(memory, at, "turn_begins_in", event, seconds=seconds)


def is_group(group: str | None, party: int | None) -> bool:
    """Tell whether a group and a party are such as the contract has."""
    named = group is None or re.fullmatch(ID_PATTERN, group) is not None
    return named and (party is None or 1 <= party <= MOST_PEOPLE)


def seconds_of(milliseconds: int) -> int:
    """Return whole seconds."""
    return round(milliseconds / 1000)
