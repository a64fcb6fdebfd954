"""When a device may be used, held against looking at each minute by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from orchestrator.domain.devices import Period, Policy
from orchestrator.domain.opening_hours import (
    DayHours,
    LocalSpan,
    Opening,
    Source,
    openings,
)
from orchestrator.domain.windows import Usable, WindowCache, clip, usable

HELSINKI = ZoneInfo("Europe/Helsinki")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
#: The days around which the rules are tried: a plain one, and both with a clock change.
MIDDAYS = [datetime(2026, *day, 12, tzinfo=UTC) for day in ((3, 29), (10, 25), (11, 25), (12, 24))]
HOLIDAYS = {date(2026, 12, 24), date(2026, 12, 25)}


def is_holiday(day: date) -> bool:
    """Tell whether a day is one of Christmas."""
    return day in HOLIDAYS


@dataclass(frozen=True)
class Library:
    """Openings of a few days around a midday, a policy, and a span to look at."""

    policy: Policy
    openings: list[Opening] | None
    first: datetime
    last: datetime


@st.composite
def day_spans(draw: st.DrawFn) -> tuple[LocalSpan, ...]:
    """Draw a day's spans, in steps of half an hour; some touch each other."""
    points = sorted(draw(st.sets(st.integers(0, 48), max_size=6)))
    return tuple(
        LocalSpan(start * 1800, end * 1800, draw(st.booleans()))
        for start, end in pairwise(points)
        if draw(st.booleans())
    )


@st.composite
def periods(draw: st.DrawFn) -> tuple[Period, ...]:
    """Draw periods of a group; some overlap, which only a hand-made policy's do."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.sets(st.integers(0, 48), min_size=2, max_size=2)))
        found.append(
            Period(
                days=tuple(draw(st.sets(st.integers(0, 6), min_size=1))),
                from_=time(start // 2, start % 2 * 30),
                to=time(end // 2 % 24, end % 2 * 30),
                group=draw(st.sampled_from(["nuoret", "perheet"])),
                exclusive=draw(st.booleans()),
            )
        )
    return tuple(found)


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """Draw a library with its policy."""
    policy = Policy(
        AtEnd.LOCK,
        staffed_only=draw(st.booleans()),
        finish_before_closing=draw(st.sampled_from([0, 900, 3600, 20_000])),
        school_days_from=draw(st.sampled_from([None, time(3, 30), time(12), time(15)])),
        periods=draw(periods()),
        assumed_group=draw(st.sampled_from([None, "aikuiset"])),
    )
    midday = draw(st.sampled_from(MIDDAYS))
    days = [midday.date() + timedelta(days=count) for count in range(-2, 4)]
    hours = [DayHours(day, draw(day_spans()), Source.WEEKLY) for day in days]
    first = midday + draw(st.integers(-30, 10)) * timedelta(minutes=47)
    last = first + draw(st.integers(1, 30)) * timedelta(minutes=53)
    return Library(policy, openings(hours, HELSINKI), first, last)


def windows(library: Library) -> tuple[Usable, ...]:
    """Return the windows of a library's device."""
    return usable(
        library.policy, library.openings, library.first, library.last, HELSINKI, is_holiday
    )


@given(libraries())
def test_windows_are_sorted_disjoint_and_within_one_opening(library: Library) -> None:
    """And within the span that was asked for."""
    found = windows(library)
    assert all(window.starts_at < window.ends_at for window in found)
    assert all(one.ends_at <= other.starts_at for one, other in pairwise(found))
    assert all(
        library.first <= window.starts_at and window.ends_at <= library.last for window in found
    )
    for window in found:
        assert any(
            opening.starts_at <= window.starts_at
            and window.ends_at <= opening.ends_at
            and opening.staffed is window.staffed
            for opening in library.openings or ()
        )


@given(libraries())
def test_a_minute_is_usable_exactly_if_each_rule_allows_it(library: Library) -> None:
    """Asked of one minute at a time, by a checker that knows no windows."""
    found = windows(library)
    moment = library.first
    while moment < library.last:
        window = next((w for w in found if w.starts_at <= moment < w.ends_at), None)
        said = None if window is None else (window.staffed, window.group, window.exclusive)
        assert said == judged(library, moment), moment
        moment += MINUTE


def judged(library: Library, moment: datetime) -> tuple[bool, str | None, bool] | None:
    """Return (staffed, group, exclusive) of a minute, or None where the device can't be used."""
    policy = library.policy
    here = opening_at(library, moment)
    if here is None:
        return None
    closes = here
    while (after := opening_at(library, closes.ends_at)) is not None:
        closes = after
    if moment >= closes.ends_at - timedelta(seconds=policy.finish_before_closing):
        return None
    day, shown = wall(moment)
    begins = policy.school_days_from
    if begins and day.weekday() < 5 and day not in HOLIDAYS and shown < begins:
        return None
    for period in policy.periods:
        until = time.max if period.to == time(0) else period.to
        if day.weekday() in period.days and period.from_ <= shown < until:
            return here.staffed, period.group, period.exclusive
    return here.staffed, policy.assumed_group, False


def opening_at(library: Library, moment: datetime) -> Opening | None:
    """Return the opening that counts at a moment."""
    for opening in library.openings or ():
        if opening.starts_at <= moment < opening.ends_at:
            return opening if opening.staffed or not library.policy.staffed_only else None
    return None


def wall(moment: datetime) -> tuple[date, time]:
    """Return what a clock shows that is never put back: the hour that comes twice counts once."""
    local = moment.astimezone(HELSINKI)
    if local.fold:
        local = local.replace(hour=3, minute=59, second=59, microsecond=999_998)
    return local.date(), local.time()


@given(libraries(), st.integers(0, 600), st.integers(0, 600))
def test_a_cache_gives_what_working_it_out_gives(library: Library, early: int, late: int) -> None:
    """Also for a part of a day that it knows; nothing is merged or lost at its bounds."""
    cache = WindowCache(HELSINKI, is_holiday)
    first = library.first + early * MINUTE
    last = max(first, library.last - late * MINUTE)
    for begin, end in ((library.first, library.last), (first, last)):
        expected = usable(library.policy, library.openings, begin, end, HELSINKI, is_holiday)
        found = cache.usable("paja", library.policy, library.openings, begin, end)
        assert found == expected


def test_a_site_without_hours_is_always_open_and_staffed() -> None:
    """So a library that never spoke of hours is not shut out of its devices."""
    first = MIDDAYS[0]
    window = Usable(first, first + 5 * DAY)
    policy = Policy(AtEnd.LOCK, staffed_only=True, finish_before_closing=900)
    assert usable(policy, None, first, first + 5 * DAY, HELSINKI, is_holiday) == (window,)


def test_closing_is_where_no_opening_follows() -> None:
    """A turn ends before that, not before self-service takes over from staff."""
    noon = MIDDAYS[2]
    staffed = Opening(noon, noon + 2 * timedelta(hours=1))
    alone = Opening(staffed.ends_at, staffed.ends_at + timedelta(hours=1), staffed=False)
    policy = Policy(AtEnd.LOCK, finish_before_closing=900)
    found = usable(policy, [staffed, alone], noon, noon + DAY, HELSINKI, is_holiday)
    assert [window.ends_at for window in found] == [
        staffed.ends_at,
        alone.ends_at - 15 * MINUTE,
    ]
    policy = Policy(AtEnd.LOCK, finish_before_closing=900, staffed_only=True)
    (window,) = usable(policy, [staffed, alone], noon, noon + DAY, HELSINKI, is_holiday)
    assert window.ends_at == staffed.ends_at - 15 * MINUTE


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        (date(2026, 12, 23), 10),
        (date(2026, 12, 24), 8),
        (date(2026, 12, 26), 8),
        (date(2026, 12, 27), 8),
        (date(2026, 12, 28), 10),
        (date(2026, 6, 5), 9),
    ],
)
def test_school_days_are_monday_to_friday_but_public_holidays(day: date, hour: int) -> None:
    """By the clock on the wall, in summer and in winter; `hour` is in UTC."""
    eight = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    opening = Opening(eight, eight + timedelta(hours=8))
    policy = Policy(AtEnd.LOCK, school_days_from=time(12))
    (window,) = usable(policy, [opening], eight, eight + DAY, HELSINKI, is_holiday)
    assert window.starts_at.hour == hour
    assert window.ends_at == opening.ends_at


@pytest.mark.parametrize("year", [1970, 9999])
def test_the_ends_of_the_calendar_are_only_hours(year: int) -> None:
    """With each rule, and without hours."""
    first = datetime(year, 1, 1, tzinfo=UTC) if year == 1970 else datetime(9999, 12, 30, tzinfo=UTC)
    last = first + DAY + timedelta(hours=23)
    policy = Policy(
        AtEnd.LOCK,
        school_days_from=time(12),
        periods=(Period((0, 1, 2, 3, 4, 5, 6), time(0), time(0), "nuoret"),),
    )
    hours: Sequence[Sequence[Opening] | None] = (None, [Opening(first, last)])
    for each in hours:
        assert usable(policy, each, first, last, HELSINKI, is_holiday)
        assert WindowCache(HELSINKI, is_holiday).usable("paja", policy, each, first, last)


@given(libraries(), st.integers(0, 3000), st.integers(0, 3000))
@example(Library(Policy(AtEnd.LOCK), None, MIDDAYS[0], MIDDAYS[0] + DAY), 0, 1440)
def test_clipping_leaves_what_is_asked_for(library: Library, begin: int, end: int) -> None:
    """And changes nothing of it."""
    found = windows(library)
    first, last = library.first + begin * MINUTE, library.first + end * MINUTE
    for window in clip(found, first, last):
        assert first <= window.starts_at < window.ends_at <= last
        assert any(
            whole.starts_at <= window.starts_at
            and window.ends_at <= whole.ends_at
            and (whole.group, whole.exclusive) == (window.group, window.exclusive)
            for whole in found
        )
