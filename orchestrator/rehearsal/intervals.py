"""PURE: sets of time, as sorted half-open intervals of whole milliseconds that do not touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """From one moment to before another, in milliseconds of boot time."""

    from_ms: int
    to_ms: int

    @property
    def length(self) -> int:
        """How many milliseconds; 0 where it is empty or upside down."""
        return max(0, self.to_ms - self.from_ms)


Intervals = tuple[Interval, ...]


def union(intervals: Iterable[Interval]) -> Intervals:
    """Return the time that is in any of them."""
    result: list[Interval] = []
    for each in sorted(interval for interval in intervals if interval.length):
        if result and each.from_ms <= result[-1].to_ms:
            result[-1] = Interval(result[-1].from_ms, max(result[-1].to_ms, each.to_ms))
        else:
            result.append(each)
    return tuple(result)


def intersection(one: Intervals, other: Intervals) -> Intervals:
    """Return the time that is in both."""
    result: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        both = Interval(max(one[i].from_ms, other[j].from_ms), min(one[i].to_ms, other[j].to_ms))
        if both.length:
            result.append(both)
        if one[i].to_ms < other[j].to_ms:
            i += 1
        else:
            j += 1
    return tuple(result)


def difference(one: Intervals, other: Intervals) -> Intervals:
    """Return the time that is in the first only."""
    result: list[Interval] = []
    for each in one:
        from_ms = each.from_ms
        for taken in intersection((each,), other):
            result.append(Interval(from_ms, taken.from_ms))
            from_ms = taken.to_ms
        result.append(Interval(from_ms, each.to_ms))
    return union(result)


def length(intervals: Iterable[Interval]) -> int:
    """Return the milliseconds of intervals that do not overlap."""
    return sum(each.length for each in intervals)
