"""Opening hours: whose word holds on a day, and local times in UTC over both clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.opening_hours import (
    ALL_DAY,
    MIDNIGHT,
    NOT_CONFIGURED,
    DatedHours,
    DayHours,
    LocalSpan,
    Opening,
    SiteHours,
    Source,
    at,
    hours_of_day,
    local_days,
    openings,
    overlap,
)

HELSINKI = ZoneInfo("Europe/Helsinki")
WEDNESDAY = date(2026, 11, 25)
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)
HOUR = 3600
TEN_TO_SIX = LocalSpan(10 * HOUR, 18 * HOUR)
EVENING = LocalSpan(18 * HOUR, 22 * HOUR, staffed=False)

days = st.one_of(
    st.sampled_from([FORWARD, BACK, WEDNESDAY, date(1970, 1, 1), date(9999, 12, 31)]),
    st.dates(date(1970, 1, 1)),
)
seconds = st.one_of(st.integers(0, 6 * HOUR), st.integers(0, MIDNIGHT))


def test_an_exception_goes_before_an_import_and_that_before_the_week() -> None:
    """Staff has the last word, and the week is what holds where nobody said otherwise."""
    exception = DatedHours(WEDNESDAY, WEDNESDAY, (EVENING,), "Ilta")
    imported = {
        day: DayHours(day, (), Source.IMPORT) for day in (WEDNESDAY, WEDNESDAY + timedelta(1))
    }
    hours = SiteHours(((TEN_TO_SIX,),) * 7, (exception,))
    found = [
        hours_of_day(hours, WEDNESDAY + timedelta(count), imported, importing=True)
        for count in range(3)
    ]
    assert [(each.source, each.spans) for each in found] == [
        (Source.EXCEPTION, (EVENING,)),
        (Source.IMPORT, ()),
        (Source.WEEKLY, (TEN_TO_SIX,)),
    ]
    assert found[0].note == "Ilta"


def test_a_day_of_which_nobody_knows_is_closed_once_days_are_imported() -> None:
    """And open round the clock where hours were never spoken of."""
    assert hours_of_day(NOT_CONFIGURED, WEDNESDAY, {}, importing=False).spans == ALL_DAY
    unknown = hours_of_day(NOT_CONFIGURED, WEDNESDAY, {}, importing=True)
    assert (unknown.source, unknown.spans) == (Source.UNKNOWN, ())


def test_spans_of_a_day_are_never_merged() -> None:
    """Self-service that follows on staffed hours is another opening."""
    found = openings([DayHours(WEDNESDAY, (TEN_TO_SIX, EVENING), Source.WEEKLY)], HELSINKI)
    eight, four, eight_pm = (datetime(2026, 11, 25, hour, tzinfo=UTC) for hour in (8, 16, 20))
    assert found == [Opening(eight, four), Opening(four, eight_pm, staffed=False)]


@pytest.mark.parametrize(
    ("day", "local", "utc"),
    [
        (FORWARD, 2 * HOUR, datetime(2026, 3, 29, 0, tzinfo=UTC)),
        (FORWARD, 3 * HOUR, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (FORWARD, 3 * HOUR + 1800, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (FORWARD, 4 * HOUR, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (FORWARD, 10 * HOUR, datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (FORWARD, MIDNIGHT, datetime(2026, 3, 29, 21, tzinfo=UTC)),
        (BACK, 0, datetime(2026, 10, 24, 21, tzinfo=UTC)),
        (BACK, 3 * HOUR + 1800, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (BACK, 4 * HOUR, datetime(2026, 10, 25, 2, tzinfo=UTC)),
        (BACK, 10 * HOUR, datetime(2026, 10, 25, 8, tzinfo=UTC)),
        (BACK, MIDNIGHT, datetime(2026, 10, 25, 22, tzinfo=UTC)),
    ],
)
def test_local_times_are_right_on_days_with_a_clock_change(
    day: date, local: int, utc: datetime
) -> None:
    """Of times that are skipped it is the change; of those that come twice, the first."""
    assert at(day, local, HELSINKI) == utc


def test_a_span_that_the_clocks_skip_is_no_opening() -> None:
    """Clocks never show a moment of it."""
    skipped = LocalSpan(3 * HOUR, 4 * HOUR)
    assert openings([DayHours(FORWARD, (skipped,), Source.WEEKLY)], HELSINKI) == []


@given(days, seconds, seconds)
def test_what_is_later_locally_is_not_earlier_in_utc(day: date, one: int, other: int) -> None:
    """On any day of the calendar."""
    early, late = sorted((one, other))
    assert at(day, early, HELSINKI) <= at(day, late, HELSINKI)


@given(days)
def test_a_day_ends_where_the_next_one_begins(day: date) -> None:
    """No moment is in two days, or in none."""
    if day < date.max:
        assert at(day, MIDNIGHT, HELSINKI) == at(day + timedelta(1), 0, HELSINKI)


@given(st.sampled_from([FORWARD, BACK, WEDNESDAY]), seconds)
def test_a_local_time_is_the_first_at_which_clocks_show_it_or_more(day: date, local: int) -> None:
    """Held against looking at the clock second by second, around the moment."""
    moment = at(day, local, HELSINKI)
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=local)  # noqa: DTZ001 - as clocks show it

    def shown(then: datetime) -> datetime:
        return then.astimezone(HELSINKI).replace(tzinfo=None)

    assert shown(moment) >= wall
    earlier = (moment - timedelta(seconds=back) for back in (1, 2, 60, HOUR, 2 * HOUR))
    assert all(shown(then) < wall for then in earlier)


@given(days)
def test_any_span_of_time_has_its_local_days(day: date) -> None:
    """Up to the ends of the calendar."""
    moment = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
    found = list(local_days(moment - timedelta(minutes=90), moment, HELSINKI))
    assert 1 <= len(found) <= 2
    assert found == sorted(found)


def test_spans_that_only_touch_do_not_overlap() -> None:
    """One that begins a second before the other ends does."""
    assert overlap([EVENING, TEN_TO_SIX]) is None
    early = LocalSpan(18 * HOUR - 1, 19 * HOUR)
    assert overlap([early, TEN_TO_SIX]) == (TEN_TO_SIX, early)
