"""PURE: device + bookings + now -> what its plan says, and when time alone will change that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from mqtt_schemas.base import to_utc
from mqtt_schemas.codec import seal
from mqtt_schemas.plan import (
    MAX_TURNS,
    MAX_WINDOWS,
    AtEnd,
    Notice,
    OutsideTurns,
    Plan,
    PrintFit,
    StaffCode,
    Turn,
    WalkIn,
    Window,
)
from mqtt_schemas.topics import Address
from orchestrator.domain import plan_parts as parts
from orchestrator.domain import print_fit
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.plan_parts import NOTHING_HOLDS, Holds
from orchestrator.domain.staff_words import StaffWords

#: How far a plan reaches on the day that it is moved on. A day less is what is always left.
HORIZON = timedelta(hours=96)
#: An ended turn stays in the plan at least so long after its grace: its use may still be ending.
KEPT = timedelta(hours=1)
MAX_REVISION = 2**53 - 1

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Content:
    """Everything of a plan but its issuer, revision, digest and time of issue."""

    valid_until: datetime
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED]
    outside_turns: OutsideTurns
    turns: tuple[Turn, ...] = ()
    windows: tuple[Window, ...] = ()
    notices: tuple[Notice, ...] = ()
    walk_in: WalkIn | None = None
    staff_code: StaffCode | None = None
    print_fit: PrintFit | None = None
    cleared: str | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan says now, and the first moment at which time alone changes that."""

    content: Content
    boundary: datetime


def look_ahead(
    device: Device,
    bookings: Iterable[Booking],
    now: datetime,
    *,
    holds: Holds = NOTHING_HOLDS,
    horizon: timedelta = HORIZON,
) -> Outlook:
    """Return what the device's plan says at `now`, and until when. Equal input, equal plan.

    Total: of bookings that overlap (a restored or hand-made store) the earlier one is planned.
    Out of service there are no turns: staff moves the one that runs, with its time, to another
    device.
    """
    policy, moved = device.policy, last_move(device.address, now)
    until, known, words = moved + horizon, list(bookings), holds.words.at(now)
    found = parts.windows(policy, known, holds, moved, until)
    turns = [
        turn
        for turn in (() if words.out_of_service else parts.turns(policy, known, holds))
        if turn.starts_at < until and now < leaves_plan_at(policy, turn)
    ]
    until = _within_bounds(until, turns, found or ())
    changes = [
        moved + _DAY,
        *(leaves_plan_at(policy, turn) for turn in turns),
        *(notice.until for notice in words.notices),
    ]
    closed = found is not None and not found
    content = Content(
        valid_until=until,
        after_expiry=policy.after_expiry,
        outside_turns=_outside(policy, words, closed=closed),
        turns=tuple(turn for turn in turns if turn.starts_at < until),
        windows=tuple(window for window in found or () if window.starts_at < until),
        notices=words.notices,
        walk_in=None if closed or words.out_of_service else parts.walk_in(policy, holds),
        staff_code=parts.staff_code(policy, holds.staff_codes),
        print_fit=print_fit.said(policy, holds.prints),
        cleared=words.cleared,
    )
    return Outlook(content, min(changes))


def reach(
    device: Device, now: datetime, *, horizon: timedelta = HORIZON
) -> tuple[datetime, datetime]:
    """Return the span that a device's plan is about: `Holds` must cover it."""
    moved = last_move(device.address, now)
    return moved, moved + horizon


def plan_content(
    device: Device,
    bookings: Iterable[Booking],
    now: datetime,
    *,
    holds: Holds = NOTHING_HOLDS,
    horizon: timedelta = HORIZON,
) -> Content:
    """Return what the device's plan says at `now` (look_ahead)."""
    return look_ahead(device, bookings, now, holds=holds, horizon=horizon).content


def next_boundary(
    device: Device,
    bookings: Iterable[Booking],
    now: datetime,
    *,
    holds: Holds = NOTHING_HOLDS,
    horizon: timedelta = HORIZON,
) -> datetime:
    """Return the first moment after `now` at which time alone changes the plan (look_ahead)."""
    return look_ahead(device, bookings, now, holds=holds, horizon=horizon).boundary


def _outside(policy: Policy, words: StaffWords, *, closed: bool) -> OutsideTurns:
    if words.out_of_service:
        return OutsideTurns.OUT_OF_SERVICE
    return OutsideTurns.CLOSED if closed else policy.outside_turns


def _within_bounds(until: datetime, turns: Sequence[Turn], windows: Sequence[Window]) -> datetime:
    """Return until when the plan is good: as far as a message has room for."""
    if len(turns) > MAX_TURNS:
        until = min(until, turns[MAX_TURNS].starts_at)
    if len(windows) > MAX_WINDOWS:
        until = min(until, windows[MAX_WINDOWS].starts_at)
    return until


def last_move(address: Address, now: datetime) -> datetime:
    """Return when the device's horizon was last moved on: daily, at a minute of its own.

    Hashed from its id, so that a thousand devices do not get their plans in one second.
    """
    digest = hashlib.sha256(str(address).encode()).digest()
    minute = timedelta(minutes=int.from_bytes(digest[:4], "big") % (24 * 60))
    now = to_utc(now)
    today = datetime(now.year, now.month, now.day, tzinfo=UTC) + minute
    return today if today <= now else today - _DAY


def leaves_plan_at(policy: Policy, turn: Turn) -> datetime:
    """Return when a turn that has ended leaves the plan.

    Where its job may run on, it stays as long as a turn can be: an agent puts the end of a
    use whose turn has gone from the plan down to staff.
    """
    return turn.ends_at + timedelta(seconds=turn.grace) + _kept(policy)


def earliest_end(policy: Policy, now: datetime) -> datetime:
    """Return the end up to which bookings are surely no longer in the plan."""
    # A clock that was never set starts in 1970, and the contract's times start there too.
    return max(now - timedelta(seconds=policy.grace) - _kept(policy), _EPOCH)


def _kept(policy: Policy) -> timedelta:
    if policy.at_end in (AtEnd.FINISH_JOB, AtEnd.NOTIFY):
        return max(KEPT, timedelta(seconds=policy.longest))
    return KEPT


def issue(content: Content, *, issuer: str, revision: int, now: datetime) -> Plan:
    """Return the plan of that content, sealed with its digest."""
    return issue_encoded(content, issuer=issuer, revision=revision, now=now)[0]


def issue_encoded(
    content: Content, *, issuer: str, revision: int, now: datetime
) -> tuple[Plan, bytes]:
    """Return the plan of that content, sealed with its digest, and as it is sent."""
    return seal(_plan(content, issuer, revision, now))


def says(plan: Plan, content: Content, issuer: str) -> bool:
    """Tell whether the plan says this content already, whatever its revision."""
    same = _plan(content, issuer, plan.revision, plan.issued_at)
    return plan == same.model_copy(update={"digest": plan.digest})


def _plan(content: Content, issuer: str, revision: int, now: datetime) -> Plan:
    return Plan(
        issuer=issuer,
        revision=revision,
        digest=_NO_DIGEST,
        issued_at=now,
        valid_until=content.valid_until,
        after_expiry=content.after_expiry,
        outside_turns=content.outside_turns,
        turns=content.turns,
        windows=content.windows,
        notices=content.notices,
        walk_in=content.walk_in,
        staff_code=content.staff_code,
        print_fit=content.print_fit,
        cleared=content.cleared,
    )
