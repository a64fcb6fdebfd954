"""The grid on which turns start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.domain.grid import grid_down, grid_up, on_grid

HELSINKI = ZoneInfo("Europe/Helsinki")
#: 03:00 becomes 04:00, and 04:00 becomes 03:00 again.
SPRING = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "grid", "fits"),
    [
        ("2026-11-25T14:00+02:00", 3600, True),
        ("2026-11-25T14:30+02:00", 3600, False),
        ("2026-11-25T14:30+02:00", 1800, True),
        ("2026-11-25T14:00:01+02:00", 60, False),
        ("2026-11-25T14:00:01+02:00", 0, True),
        ("2026-11-25T00:00+02:00", 5 * 3600, True),
        ("2026-11-25T20:00+02:00", 5 * 3600, True),
        ("2026-03-29T04:00+03:00", 7200, True),  # right after the clocks went forward
        ("2026-10-25T03:30+03:00", 1800, True),  # comes twice
        ("2026-10-25T03:30+02:00", 1800, True),
    ],
)
def test_the_grid_is_the_clock_on_the_wall(*, wall: str, grid: int, fits: bool) -> None:
    """From local midnight, whatever the day's length."""
    assert on_grid(datetime.fromisoformat(wall).astimezone(UTC), grid, HELSINKI) is fits


@given(
    base=st.sampled_from([SPRING, AUTUMN, datetime(2026, 7, 1, 21, tzinfo=UTC)]),
    offset=st.integers(-36 * 3600, 36 * 3600),
    grid=st.sampled_from([0, 60, 300, 900, 1800, 2700, 3600, 7200, 5 * 3600, 7 * 3600, 86_400]),
)
@example(base=SPRING, offset=-1, grid=7200)
def test_rounding_gives_the_nearest_start_and_no_other(
    base: datetime, offset: int, grid: int
) -> None:
    """None of the minutes between would do, over both clock changes and midnight."""
    moment = base + timedelta(seconds=offset)
    up, down = grid_up(moment, grid, HELSINKI), grid_down(moment, grid, HELSINKI)
    step = grid or 60
    assert down <= moment <= up
    assert on_grid(up, step, HELSINKI)
    assert on_grid(down, step, HELSINKI)
    between = down + timedelta(minutes=1)
    while between < up:
        assert between == moment or not on_grid(between, step, HELSINKI)
        between += timedelta(minutes=1)
