"""Whether a print would be done in time, and the next turn in which it would."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.devices import Misfit, Policy
from orchestrator.domain.print_fit import (
    LONGEST_RUN_ON,
    MARGIN_PERCENT,
    Fit,
    Limit,
    Open,
    Printed,
    Why,
    closing,
    corrected,
    fit,
    joined,
    limit,
    next_fit,
    ratio_percent,
    run_on,
    said,
)
from tests.orchestrator.fakes import NOW, PRINTER

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ENDS = Policy(AtEnd.END, grace=60, buffer=600, shortest=600, longest=8 * 3600)
FINISHES = replace(ENDS, at_end=AtEnd.FINISH_JOB)


def booking(
    starts_in: timedelta, length: timedelta, state: BookingState = BookingState.BOOKED
) -> Booking:
    """Return a booking of the printer."""
    starts_at = NOW + starts_in
    return Booking(str(starts_in), PRINTER.address, starts_at, starts_at + length, state=state)


def prints(*percents: int) -> list[Printed]:
    """Return prints that took so many percent of what was estimated."""
    return [Printed(1_000_000, 10_000 * percent) for percent in percents]


@pytest.mark.parametrize(
    ("percents", "ratio"),
    [
        ((), MARGIN_PERCENT),
        ((300, 300), MARGIN_PERCENT),
        ((100, 100, 100), 100),
        ((101, 101, 101), 105),
        ((120, 125, 900), 125),
        ((80, 90, 90, 120), 90),
        ((1, 1, 1), 10),
        ((5000, 5000, 5000), 1000),
        ((300,) * 20 + (100,) * 30, 100),
    ],
)
def test_the_ratio_is_what_the_newest_prints_took(percents: tuple[int, ...], ratio: int) -> None:
    """The median of the last thirty, rounded up to 5 %; of fewer than three, a margin."""
    assert ratio_percent(prints(*percents)) == ratio


def test_a_print_without_an_estimate_says_nothing() -> None:
    """Nothing can be divided by it."""
    assert ratio_percent([Printed(0, 1000)] * 9) == MARGIN_PERCENT


def test_a_print_that_its_turn_would_end_must_be_done_by_then() -> None:
    """Neither what follows nor closing is nearer."""
    found = limit(
        ENDS, turn_ends_at=NOW + HOUR, next_starts_at=NOW + 9 * HOUR, closes_at=NOW + 9 * HOUR
    )
    assert found == Limit(NOW + HOUR, Why.TURN)
    assert run_on(found, NOW + HOUR) == 0


@pytest.mark.parametrize(
    ("following", "closes", "over_closing", "at", "why"),
    [
        (None, None, False, None, Why.NOTHING),
        (3 * HOUR, None, False, 3 * HOUR - 10 * MINUTE, Why.BOOKING),
        (None, 2 * HOUR, False, 2 * HOUR, Why.CLOSING),
        (3 * HOUR, 2 * HOUR, False, 2 * HOUR, Why.CLOSING),
        (3 * HOUR, 2 * HOUR, True, 3 * HOUR - 10 * MINUTE, Why.BOOKING),
        (None, 2 * HOUR, True, None, Why.NOTHING),
        (HOUR, None, False, HOUR, Why.TURN),
    ],
)
def test_a_print_that_may_run_on_must_be_done_before_what_follows(
    following: timedelta | None,
    closes: timedelta | None,
    over_closing: bool,  # noqa: FBT001 - a parameter of pytest
    at: timedelta | None,
    why: Why,
) -> None:
    """The next booking less the buffer, and closing but by staff's leave; never before its end."""
    found = limit(
        FINISHES,
        turn_ends_at=NOW + HOUR,
        next_starts_at=None if following is None else NOW + following,
        closes_at=None if closes is None else NOW + closes,
        over_closing=over_closing,
    )
    assert found == Limit(None if at is None else NOW + at, why)
    expected = LONGEST_RUN_ON if at is None else at - HOUR
    assert run_on(found, NOW + HOUR) == expected.total_seconds()


def test_a_print_fits_up_to_its_limit() -> None:
    """To the second; past it, the time over is told."""
    found = Limit(NOW + HOUR, Why.TURN)
    assert fit(HOUR, NOW, found) == Fit(fits=True, done_at=NOW + HOUR, limit=found)
    late = fit(HOUR + MINUTE, NOW, found)
    assert not late.fits
    assert late.over == MINUTE
    unlimited = fit(99 * HOUR, NOW, Limit(None, Why.NOTHING))
    assert unlimited.fits
    assert unlimited.over == timedelta(0)


def test_the_plan_says_what_the_policy_does() -> None:
    """Where misfits are left alone it says nothing."""
    refused = said(replace(ENDS, print_misfit=Misfit.REFUSE), prints(150, 150, 150))
    assert refused is not None
    assert (refused.misfit, refused.ratio_percent) == ("refuse", 150)
    warned = said(ENDS, [])
    assert warned is not None
    assert (warned.misfit, warned.ratio_percent) == ("warn", MARGIN_PERCENT)
    assert said(replace(ENDS, print_misfit=Misfit.LEAVE), []) is None


def test_closing_is_the_end_of_use_whatever_its_seams() -> None:
    """Self-service hours after staffed ones are no closing; in a gap the device is closed."""
    hours = [(1, 2), (0, 1), (3, 4)]
    spans = [Open(NOW + first * HOUR, NOW + last * HOUR) for first, last in hours]
    assert joined(spans) == [Open(NOW, NOW + 2 * HOUR), Open(NOW + 3 * HOUR, NOW + 4 * HOUR)]
    assert closing(spans, NOW) == NOW + 2 * HOUR
    assert closing(spans, NOW + 2 * HOUR) == NOW + 2 * HOUR
    assert closing(spans, NOW + 3 * HOUR) == NOW + 4 * HOUR


def test_the_next_turn_that_fits_lies_between_bookings() -> None:
    """With grace and buffer at both sides, on the grid, and never in the past."""
    usable = [Open(NOW - HOUR, NOW + 10 * HOUR)]
    booked = [booking(timedelta(0), HOUR), booking(3 * HOUR, HOUR)]

    def quarter(moment: datetime) -> datetime:
        return moment + timedelta(minutes=-moment.minute % 15)

    found = next_fit(ENDS, 100 * MINUTE, usable=usable, bookings=booked, after=NOW, align=quarter)
    # From 13:11 to 14:49 there are 98 min: too few. After 16:11 there is room.
    assert found == (
        NOW + 4 * HOUR + 15 * MINUTE,
        NOW + 4 * HOUR + 115 * MINUTE,
        NOW + 4 * HOUR + 115 * MINUTE,
    )
    shorter = next_fit(ENDS, 90 * MINUTE, usable=usable, bookings=booked, after=NOW)
    assert shorter is not None
    assert shorter.starts_at == NOW + 71 * MINUTE


def test_a_print_longer_than_any_turn_fits_only_where_it_may_run_on() -> None:
    """Else its turn would end it."""
    usable = [Open(NOW, NOW + 20 * HOUR)]
    assert next_fit(ENDS, 9 * HOUR, usable=usable, bookings=[], after=NOW) is None
    found = next_fit(FINISHES, 9 * HOUR, usable=usable, bookings=[], after=NOW)
    assert found == (NOW, NOW + 8 * HOUR, NOW + 9 * HOUR)
    assert next_fit(FINISHES, 21 * HOUR, usable=usable, bookings=[], after=NOW) is None


def test_what_is_cancelled_takes_no_room() -> None:
    """Nor does what was released."""
    usable = [Open(NOW, NOW + 4 * HOUR)]
    gone = [booking(HOUR, HOUR, state=BookingState.CANCELLED)]
    found = next_fit(ENDS, 3 * HOUR, usable=usable, bookings=gone, after=NOW)
    assert found is not None
    assert found.starts_at == NOW


minutes = st.integers(0, 600).map(lambda count: count * MINUTE)


@given(
    policy=st.sampled_from([ENDS, FINISHES]),
    spans=st.lists(st.tuples(minutes, minutes), max_size=4),
    turns=st.lists(st.tuples(minutes, minutes), max_size=4),
    needs=minutes,
    after=minutes,
)
def test_a_turn_that_is_offered_is_free(
    policy: Policy,
    spans: list[tuple[timedelta, timedelta]],
    turns: list[tuple[timedelta, timedelta]],
    needs: timedelta,
    after: timedelta,
) -> None:
    """Minute by minute: open, and away from every booking; and no earlier start would do."""
    usable = [Open(NOW + at, NOW + at + length + MINUTE) for at, length in spans]
    booked = [booking(at, length + MINUTE) for at, length in turns]
    room = timedelta(seconds=policy.grace + policy.buffer)

    def free(moment: datetime) -> bool:
        taken = any(b.starts_at - room <= moment < b.ends_at + room for b in booked)
        return not taken and any(s.starts_at <= moment < s.ends_at for s in usable)

    def fits(starts_at: datetime) -> bool:
        length = max(needs, timedelta(seconds=policy.shortest))
        count = int(length / MINUTE)
        return all(free(starts_at + step * MINUTE) for step in range(count))

    found = next_fit(policy, needs, usable=usable, bookings=booked, after=NOW + after)
    starts = [NOW + after + step * MINUTE for step in range(1300)]
    possible = needs <= timedelta(seconds=policy.longest) or policy is FINISHES
    expected = next((start for start in starts if fits(start)), None) if possible else None
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.starts_at == expected
        assert found.done_at == found.starts_at + needs


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=40))
def test_any_history_gives_a_ratio_that_a_plan_can_say(history: list[tuple[int, int]]) -> None:
    """Between 10 and 1000 percent, in steps of 5."""
    found = said(ENDS, [Printed(*each) for each in history])
    assert found is not None
    assert found.ratio_percent % 5 == 0


def test_a_print_takes_its_share_more_than_estimated() -> None:
    """By the device's own history."""
    assert corrected(HOUR, 110) == 66 * MINUTE
