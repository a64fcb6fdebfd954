"""The parts of a plan, from bookings and all else that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd, CheckIn, DatedCode, HashedCode, Notice, OutsideTurns
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState, Purpose
from orchestrator.domain.devices import CheckInBy, Device, Misfit, Per, Policy, Quota
from orchestrator.domain.plan_parts import Holds, turns, walk_in, windows
from orchestrator.domain.planning import (
    issue,
    look_ahead,
    next_boundary,
    plan_content,
    reach,
)
from orchestrator.domain.staff_words import StaffWords
from orchestrator.domain.windows import Usable

ADDRESS = Address("paja", "printer-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLICY = Policy(AtEnd.LOCK, warn_before=(600, 60), grace=120, outside_turns=OutsideTurns.OPEN)
DEVICE = Device(ADDRESS, "printer", POLICY, "Printer 1")
CODE = HashedCode(salt="0" * 32, hash="0" * 64)
FIRST, UNTIL = reach(DEVICE, NOW)
OPEN = Holds(usable=(Usable(NOW - 4 * HOUR, NOW + 6 * HOUR, group="nuoret"),))


def booked(start: float, end: float, name: str = "b1", **more: Any) -> Booking:  # noqa: ANN401 - a booking's fields
    """Return a booking in minutes after NOW."""
    return Booking(name, ADDRESS, NOW + start * MINUTE, NOW + end * MINUTE, "nuoret", 2, **more)


def day_code(days: int = 0) -> DatedCode:
    """Return the staff's code of a day."""
    return DatedCode(
        starts_at=NOW + timedelta(days=days), ends_at=NOW + timedelta(days=days + 1), code=CODE
    )


def test_a_turn_asks_for_its_code_until_the_customer_has_come() -> None:
    """With the policy's time to come; checked in, it opens by itself."""
    policy = replace(POLICY, check_in=CheckInBy.CODE, check_in_within=600)
    booking = booked(60, 120, check_in=CheckInBy.CODE, code=CODE)
    (turn,) = turns(policy, [booking], Holds())
    assert turn.check_in == CheckIn(within=600, code=CODE)
    here = replace(booking, state=BookingState.CHECKED_IN)
    (turn,) = turns(policy, [here], Holds())
    assert turn.check_in is None


def test_an_offer_is_held_for_the_first_in_line_only() -> None:
    """Also where the policy asks for no check-in: else the turn would open for anybody."""
    offer = booked(
        0, 30, state=BookingState.OFFERED, hold_until=NOW + 10 * MINUTE, walk_in=True, code=CODE
    )
    (turn,) = turns(POLICY, [offer], Holds())
    assert turn.check_in == CheckIn(within=600, code=CODE)


def test_an_events_turn_carries_its_rotation() -> None:
    """Participants change places by it, also where the orchestrator is away."""
    group = booked(0, 60, purpose=Purpose.EVENT, event="e1", rotate=360)
    (turn,) = turns(POLICY, [group], Holds())
    assert (turn.event, turn.rotate, turn.check_in) == ("e1", 360, None)


def test_a_block_gives_nobody_a_turn_and_closes_the_device() -> None:
    """What is open outside turns is not open then."""
    block = booked(60, 120, purpose=Purpose.BLOCK)
    content = plan_content(DEVICE, [block], NOW, holds=OPEN)
    assert content.turns == ()
    assert [(w.starts_at, w.ends_at) for w in content.windows] == [
        (max(FIRST, NOW - 4 * HOUR), NOW + HOUR),
        (NOW + 2 * HOUR, NOW + 6 * HOUR),
    ]
    alone = windows(POLICY, [block], Holds(), FIRST, UNTIL)
    assert alone is not None
    assert [(w.starts_at, w.ends_at) for w in alone] == [
        (FIRST, NOW + HOUR),
        (NOW + 2 * HOUR, UNTIL),
    ]


def test_nobody_sits_down_in_the_pause_after_a_turn() -> None:
    """The hygiene pause is kept free of walk-ins and open use as well."""
    policy = replace(POLICY, buffer=600)
    found = windows(policy, [booked(0, 60)], OPEN, FIRST, UNTIL)
    assert found is not None
    assert (found[0].ends_at, found[1].starts_at) == (NOW + 60 * MINUTE, NOW + 72 * MINUTE)


def test_without_hours_a_device_is_open_always() -> None:
    """A plan without windows leaves it to `outside_turns`."""
    content = plan_content(DEVICE, [], NOW)
    assert content.windows == ()
    assert content.outside_turns is OutsideTurns.OPEN


def test_a_device_that_is_never_open_in_the_plans_reach_is_closed() -> None:
    """An empty list of windows would say that it always is."""
    policy = replace(POLICY, walk_in=1800)
    content = plan_content(replace(DEVICE, policy=policy), [], NOW, holds=Holds(usable=()))
    assert content.windows == ()
    assert content.outside_turns is OutsideTurns.CLOSED
    assert content.walk_in is None


def test_a_walk_in_runs_by_the_policys_terms() -> None:
    """Its grace, its warnings, its end, and the pause before the next turn."""
    policy = replace(POLICY, walk_in=1800, shortest=600, buffer=300)
    found = walk_in(policy, OPEN)
    assert found is not None
    assert (found.max_seconds, found.min_seconds, found.gap, found.grace) == (1800, 600, 300, 120)
    assert (found.warn_before, found.at_end) == ((600, 60), AtEnd.LOCK)


@pytest.mark.parametrize(
    "change",
    [
        {"walk_in": 0},
        {"minimum_age": 13},
        {"guardian_below": 15},
        {"quotas": (Quota(1, Per.DAY),)},
    ],
)
def test_what_must_be_asked_at_the_desk_is_not_begun_at_the_device(change: dict[str, Any]) -> None:
    """A device asks nobody's age, and takes no card."""
    assert walk_in(replace(POLICY, **{"walk_in": 1800, **change}), OPEN) is None


def test_nobody_passes_those_who_wait() -> None:
    """While a customer has a number, there are no walk-ins at the device."""
    policy = replace(POLICY, walk_in=1800)
    assert walk_in(policy, replace(OPEN, waiting=True)) is None


def test_out_of_service_closes_the_device_and_takes_its_turns() -> None:
    """Staff moves the one that runs to another device, with its time."""
    words = StaffWords(out_of_service="fault")
    content = plan_content(DEVICE, [booked(-10, 60)], NOW, holds=replace(OPEN, words=words))
    assert content.outside_turns is OutsideTurns.OUT_OF_SERVICE
    assert (content.turns, content.walk_in) == ((), None)


def test_what_staff_ended_at_once_has_no_grace() -> None:
    """Else "end now" would end in two minutes."""
    words = StaffWords(ended="b1")
    (turn,) = turns(POLICY, [booked(-10, 0)], Holds(words=words))
    assert turn.grace == 0


def test_a_notice_goes_from_the_plan_when_its_time_is_over() -> None:
    """And the plan is looked at again just then."""
    notice = Notice(id="n1", phrase="closed_now", until=NOW + MINUTE)
    holds = replace(OPEN, words=StaffWords(notices=(notice,)))
    outlook = look_ahead(DEVICE, [], NOW, holds=holds)
    assert outlook.content.notices == (notice,)
    assert outlook.boundary == NOW + MINUTE
    assert plan_content(DEVICE, [], NOW + MINUTE, holds=holds).notices == ()


def test_a_plan_carries_the_staffs_codes_of_its_days() -> None:
    """With the longest turn, since staff knows what they do."""
    holds = replace(OPEN, staff_codes=(day_code(), day_code(1)))
    code = plan_content(DEVICE, [], NOW, holds=holds).staff_code
    assert code is not None
    assert (len(code.days), code.max_seconds) == (2, POLICY.longest)


def test_a_print_may_run_on_until_somebody_else_needs_the_device() -> None:
    """The next booking less its pause, or closing, whichever is first."""
    policy = replace(POLICY, at_end=AtEnd.FINISH_JOB, buffer=600, print_misfit=Misfit.REFUSE)
    first, second = turns(policy, [booked(0, 60), booked(120, 180, "b2")], OPEN)
    assert first.run_on == 50 * 60
    assert second.run_on == 3 * 3600
    content = plan_content(replace(DEVICE, policy=policy), [], NOW, holds=OPEN)
    assert content.print_fit is not None
    assert content.print_fit.misfit == "refuse"


spans = st.lists(
    st.tuples(st.integers(-600, 6000), st.integers(1, 900), st.booleans()), max_size=12
)
bookings_of_days = st.lists(
    st.builds(
        lambda start, length, name, state, purpose: booked(
            start, start + length, name, state=state, purpose=purpose
        ),
        st.integers(-600, 6000),
        st.integers(1, 600),
        st.sampled_from([f"b{number}" for number in range(12)]),
        st.sampled_from(BookingState),
        st.sampled_from(Purpose),
    ),
    max_size=10,
)
policies = st.builds(
    Policy,
    at_end=st.sampled_from(AtEnd),
    outside_turns=st.sampled_from(OutsideTurns),
    grace=st.integers(0, 600),
    buffer=st.integers(0, 1200),
    walk_in=st.integers(0, 7200),
    check_in=st.sampled_from(CheckInBy),
)


@st.composite
def circumstances(draw: st.DrawFn) -> Holds:
    """Return windows one after another, and staff's word."""
    usable, at = [], NOW - 10 * HOUR
    for gap, length, exclusive in draw(spans):
        starts_at = at + abs(gap) * MINUTE
        at = starts_at + length * MINUTE
        usable.append(Usable(starts_at, at, group="nuoret", exclusive=exclusive))
    return Holds(
        usable=draw(st.none() | st.just(tuple(usable))),
        waiting=draw(st.booleans()),
        words=StaffWords(
            out_of_service=draw(st.sampled_from([None, "fault"])),
            notices=tuple(
                Notice(id=f"n{number}", phrase="closed_now", until=NOW + minutes * MINUTE)
                for number, minutes in enumerate(draw(st.lists(st.integers(-9, 9), max_size=3)))
            ),
        ),
        staff_codes=draw(st.sampled_from([(), (day_code(),)])),
    )


@given(policy=policies, bookings=bookings_of_days, holds=circumstances())
def test_no_window_lies_in_a_block_or_outside_what_may_be_used(
    policy: Policy, bookings: list[Booking], holds: Holds
) -> None:
    """Whatever the store holds, a valid plan comes of it, which forbids what hours forbid."""
    device = replace(DEVICE, policy=policy)
    plan = issue(
        plan_content(device, bookings, NOW, holds=holds), issuer="main", revision=1, now=NOW
    )
    blocks = [each for each in bookings if each.live and each.purpose is Purpose.BLOCK]
    for window in plan.windows:
        for block in blocks:
            assert window.ends_at <= block.starts_at or block.ends_at <= window.starts_at
        if holds.usable is not None:
            assert any(
                span.starts_at <= window.starts_at and window.ends_at <= span.ends_at
                for span in holds.usable
            )
    if holds.usable == ():
        assert plan.outside_turns is not OutsideTurns.OPEN
        assert plan.walk_in is None


@given(policy=policies, bookings=bookings_of_days, holds=circumstances())
def test_time_changes_a_plan_at_its_boundary_and_not_before(
    policy: Policy, bookings: list[Booking], holds: Holds
) -> None:
    """What dispatch sleeps until; so no device is looked at for nothing."""
    device = replace(DEVICE, policy=policy)
    boundary = next_boundary(device, bookings, NOW, holds=holds)
    content = plan_content(device, bookings, NOW, holds=holds)
    assert boundary > NOW
    before = boundary - timedelta(milliseconds=1)
    assert plan_content(device, bookings, before, holds=holds) == content
    assert plan_content(device, bookings, boundary, holds=holds) != content
