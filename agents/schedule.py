"""PURE: a plan in whole milliseconds, ready to be asked once a second for days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.events import TurnSource
from mqtt_schemas.plan import AtEnd, HashedCode, Notice, OutsideTurns, Plan, Turn

#: A moment that never comes: the end of a window where the plan has none.
NEVER_MS = 2**53


@dataclass(frozen=True, slots=True)
class ScheduledTurn:
    """A turn in plan time: milliseconds since 1970. `closes_ms` is its end plus grace.

    check_in_until_ms: when it lapses if nobody gives its code; None: it needs none. code: None
    where only staff can check in. rotate_ms: from one change of places to the next; 0: none.
    run_on_ms: so long after its end a job that began in it may go on.
    """

    id: str
    starts_ms: int
    ends_ms: int
    closes_ms: int
    warn_ms: tuple[int, ...]
    at_end: AtEnd
    target_group: str | None = None
    group_assumed: bool = False
    party_size: int | None = None
    check_in_until_ms: int | None = None
    code: HashedCode | None = None
    rotate_ms: int = 0
    run_on_ms: int = 0
    source: TurnSource = TurnSource.PLAN


class ScheduledWindow(NamedTuple):
    """A span in which the device may be used without a booking.

    exclusive: by walk-ins of the assumed group only.
    """

    starts_ms: int
    ends_ms: int
    assumed_group: str | None = None
    exclusive: bool = False

    def takes(self, group: str | None) -> bool:
        """Tell whether a walk-in of a group, or of none declared, may begin in it."""
        return not self.exclusive or group in (None, self.assumed_group)


_ALWAYS = ScheduledWindow(0, NEVER_MS)


@dataclass(frozen=True)
class Schedule:
    """A plan's turns and windows by their times."""

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
            if turn.check_in_until_ms is not None:
                moments.add(turn.check_in_until_ms)
        for window in self.windows:
            moments |= {window.starts_ms, window.ends_ms}
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

    def next(self, now_ms: int) -> ScheduledTurn | None:
        """Return the turn that starts next after `now_ms`, or None."""
        index = bisect_right(self._starts, now_ms)
        return self.turns[index] if index < len(self.turns) else None

    def touching(self, from_ms: int, to_ms: int) -> Iterable[ScheduledTurn]:
        """Return the turns of which any part lies between these times, in order."""
        first = max(0, bisect_right(self._starts, from_ms) - 1)
        turns = self.turns[first : bisect_left(self._starts, to_ms)]
        return [turn for turn in turns if turn.ends_ms > from_ms]

    @cached_property
    def windows(self) -> tuple[ScheduledWindow, ...]:
        """All windows, in order; none: always."""
        return tuple(
            ScheduledWindow(
                ms_from_utc(window.starts_at),
                ms_from_utc(window.ends_at),
                window.assumed_group,
                window.exclusive,
            )
            for window in self.plan.windows
        )

    def window(self, now_ms: int) -> ScheduledWindow | None:
        """Return the window that `now_ms` is in; where the plan has none, one without an end."""
        if not self.windows:
            return _ALWAYS
        return next((w for w in self.windows if w.starts_ms <= now_ms < w.ends_ms), None)

    def window_ends(self, now_ms: int) -> int | None:
        """Return when the windows that follow on each other from `now_ms` on end; None: never."""
        window = self.window(now_ms)
        if window is None or window is _ALWAYS:
            return None
        ends_ms = window.ends_ms
        for later in self.windows:
            if later.starts_ms == ends_ms:
                ends_ms = later.ends_ms
        return ends_ms

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
    starts_ms, ends_ms = ms_from_utc(turn.starts_at), ms_from_utc(turn.ends_at)
    check_in = turn.check_in
    return ScheduledTurn(
        id=turn.id,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        closes_ms=ends_ms + turn.grace * 1000,
        warn_ms=tuple(seconds * 1000 for seconds in turn.warn_before),
        at_end=turn.at_end,
        target_group=turn.target_group,
        group_assumed=turn.group_assumed,
        party_size=turn.party_size,
        check_in_until_ms=None if check_in is None else starts_ms + check_in.within * 1000,
        code=None if check_in is None else check_in.code,
        rotate_ms=(turn.rotate or 0) * 1000,
        run_on_ms=turn.run_on * 1000,
    )
