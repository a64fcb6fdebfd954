"""What a device's plan says, and when time alone changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.plan import MAX_TURNS, AtEnd, OutsideTurns
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.planning import (
    HORIZON,
    issue,
    last_move,
    next_boundary,
    plan_content,
    says,
)

ADDRESS = Address("paja", "printer-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
POLICY = Policy(AtEnd.LOCK, warn_before=(600, 300, 60), grace=120)
DEVICE = Device(ADDRESS, "printer", POLICY, "Printer 1")
TICK = timedelta(milliseconds=1)


def booked(start: float, end: float, name: str = "b1") -> Booking:
    """Return a booking in minutes after NOW."""
    minute = timedelta(minutes=1)
    return Booking(name, ADDRESS, NOW + start * minute, NOW + end * minute, "nuoret", 2)


policies = st.builds(
    Policy,
    at_end=st.sampled_from(AtEnd),
    outside_turns=st.sampled_from(OutsideTurns),
    after_expiry=st.sampled_from([OutsideTurns.OPEN, OutsideTurns.CLOSED]),
    grace=st.integers(0, 7200),
    longest=st.integers(60, 86_400),
)
devices = st.builds(
    Device,
    address=st.builds(Address, st.just("paja"), st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)),
    kind=st.just("printer"),
    policy=policies,
    name=st.just("Printer"),
)
bookings_of_days = st.lists(
    st.builds(
        lambda start, length, name, state: replace(
            booked(start, start + length, name), state=state
        ),
        st.floats(-10_000, 10_000),
        st.floats(0.01, 2000),
        st.sampled_from([f"b{number}" for number in range(20)]),
        st.sampled_from(BookingState),
    ),
    max_size=12,
)


def test_a_booking_becomes_a_turn_by_the_policy() -> None:
    """With its group and party, as the device and the count need them."""
    (turn,) = plan_content(DEVICE, [booked(60, 120)], NOW).turns
    assert (turn.id, turn.target_group, turn.party_size) == ("b1", "nuoret", 2)
    assert (turn.starts_at, turn.ends_at) == (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    assert (turn.at_end, turn.grace, turn.warn_before) == (AtEnd.LOCK, 120, (600, 300, 60))


def test_warnings_longer_than_the_turn_are_left_out() -> None:
    """A five-minute turn can't be warned of five minutes before its end."""
    (turn,) = plan_content(DEVICE, [booked(60, 65)], NOW).turns
    assert turn.warn_before == (60,)


def test_cancelled_bookings_are_not_planned() -> None:
    """A cancelled running turn goes from the plan, and the agent ends it."""
    gone = replace(booked(-10, 60), state=BookingState.CANCELLED)
    assert plan_content(DEVICE, [gone], NOW).turns == ()


@pytest.mark.parametrize(
    ("at_end", "hours"), [(AtEnd.LOCK, 1), (AtEnd.END, 1), (AtEnd.FINISH_JOB, 8), (AtEnd.NOTIFY, 8)]
)
def test_an_ended_turn_stays_for_its_overrun(at_end: AtEnd, hours: int) -> None:
    """An hour past its grace; as long as a turn can be where its job may run on."""
    device = replace(DEVICE, policy=replace(POLICY, at_end=at_end))
    gone = NOW + timedelta(hours=hours, seconds=120)
    ended = [booked(-60, 0)]
    assert len(plan_content(device, ended, gone - TICK).turns) == 1
    assert plan_content(device, ended, gone).turns == ()


def test_a_grace_gives_way_to_the_next_turn() -> None:
    """A policy changed after the bookings were made spoils no plan."""
    first, second = plan_content(DEVICE, [booked(0, 60), booked(61, 90, "b2")], NOW).turns
    assert (first.grace, second.grace) == (60, 120)


def test_a_plan_holds_no_more_turns_than_the_contract_lets_it() -> None:
    """It is then valid only up to the first turn that it leaves out."""
    many = [booked(n, n + 1, f"b{n}") for n in range(MAX_TURNS + 5)]
    content = plan_content(DEVICE, many, NOW)
    assert len(content.turns) == MAX_TURNS
    assert content.valid_until == many[MAX_TURNS].starts_at


@given(device=devices, now=st.datetimes(datetime(1970, 1, 10), datetime(9998, 1, 1)))  # noqa: DTZ001
def test_a_plan_always_reaches_72_to_96_hours_on(device: Device, now: datetime) -> None:
    """Moved on once a day at a minute of the device's own."""
    now = now.replace(tzinfo=UTC)
    left = plan_content(device, [], now).valid_until - now
    assert timedelta(hours=72) < left <= HORIZON


def test_devices_move_on_at_minutes_of_their_own() -> None:
    """A thousand devices do not get their plans in one second."""
    moves = {last_move(Address("paja", f"d{number}"), NOW) for number in range(1000)}
    assert len(moves) > 600


@given(device=devices, bookings=bookings_of_days)
def test_planning_is_total_and_its_turns_never_overlap(
    device: Device, bookings: list[Booking]
) -> None:
    """Whatever the store holds, a valid plan comes of it, each grace ended by the next start."""
    plan = issue(plan_content(device, bookings, NOW), issuer="main", revision=1, now=NOW)
    for earlier, later in pairwise(plan.turns):
        assert earlier.ends_at + timedelta(seconds=earlier.grace) <= later.starts_at


@given(device=devices, bookings=bookings_of_days, seed=st.randoms(use_true_random=False))
def test_equal_bookings_in_any_order_give_an_equal_plan(
    device: Device, bookings: list[Booking], seed: object
) -> None:
    """So that a restart issues no new revision."""
    unique = list({booking.id: booking for booking in bookings}.values())
    content = plan_content(device, unique, NOW)
    plan = issue(content, issuer="main", revision=7, now=NOW)
    again = plan_content(device, reversed(unique), NOW)
    assert again == content
    assert says(plan, again, "main")
    assert not says(plan, again, "other")


@given(device=devices, bookings=bookings_of_days)
def test_content_changes_at_the_next_boundary_and_not_before(
    device: Device, bookings: list[Booking]
) -> None:
    """What dispatch sleeps until."""
    boundary = next_boundary(device, bookings, NOW)
    content = plan_content(device, bookings, NOW)
    assert boundary > NOW
    assert plan_content(device, bookings, boundary - TICK) == content
    assert plan_content(device, bookings, boundary) != content


def test_a_turn_that_begins_within_the_horizon_is_planned_whole() -> None:
    """Also where it ends beyond: what has begun is carried to its end."""
    until = plan_content(DEVICE, [], NOW).valid_until
    minutes = (until - NOW).total_seconds() / 60
    (turn,) = plan_content(DEVICE, [booked(minutes - 1, minutes + 60)], NOW).turns
    assert turn.ends_at > until
    assert plan_content(DEVICE, [booked(minutes, minutes + 60)], NOW).turns == ()


def test_a_turn_comes_into_the_plan_when_the_horizon_reaches_it() -> None:
    """At the daily move, not before."""
    far = [booked(5 * 1440, 5 * 1440 + 60)]
    assert plan_content(DEVICE, far, NOW).turns == ()
    boundary = next_boundary(DEVICE, far, NOW)
    later = next_boundary(DEVICE, far, boundary)
    assert len(plan_content(DEVICE, far, later).turns) == 1
