"""PURE: a plan in whole milliseconds, ready to be asked once a second for days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.plan import AtEnd, Notice, OutsideTurns, Plan, Turn


@dataclass(frozen=True, slots=True)
class ScheduledTurn:
    """A turn in plan time: milliseconds since 1970. `closes_ms` is its end plus grace.

    run_on_ms: so long after its end a job that began in it may go on.
    """

    id: str
    starts_ms: int
    ends_ms: int
    closes_ms: int
    warn_ms: tuple[int, ...]
    at_end: AtEnd
    needs_check_in: bool
    target_group: str | None
    party_size: int | None
    run_on_ms: int = 0


@dataclass(frozen=True)
class Schedule:
    """A plan's turns by their times."""

    plan: Plan

    @cached_property
    def turns(self) -> tuple[ScheduledTurn, ...]:
        """All turns, in order."""
        return tuple(_scheduled(turn) for turn in self.plan.turns)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all turns."""
        return frozenset(turn.id for turn in self.turns)

    @cached_property
    def valid_until_ms(self) -> int:
        """When the plan stops to bind."""
        return ms_from_utc(self.plan.valid_until)

    @property
    def after_expiry(self) -> OutsideTurns:
        """What holds past `valid_until_ms`."""
        return self.plan.after_expiry

    @property
    def outside_turns(self) -> OutsideTurns:
        """What holds outside turns while the plan is valid."""
        return self.plan.outside_turns

    @cached_property
    def _starts(self) -> list[int]:
        return [turn.starts_ms for turn in self.turns]

    @cached_property
    def _boundaries(self) -> list[int]:
        """Every moment at which something begins, warns or ends, in order."""
        moments = {self.valid_until_ms}
        for turn in self.turns:
            moments |= {turn.starts_ms, turn.ends_ms, turn.closes_ms}
            moments |= {turn.ends_ms - step for step in turn.warn_ms}
        return sorted(moments)

    def current(self, now_ms: int) -> ScheduledTurn | None:
        """Return the turn in hand: begun, and its grace not yet over.

        One that began while the plan was valid is carried to its end.
        """
        index = bisect_right(self._starts, now_ms) - 1
        if index < 0:
            return None
        turn = self.turns[index]
        binds = turn.starts_ms < self.valid_until_ms and now_ms < turn.closes_ms
        return turn if binds else None

    def find(self, turn_id: str) -> ScheduledTurn | None:
        """Return the turn of that id, or None."""
        return self._by_id.get(turn_id)

    @cached_property
    def _by_id(self) -> dict[str, ScheduledTurn]:
        return {turn.id: turn for turn in self.turns}

    def boundaries(self, now_ms: int) -> list[int]:
        """Return the next boundary after `now_ms`, in a list, or an empty one."""
        index = bisect_right(self._boundaries, now_ms)
        return self._boundaries[index : index + 1]

    def notices(self, now_ms: int) -> Iterable[Notice]:
        """Return the notices that are still to be shown."""
        if not self.plan.notices:
            return ()
        return [notice for notice in self.plan.notices if ms_from_utc(notice.until) > now_ms]


def _scheduled(turn: Turn) -> ScheduledTurn:
    ends_ms = ms_from_utc(turn.ends_at)
    return ScheduledTurn(
        id=turn.id,
        starts_ms=ms_from_utc(turn.starts_at),
        ends_ms=ends_ms,
        closes_ms=ends_ms + turn.grace * 1000,
        warn_ms=tuple(seconds * 1000 for seconds in turn.warn_before),
        at_end=turn.at_end,
        needs_check_in=turn.check_in is not None,
        target_group=turn.target_group,
        party_size=turn.party_size,
        run_on_ms=turn.run_on * 1000,
    )
