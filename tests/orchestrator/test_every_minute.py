"""Every requested minute is allowed or refused with a reason: all rules, hours and bookings."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.booking_rules import Case, Wish, check_new
from orchestrator.domain.bookings import Booking, BookingRefused, Desk, Hours, Usable, spacing
from orchestrator.domain.devices import Device, Period, Policy
from orchestrator.domain.free_turns import nearest
from orchestrator.domain.opening_hours import Opening
from orchestrator.domain.windows import usable

HELSINKI = ZoneInfo("Europe/Helsinki")
ADDRESS = Address("paja", "game-1")
MINUTE = timedelta(minutes=1)
#: Midnight before an ordinary Wednesday, and before both clock changes of a year.
NIGHTS = [
    datetime(2026, 11, 24, 22, tzinfo=UTC),
    datetime(2026, 3, 28, 22, tzinfo=UTC),
    datetime(2026, 10, 24, 21, tzinfo=UTC),
]
YOUTH = Period((0, 1, 2, 3, 4, 5, 6), time(14), time(16), "nuoret", exclusive=True)

policies = st.builds(
    Policy,
    at_end=st.just(AtEnd.LOCK),
    grace=st.sampled_from([0, 60]),
    buffer=st.sampled_from([0, 600]),
    shortest=st.just(600),
    longest=st.just(7200),
    grid=st.sampled_from([0, 900, 3600]),
    notice=st.sampled_from([0, 1800]),
    same_day=st.booleans(),
    party=st.sampled_from([2, 6]),
    finish_before_closing=st.sampled_from([0, 900]),
    staffed_only=st.booleans(),
    school_days_from=st.sampled_from([None, time(12)]),
    periods=st.sampled_from([(), (YOUTH,)]),
)


def hours_of(openings: list[Opening] | None) -> Hours:
    """Return the hours of a library with these openings."""

    def hours(policy: Policy, first: datetime, last: datetime) -> tuple[Usable, ...]:
        return usable(policy, openings, first, last, HELSINKI, lambda _: False)

    return hours


def openings_of(night: datetime) -> list[Opening]:
    """Return two days of a library: self-service in the morning, a pause, staff until evening."""
    day = timedelta(days=1)
    return [
        Opening(start + first * timedelta(hours=1), start + last * timedelta(hours=1), staffed)
        for start in (night, night + day)
        for first, last, staffed in ((1, 5, False), (7, 10, False), (10, 15, True), (16, 20, True))
    ]


def simply_allowed(  # noqa: PLR0911 - a rule, a line
    case: Case, openings: list[Opening] | None, group: str | None
) -> bool:
    """Judge a wish the simple way: minute by minute, on the clock on the wall."""
    policy, wish, now = case.policy, case.wish, case.desk.now
    local = wish.starts_at.astimezone(HELSINKI)
    seconds = local.hour * 3600 + local.minute * 60
    soonest = now + timedelta(seconds=policy.notice) - MINUTE
    if wish.starts_at < soonest or not 10 * MINUTE <= wish.length <= 120 * MINUTE:
        return False
    if policy.grid and seconds % policy.grid:
        return False
    if policy.same_day and local.date() != now.astimezone(HELSINKI).date():
        return False
    if wish.party_size is not None and wish.party_size > policy.party:
        return False
    room = spacing(policy)
    for other in case.others:
        if wish.starts_at < other.ends_at + room and other.starts_at < wish.ends_at + room:
            return False
    minute = wish.starts_at
    while minute < wish.ends_at:
        if not _usable(policy, openings, minute, group):
            return False
        minute += MINUTE
    return True


def _usable(
    policy: Policy, openings: list[Opening] | None, minute: datetime, group: str | None
) -> bool:
    local = minute.astimezone(HELSINKI)
    if policy.school_days_from and local.weekday() < 5 and local.time() < policy.school_days_from:
        return False
    if policy.periods and time(14) <= local.time() < time(16) and group not in (None, "nuoret"):
        return False
    if openings is None:
        return True
    early = timedelta(seconds=policy.finish_before_closing)
    closes = minute
    for opening in openings:
        if opening.starts_at <= closes < opening.ends_at:
            if closes == minute and policy.staffed_only and not opening.staffed:
                return False
            closes = opening.ends_at
    return closes > minute and minute < closes - early


@settings(max_examples=150, deadline=None)
@given(
    policy=policies,
    night=st.sampled_from(NIGHTS),
    now=st.integers(0, 20 * 60),
    start=st.integers(0, 30 * 60),
    length=st.sampled_from([9, 10, 30, 60, 120, 121]),
    group=st.sampled_from([None, "nuoret", "aikuiset"]),
    party=st.sampled_from([None, 1, 4]),
    opened=st.booleans(),
    taken=st.lists(st.tuples(st.integers(0, 30 * 60), st.integers(10, 120)), max_size=4),
)
def test_every_minute_is_allowed_or_refused_as_a_simple_checker_does(
    *,
    policy: Policy,
    night: datetime,
    now: int,
    start: int,
    length: int,
    group: str | None,
    party: int | None,
    opened: bool,
    taken: list[tuple[int, int]],
) -> None:
    """Over both clock changes; and each turn that is offered instead can be had."""
    openings = None if opened else openings_of(night)
    others = [
        Booking(f"b{n}", ADDRESS, night + first * MINUTE, night + (first + long) * MINUTE)
        for n, (first, long) in enumerate(taken)
    ]
    desk = Desk(Device(ADDRESS, "game", policy, "Game 1"), night + now * MINUTE, HELSINKI)
    begin = night + start * MINUTE
    wish = Wish(begin, begin + length * MINUTE, group, party)
    case = Case(desk, wish, hours_of(openings), others)
    try:
        check_new(case)
        refused = None
    except BookingRefused as error:
        refused = str(error)
    assert (refused is None) == simply_allowed(case, openings, group), refused
    if refused is None:
        return
    assert refused.endswith(".")
    assert len(refused) > 20
    for found in nearest(case):
        moved = Case(
            desk, Wish(found, found + wish.length, group, party), hours_of(openings), others
        )
        assert simply_allowed(moved, openings, group)


def test_the_nights_are_those_of_the_clock_changes() -> None:
    """Else the property above would say less than it seems to."""
    lengths = []
    for night in NIGHTS:
        begin = night.astimezone(HELSINKI).replace(tzinfo=None)
        assert begin.time() == time(0)
        after = (begin + timedelta(days=1)).replace(tzinfo=HELSINKI).astimezone(UTC)
        lengths.append((after - night) // timedelta(hours=1))
    assert lengths == [24, 23, 25]
    assert date(2026, 11, 25).weekday() == 2
