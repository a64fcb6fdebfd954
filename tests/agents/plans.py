"""Plans and situations for the tests of the agent's rules. Plan time 0 is 1970."""

from __future__ import annotations

from collections.abc import Sequence

from agents.schedule import Schedule
from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import sealed
from mqtt_schemas.plan import AtEnd, CheckIn, Notice, OutsideTurns, Plan, Turn

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
    )


def plan(
    *turns: Turn,
    outside: OutsideTurns = OutsideTurns.CLOSED,
    after_expiry: OutsideTurns = OutsideTurns.CLOSED,
    valid_until_ms: int = 4 * DAY_MS,
    revision: int = 1,
    notices: Sequence[Notice] = (),
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
        )
    )


def schedule(*turns: Turn, outside: OutsideTurns = OutsideTurns.CLOSED) -> Schedule:
    """Return the schedule of a plan."""
    return Schedule(plan(*turns, outside=outside))
