"""Days and months of local time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import ms_from_utc, to_utc, utc_from_ms
from orchestrator.domain.periods import By, begin_of, parts
from orchestrator.domain.spans import Span

HELSINKI, BEIRUT = ZoneInfo("Europe/Helsinki"), ZoneInfo("Asia/Beirut")
HOUR = 3_600_000


def local_ms(day: date) -> int:
    """Return when a day begins in Helsinki."""
    return ms_from_utc(to_utc(begin_of(day, HELSINKI)))


@given(
    st.integers(0, 4_000_000_000_000),
    st.integers(0, 400 * 24 * HOUR),
    st.sampled_from(By),
    st.sampled_from([UTC, HELSINKI, BEIRUT]),
)
def test_parts_are_the_period(from_ms: int, length_ms: int, by: By, zone: ZoneInfo) -> None:
    """They follow each other without hole or overlap, each in its own day or month."""
    found = list(parts(from_ms, from_ms + length_ms, by, zone))
    assert bool(found) == bool(length_ms)
    if not found:
        return
    assert (found[0].span.from_ms, found[-1].span.to_ms) == (from_ms, from_ms + length_ms)
    assert all(one.span.to_ms == next_.span.from_ms for one, next_ in pairwise(found))
    for part in found:
        for moment in (part.span.from_ms, part.span.to_ms - 1):
            local = utc_from_ms(moment).astimezone(zone)
            assert local.isoformat().startswith(part.name)


def test_the_days_of_a_clock_change_are_longer_and_shorter() -> None:
    """25 hours in October, 23 in March."""
    for day, hours in ((date(2026, 10, 25), 25), (date(2027, 3, 28), 23)):
        begins = local_ms(day)
        [part, _] = parts(begins, begins + 26 * HOUR, By.DAY, HELSINKI)
        assert part.span == Span(begins, begins + hours * HOUR)


def test_months_have_their_names() -> None:
    """Over the end of a year."""
    span = local_ms(date(2026, 11, 30)), local_ms(date(2027, 2, 1))
    names = [part.name for part in parts(*span, By.MONTH, HELSINKI)]
    assert names == ["2026-11", "2026-12", "2027-01"]


def test_a_day_whose_midnight_is_skipped_begins_after_it() -> None:
    """In Beirut clocks are put forward at midnight."""
    begins = begin_of(date(2026, 3, 29), BEIRUT).astimezone(UTC)
    assert begins == datetime(2026, 3, 28, 22, tzinfo=UTC)
