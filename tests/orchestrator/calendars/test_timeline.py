"""What is taken of a device's time."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calendars.timeline import Claim, Timeline
from tests.orchestrator.calendars.frames import NOW

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=15)


def at(hour: int) -> datetime:
    """Return an hour of the day."""
    return NOW + timedelta(hours=hour)


@given(SPANS, st.tuples(st.integers(0, 30), st.integers(1, 9)))
def test_what_overlaps_is_found(spans: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    """Just as by looking at each hour."""
    timeline: Timeline[int] = Timeline()
    taken: dict[int, int] = {}
    for who, (start, length) in enumerate(spans):
        timeline.add(Claim(at(start), at(start + length), who))
        for hour in range(start, start + length):
            taken.setdefault(hour, who)
    start, length = asked
    found = {claim.whose for claim in timeline.overlapping(at(start), at(start + length))}
    assert found == {taken[hour] for hour in range(start, start + length) if hour in taken}


def test_what_is_let_go_is_free() -> None:
    """And what only touches does not overlap."""
    timeline: Timeline[str] = Timeline()
    first, second = Claim(at(1), at(2), "a"), Claim(at(2), at(3), "b")
    timeline.add(first)
    timeline.add(second)
    timeline.remove(first)
    timeline.remove(first)
    assert timeline.overlapping(at(0), at(2)) == []
    assert timeline.overlapping(at(2), at(9)) == [second]
