"""Plans and situations for the tests of the agent's rules. Plan time 0 is 1970."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from agents.schedule import Schedule
from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import sealed
from mqtt_schemas.plan import (
    AtEnd,
    CheckIn,
    HashedCode,
    Notice,
    OutsideTurns,
    Plan,
    StaffCode,
    Turn,
    WalkIn,
    Window,
)

DAY_MS = 86_400_000


def turn(
    turn_id: str,
    starts_s: int,
    ends_s: int,
    at_end: AtEnd = AtEnd.END,
    *,
    grace: int = 0,
    warn_before: tuple[int, ...] = (),
    check_in: CheckIn | None = None,
    target_group: str | None = None,
    rotate: int | None = None,
) -> Turn:
    """Return a turn, its times in seconds of plan time."""
    return Turn(
        id=turn_id,
        starts_at=utc_from_ms(starts_s * 1000),
        ends_at=utc_from_ms(ends_s * 1000),
        at_end=at_end,
        grace=grace,
        warn_before=warn_before,
        check_in=check_in,
        target_group=target_group,
        rotate=rotate,
    )


def window(starts_s: int, ends_s: int, assumed_group: str | None = None) -> Window:
    """Return a window, its times in seconds of plan time."""
    return Window(
        starts_at=utc_from_ms(starts_s * 1000),
        ends_at=utc_from_ms(ends_s * 1000),
        assumed_group=assumed_group,
    )


def code(name: str) -> HashedCode:
    """Return a code that can be told from others; no words are of it."""
    return HashedCode(salt="0" * 32, hash=hashlib.sha256(name.encode()).hexdigest())


def plan(
    *turns: Turn,
    outside: OutsideTurns = OutsideTurns.CLOSED,
    after_expiry: OutsideTurns = OutsideTurns.CLOSED,
    valid_until_ms: int = 4 * DAY_MS,
    revision: int = 1,
    notices: Sequence[Notice] = (),
    windows: Sequence[Window] = (),
    walk_in: WalkIn | None = None,
    staff_code: StaffCode | None = None,
    cleared: str | None = None,
) -> Plan:
    """Return a sealed plan."""
    if after_expiry is OutsideTurns.OUT_OF_SERVICE:
        raise ValueError("after expiry a device is open or closed")
    return sealed(
        Plan(
            issuer="main",
            revision=revision,
            digest="0" * 64,
            issued_at=utc_from_ms(0),
            valid_until=utc_from_ms(valid_until_ms),
            after_expiry=after_expiry,
            outside_turns=outside,
            turns=turns,
            notices=tuple(notices),
            windows=tuple(windows),
            walk_in=walk_in,
            staff_code=staff_code,
            cleared=cleared,
        )
    )


def schedule(*turns: Turn, outside: OutsideTurns = OutsideTurns.CLOSED) -> Schedule:
    """Return the schedule of a plan."""
    return Schedule(plan(*turns, outside=outside))
