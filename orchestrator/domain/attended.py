"""PURE: turns of devices that nothing observes: staff begins, extends and ends them.

What is counted is staff's word: from the start that they state to the end that they state.
Where they state none, the turn ends where the plan ends it, and that end is marked as not the
true one (`at_checkpoint`): who plays on past it is seen by nobody, so nothing is counted of it,
and it is no overrun. Staff may still say for some hours when it truly ended; their word then
replaces the plan's.

Lengths are of boot time. Only where the orchestrator's machine was started anew meanwhile is
the wall clock all that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from mqtt_schemas.base import Basis, Outcome, ms_from_utc, utc_from_ms
from mqtt_schemas.events import Ended, Started, TurnOpened
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking

#: The rule of these sessions, and its version (sessions.STAFF_RULES).
RULE = "attended/1"
#: So long after the plan's end staff may say when the turn truly ended; unless the next begins.
CORRECTED_WITHIN = timedelta(hours=12)

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: by the wall clock, and in boot time of a boot. Milliseconds."""

    wall_ms: int
    boot_id: str
    boot_ms: int


@dataclass(frozen=True, slots=True)
class InHand:
    """The turn in hand at a device. began: by both clocks.

    by_plan: the end of the plan at which it was ended, None where it was not. A turn that gets
    another end after that goes on.
    """

    address: Address
    turn: str
    session: str
    began: Moment
    by_plan: datetime | None = None


class Standing(StrEnum):
    """running: within its time. overdue: past its end, within the grace. over: past both.

    by_plan: ended by the plan; staff may say otherwise. gone: its booking was cancelled or
    moved, so it ends now. past: nothing can be said of it any more.
    """

    RUNNING = "running"
    OVERDUE = "overdue"
    OVER = "over"
    BY_PLAN = "by_plan"
    GONE = "gone"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Standings:
    """Where a turn stands, and when time alone will change that."""

    standing: Standing
    until: datetime | None


def stand(in_hand: InHand, booking: Booking | None, grace: int, now: datetime) -> Standings:
    """Return where a turn in hand stands. `grace` is in seconds; `booking` as it is now."""
    if booking is None or not booking.live or booking.address != in_hand.address:
        return Standings(Standing.PAST if in_hand.by_plan else Standing.GONE, None)
    over = booking.ends_at + timedelta(seconds=grace)
    if in_hand.by_plan == booking.ends_at:
        last = over + CORRECTED_WITHIN
        return Standings(Standing.PAST, None) if now >= last else Standings(Standing.BY_PLAN, last)
    if now < booking.ends_at:
        return Standings(Standing.RUNNING, booking.ends_at)
    return Standings(Standing.OVERDUE, over) if now < over else Standings(Standing.OVER, None)


def length_ms(in_hand: InHand, now: Moment) -> int:
    """Return how long the turn has gone on."""
    began = in_hand.began
    if began.boot_id == now.boot_id:
        return max(0, now.boot_ms - began.boot_ms)
    return max(0, now.wall_ms - began.wall_ms)


def length_at_ms(in_hand: InHand, at: datetime, now: Moment) -> int:
    """Return how long the turn had gone on at a time, which is not after now."""
    return max(0, length_ms(in_hand, now) - max(0, now.wall_ms - ms_from_utc(at)))


def opened(in_hand: InHand, booking: Booking) -> tuple[TurnOpened, Started]:
    """Return what is logged as a turn begins."""
    told: dict[str, Any] = {
        "target_group": booking.target_group,
        "group_assumed": booking.group_assumed,
        "party_size": booking.party_size,
    }
    common = _common(in_hand, in_hand.began)
    opened = TurnOpened(**{**common, "session": None}, **told)
    return opened, Started(**common, **told, basis=Basis.TURN)


def ended(
    in_hand: InHand,
    booking: Booking | None,
    ends_at: datetime,
    now: Moment,
    *,
    outcome: Outcome,
    by_plan: bool = False,
) -> Ended:
    """Return what is logged as a turn ends, as stated: at `ends_at`, which is not after now.

    by_plan: nobody stated it. `booking` gives the group, the party and the end that was planned.
    """
    length = length_at_ms(in_hand, ends_at, now)
    overrun = 0
    if booking is not None and ends_at > booking.ends_at:
        overrun = min(length, (ends_at - booking.ends_at) // _MILLISECOND)
    return Ended(
        **_common(in_hand, now),
        basis=Basis.TURN,
        outcome=outcome,
        active_ms=length,
        idle_ms=0,
        overrun_ms=overrun,
        target_group=booking.target_group if booking else None,
        group_assumed=booking.group_assumed if booking else False,
        party_size=booking.party_size if booking else None,
        at_checkpoint=by_plan,
    )


def _common(in_hand: InHand, at: Moment) -> dict[str, Any]:
    return {
        "turn": in_hand.turn,
        "session": in_hand.session,
        "rule": RULE,
        "wall": utc_from_ms(at.wall_ms),
        "boot_id": at.boot_id,
        "boot_ms": at.boot_ms,
        # The wall clock is the orchestrator's own.
        "offset_ms": 0,
    }
