"""PURE: device + bookings + now -> what its plan says, and when time alone will change that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

from mqtt_schemas.base import to_utc
from mqtt_schemas.codec import sealed
from mqtt_schemas.plan import MAX_TURNS, AtEnd, OutsideTurns, Plan, Turn
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import Device, Policy

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
    turns: tuple[Turn, ...]


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
    horizon: timedelta = HORIZON,
) -> Outlook:
    """Return what the device's plan says at `now`, and until when. Equal input, equal plan.

    Total: of bookings that overlap (a restored or hand-made store) the earlier one is planned.
    """
    policy, moved = device.policy, last_move(device.address, now)
    until = moved + horizon
    turns = tuple(
        turn
        for turn in _turns(policy, bookings)
        if turn.starts_at < until and now < leaves_plan_at(policy, turn)
    )
    boundary = min([moved + _DAY, *(leaves_plan_at(policy, turn) for turn in turns)])
    if len(turns) > MAX_TURNS:
        until = turns[MAX_TURNS].starts_at
    content = Content(
        valid_until=until,
        after_expiry=policy.after_expiry,
        outside_turns=policy.outside_turns,
        turns=turns[:MAX_TURNS],
    )
    return Outlook(content, boundary)


def plan_content(
    device: Device,
    bookings: Iterable[Booking],
    now: datetime,
    *,
    horizon: timedelta = HORIZON,
) -> Content:
    """Return what the device's plan says at `now` (look_ahead)."""
    return look_ahead(device, bookings, now, horizon=horizon).content


def next_boundary(
    device: Device,
    bookings: Iterable[Booking],
    now: datetime,
    *,
    horizon: timedelta = HORIZON,
) -> datetime:
    """Return the first moment after `now` at which time alone changes the plan (look_ahead)."""
    return look_ahead(device, bookings, now, horizon=horizon).boundary


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
    return sealed(_plan(content, issuer, revision, now))


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
    )


def _turns(policy: Policy, bookings: Iterable[Booking]) -> list[Turn]:
    """Return the turns of all bookings that are live, in order, none overlapping."""
    planned: list[Booking] = []
    seen: set[str] = set()
    for booking in sorted(bookings, key=lambda b: (b.starts_at, b.ends_at, b.id)):
        in_the_way = planned and booking.starts_at < planned[-1].ends_at
        if not booking.live or in_the_way or booking.id in seen:
            continue
        planned.append(booking)
        seen.add(booking.id)
    gaps = [later.starts_at - earlier.ends_at for earlier, later in pairwise(planned)]
    return [
        _turn(policy, booking, gap)
        for booking, gap in zip(planned, [*gaps, timedelta.max], strict=bool(planned))
    ]


def _turn(policy: Policy, booking: Booking, gap: timedelta) -> Turn:
    """Return a booking's turn. `gap` is the time up to the next one.

    The grace gives way where a policy was changed after the bookings were made.
    """
    length = booking.ends_at - booking.starts_at
    grace = min(timedelta(seconds=policy.grace), gap)
    return Turn(
        id=booking.id,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        warn_before=tuple(
            seconds for seconds in policy.warn_before if timedelta(seconds=seconds) < length
        ),
        grace=int(grace.total_seconds()),
        at_end=policy.at_end,
        target_group=booking.target_group,
        party_size=booking.party_size,
    )
