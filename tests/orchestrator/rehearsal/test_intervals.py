"""Sets of time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.rehearsal.intervals import (
    Interval,
    Intervals,
    difference,
    intersection,
    length,
    union,
)

anything = st.lists(st.builds(Interval, st.integers(0, 30), st.integers(0, 30)), max_size=8)


def moments(intervals: Intervals | list[Interval]) -> set[int]:
    """Return every millisecond of them."""
    return {ms for each in intervals for ms in range(each.from_ms, each.to_ms)}


def in_order(intervals: Intervals) -> bool:
    """Tell whether they are as all functions here take and give them."""
    apart = all(one.to_ms < other.from_ms for one, other in pairwise(intervals))
    return apart and all(each.length for each in intervals)


@given(anything)
def test_a_union_has_every_moment_once(intervals: list[Interval]) -> None:
    """Whatever overlaps, touches, is empty or upside down."""
    result = union(intervals)
    assert in_order(result)
    assert moments(result) == moments(intervals)
    assert length(result) == len(moments(intervals))


@given(anything, anything)
def test_what_is_in_both_and_what_is_in_one_only(
    one: list[Interval], other: list[Interval]
) -> None:
    """As sets of moments."""
    first, second = union(one), union(other)
    both, only = intersection(first, second), difference(first, second)
    assert in_order(both)
    assert in_order(only)
    assert moments(both) == moments(one) & moments(other)
    assert moments(only) == moments(one) - moments(other)
