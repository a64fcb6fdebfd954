"""PURE: group events. One event over several devices, whose people are counted once."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.domain.booking_rules import TOLERANCE
from orchestrator.domain.bookings import BookedBy, Booking, BookingRefused, Desk, Purpose
from orchestrator.domain.devices import Policy
from orchestrator.domain.local_time import say_length

#: A few words of staff's that tell events apart; nothing of who takes part.
LONGEST_LABEL = 60
LONGEST_WHY = 200
LONGEST = timedelta(hours=24)
#: The contract's own limit (mqtt_schemas.plan.Turn.rotate).
SHORTEST_ROTATION = 30
LONGEST_BUFFER = 86_400
MOST_DEVICES = 200
#: More is a slip of the finger.
MOST_PEOPLE = 10_000

_MINUTE = timedelta(minutes=1)


class EventState(StrEnum):
    """Where an event stands."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvent:
    """An event at a site. Times are UTC. Names nobody.

    rotate: participants change places every so many seconds. buffer: seconds kept free after
    it; None: each device's own. not_counted: why its people are not to be counted (they are
    counted elsewhere); None: they are.
    """

    id: str
    site: str
    label: str
    starts_at: datetime
    ends_at: datetime
    state: EventState = EventState.PLANNED
    target_group: str | None = None
    rotate: int | None = None
    buffer: int | None = None
    not_counted: str | None = None

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends_at - self.starts_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Who took part, as somebody told it. The last one told holds; the others stay on record.

    over_18: of 18 and over. estimated: nobody counted them. why: of a correction.
    """

    at: datetime
    role: str
    under_18: int
    over_18: int
    unknown: int
    estimated: bool = False
    why: str | None = None

    @property
    def total(self) -> int:
        """How many people."""
        return self.under_18 + self.over_18 + self.unknown


@dataclass(frozen=True, slots=True)
class Participants:
    """An event as reports count it: once, whatever its devices saw.

    count: the one that holds; None: nobody told it, which is not zero. corrected: it was told
    otherwise before. An event that is not counted has none of its people in a report's sums.
    """

    event: GroupEvent
    count: Count | None = None
    corrected: bool = False

    @property
    def counted(self) -> bool:
        """Whether its people are to be counted."""
        return self.event.not_counted is None

    @property
    def estimated(self) -> bool:
        """Whether the figures were not counted."""
        return self.count is not None and self.count.estimated


def check_event(event: GroupEvent, now: datetime) -> None:
    """Raise BookingRefused unless an event can be of these times, words and rules."""
    if not event.label:
        raise BookingRefused("Give the event a short label.")
    if len(event.label) > LONGEST_LABEL:
        raise BookingRefused(f"An event's label is at most {LONGEST_LABEL} letters long.")
    if event.ends_at <= event.starts_at:
        raise BookingRefused("The end of the event is not after its start.")
    if event.length > LONGEST:
        raise BookingRefused(f"An event is at most {say_length(LONGEST)} long.")
    if event.starts_at < now - TOLERANCE:
        raise BookingRefused("The start of the event is in the past.")
    if event.rotate is not None:
        if event.rotate < SHORTEST_ROTATION:
            raise BookingRefused(f"Places are changed at most every {SHORTEST_ROTATION} s.")
        if event.rotate >= event.length.total_seconds():
            raise BookingRefused("Places are changed within the event, not after it.")
    if event.buffer is not None and not 0 <= event.buffer <= LONGEST_BUFFER:
        raise BookingRefused("The pause after an event is 0 s to 24 h long.")


def clean_label(text: str) -> str:
    """Return a label in one line, without what can't be printed."""
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def clean_why(text: str | None) -> str:
    """Return a reason in one line. Raises BookingRefused where there is none, or a long one."""
    why = clean_label(text or "")
    if not why:
        raise BookingRefused("Say why: it is kept beside the figures.")
    if len(why) > LONGEST_WHY:
        raise BookingRefused(f"A reason is at most {LONGEST_WHY} letters long.")
    return why


def place_reason(desk: Desk, event: GroupEvent) -> str | None:
    """Return why a device can't be part of an event, its bookings apart, or None."""
    policy, name = desk.policy, desk.device.name
    furthest = timedelta(seconds=policy.ahead)
    if event.starts_at > desk.now + furthest:
        return f"{name} can be booked at most {say_length(furthest)} ahead"
    if event.buffer is not None and event.buffer < policy.buffer:
        own = say_length(timedelta(seconds=policy.buffer))
        return f"{name} needs a pause of at least {own} after each use"
    return None


def turn_of(event: GroupEvent, desk: Desk, booking_id: str, *, over_closing: bool) -> Booking:
    """Return an event's turn on a device: no check-in, and no people of its own."""
    return Booking(
        id=booking_id,
        address=desk.device.address,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        target_group=event.target_group,
        purpose=Purpose.EVENT,
        by=BookedBy.STAFF,
        event=event.id,
        rotate=event.rotate,
        over_closing=over_closing,
    )


def pause_after(event: GroupEvent, turn: Booking, policy: Policy, block_id: str) -> Booking | None:
    """Return the block that makes the event's pause of a device's own, or None.

    Every booking needs `grace + buffer` before it and behind it. So the next turn may start
    `grace + event.buffer` after the event if the block ends `event.buffer - buffer` after it;
    it begins when the grace is over, and is at least a minute long.
    """
    if event.buffer is None or event.buffer <= policy.buffer:
        return None
    begin = turn.ends_at + timedelta(seconds=policy.grace)
    end = turn.ends_at + timedelta(seconds=event.buffer - policy.buffer)
    return Booking(
        id=block_id,
        address=turn.address,
        starts_at=begin,
        ends_at=max(end, begin + _MINUTE),
        purpose=Purpose.BLOCK,
        event=event.id,
    )


def check_people(event: GroupEvent, count: Count, told: Sequence[Count]) -> None:
    """Raise BookingRefused unless these figures can be told of an event."""
    if event.state is EventState.CANCELLED:
        raise BookingRefused("The event is cancelled: nobody took part.")
    for number in (count.under_18, count.over_18, count.unknown):
        if not 0 <= number <= MOST_PEOPLE:
            raise BookingRefused(f"Each figure is from 0 to {MOST_PEOPLE}, not {number}.")
    if told and count.why is None:
        raise BookingRefused("The figures were told before: say why they are corrected.")


def as_told(event: GroupEvent, count: Count) -> Count:
    """Return figures as they are kept: of an event that has not begun they are an estimate."""
    if count.at >= event.starts_at or count.estimated:
        return count
    return replace(count, estimated=True)


def participants(event: GroupEvent, told: Sequence[Count]) -> Participants:
    """Return an event as reports count it. told: its figures, oldest first."""
    return Participants(event, told[-1] if told else None, corrected=len(told) > 1)
