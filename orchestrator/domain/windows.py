"""PURE: when a device may be used: its site's openings under its policy.

What the policy takes away: self-service hours (`staffed_only`), the time before closing
(`finish_before_closing`), school days up to `school_days_from`. What it tells apart: periods
of a target group.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from orchestrator.domain.devices import Period, Policy
from orchestrator.domain.opening_hours import MIDNIGHT, Opening, at, local_days

#: Whether a local day is a public holiday, which is never a school day.
IsHoliday = Callable[[date], bool]

_DAY = timedelta(days=1)
_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Usable:
    """A span in which a device may be used, in UTC. Never longer than one opening.

    group: assumed of who declares none: of the period, else the policy's. exclusive: for that
    group only.
    """

    starts_at: datetime
    ends_at: datetime
    staffed: bool = True
    group: str | None = None
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a day through which a policy says the same."""

    starts_at: datetime
    ends_at: datetime
    period: Period | None


def usable(
    policy: Policy,
    openings: Sequence[Opening] | None,
    first: datetime,
    last: datetime,
    zone: tzinfo,
    is_holiday: IsHoliday,
) -> tuple[Usable, ...]:
    """Return the spans from `first` to `last` in which a device of the policy may be used.

    openings: all that touch the span, whole, and those that follow on the last of them without
    a gap, so that closing can be told from the end of an opening; sorted. None: no hours are
    configured, so the site is always open, and staffed. The answer is sorted and disjoint; what
    touches is apart only where openings, staff, group or exclusiveness differ.
    """
    if first >= last:
        return ()
    spans = [Opening(first, last)] if openings is None else _open(policy, openings)
    spans = [span for span in spans if span.ends_at > first and span.starts_at < last]
    if not policy.periods and policy.school_days_from is None:
        return tuple(
            Usable(
                max(span.starts_at, first),
                min(span.ends_at, last),
                span.staffed,
                policy.assumed_group,
            )
            for span in spans
        )
    parts = list(_parts(policy, first, last, zone, is_holiday))
    within = (Opening(max(s.starts_at, first), min(s.ends_at, last), s.staffed) for s in spans)
    return tuple(window for span in within for window in _joined(_meet(policy, span, parts)))


def clip(windows: Sequence[Usable], first: datetime, last: datetime) -> tuple[Usable, ...]:
    """Return what of the windows lies from `first` to `last`."""
    return tuple(
        window
        if first <= window.starts_at and window.ends_at <= last
        else replace(
            window,
            starts_at=max(window.starts_at, first),
            ends_at=min(window.ends_at, last),
        )
        for window in windows
        if max(window.starts_at, first) < min(window.ends_at, last)
    )


class WindowCache:
    """Windows by site, policy and whole days; for one pass over many devices of a few policies.

    Whoever owns it drops it when hours change.
    """

    def __init__(self, zone: tzinfo, is_holiday: IsHoliday) -> None:
        self._zone = zone
        self._is_holiday = is_holiday
        self._known: dict[tuple[str, Policy, datetime, datetime], tuple[Usable, ...]] = {}

    def usable(
        self,
        site: str,
        policy: Policy,
        openings: Sequence[Opening] | None,
        first: datetime,
        last: datetime,
    ) -> tuple[Usable, ...]:
        """Return `usable` of a device at a site, whose openings cover the days of the span."""
        begin, end = _midnight(first), _midnight(last)
        end = end + _DAY if end < _LAST_DAY else last
        key = (site, policy, begin, end)
        found = self._known.get(key)
        if found is None:
            found = usable(policy, openings, begin, end, self._zone, self._is_holiday)
            self._known[key] = found
        return clip(found, first, last)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _open(policy: Policy, openings: Sequence[Opening]) -> list[Opening]:
    """Return the openings less self-service and the time before closing, if the policy says so.

    Closing is the end of a run of openings without a gap; where only staffed ones count, of a
    run of those.
    """
    found: list[Opening] = []
    for opening in openings:
        if policy.staffed_only and not opening.staffed:
            continue
        if found and opening.starts_at < found[-1].ends_at:  # of a hand-made store
            opening = Opening(found[-1].ends_at, opening.ends_at, opening.staffed)  # noqa: PLW2901 - what is left of it
        if opening.starts_at < opening.ends_at:
            found.append(opening)
    if not policy.finish_before_closing:
        return found
    early: list[Opening] = []
    limit = later = None
    for opening in reversed(found):
        if limit is None or later is None or opening.ends_at < later.starts_at:
            limit = opening.ends_at - timedelta(seconds=policy.finish_before_closing)
        if opening.starts_at < limit:
            ends_at = min(opening.ends_at, limit)
            early.append(Opening(opening.starts_at, ends_at, opening.staffed))
        later = opening
    early.reverse()
    return early


def _parts(
    policy: Policy, first: datetime, last: datetime, zone: tzinfo, is_holiday: IsHoliday
) -> Iterator[_Part]:
    """Yield the parts of each day in which the policy allows use at all, in order."""
    begins = policy.school_days_from
    for day in local_days(first, last, zone):
        opens = 0
        if begins is not None and day.weekday() < _SATURDAY and not is_holiday(day):
            opens = _seconds(begins)
        yield from _parts_of_day(day, zone, opens, policy.periods)


@lru_cache(maxsize=4096)
def _parts_of_day(
    day: date, zone: tzinfo, opens: int, periods: tuple[Period, ...]
) -> tuple[_Part, ...]:
    """Return the parts of a local day from a second on. Cached: many devices ask the same."""
    periods = tuple(period for period in periods if day.weekday() in period.days)
    points = {opens, MIDNIGHT}
    for period in periods:
        points |= {max(opens, _seconds(period.from_)), max(opens, _end(period))}
    found = []
    for start, end in pairwise(sorted(points)):
        holds = (p for p in periods if _seconds(p.from_) <= start < _end(p))
        found.append(_Part(at(day, start, zone), at(day, end, zone), next(holds, None)))
    return tuple(found)


def _meet(policy: Policy, span: Opening, parts: Sequence[_Part]) -> Iterator[Usable]:
    """Yield where an opening and the parts meet."""
    for part in parts[bisect_right(parts, span.starts_at, key=_ends_at) :]:
        if part.starts_at >= span.ends_at:
            return
        starts_at = max(span.starts_at, part.starts_at)
        ends_at = min(span.ends_at, part.ends_at)
        if starts_at >= ends_at:
            continue
        if part.period is None:
            yield Usable(starts_at, ends_at, span.staffed, policy.assumed_group)
        else:
            group, exclusive = part.period.group, part.period.exclusive
            yield Usable(starts_at, ends_at, span.staffed, group, exclusive)


def _joined(windows: Iterable[Usable]) -> Iterator[Usable]:
    """Yield the windows of one opening, joined where they touch and say the same."""
    last: Usable | None = None
    for window in windows:
        if last is None:
            last = window
        elif last.ends_at == window.starts_at and (last.group, last.exclusive) == (
            window.group,
            window.exclusive,
        ):
            last = replace(last, ends_at=window.ends_at)
        else:
            yield last
            last = window
    if last is not None:
        yield last


def _ends_at(part: _Part) -> datetime:
    return part.ends_at


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _end(period: Period) -> int:
    """Return when a period ends; 00:00 is the end of the day."""
    return _seconds(period.to) or MIDNIGHT
