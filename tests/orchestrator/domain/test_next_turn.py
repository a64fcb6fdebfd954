"""The next turn that somebody without a booking could have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.bookings import BookingState
from orchestrator.domain.next_turn import Condition, FreeTurn, Place
from tests.orchestrator.domain.queues import ALWAYS, GROUPS, NOW, POLICY, VR, Span, at, booked
from tests.orchestrator.domain.queues import places as any_place


def turn(first: float, last: float, group: str | None = None, *, assumed: bool = False) -> FreeTurn:
    """Return a turn from minute to minute."""
    return FreeTurn(at(first), at(last), group, assumed)


def test_a_free_device_gives_the_longest_walk_in() -> None:
    """Or the longest turn, where walk-ins have no maximum of their own."""
    assert Place(VR, [], ALWAYS).next_turn(NOW, None, None) == turn(0, 30)
    booked_only = replace(VR, policy=replace(POLICY, walk_in=0))
    assert Place(booked_only, [], ALWAYS).next_turn(NOW, None, None) == turn(0, 60)
    brief = replace(VR, policy=replace(POLICY, walk_in=300))
    assert Place(brief, [], ALWAYS).next_turn(NOW, None, None) == turn(0, 5)


def test_a_turn_ends_before_the_next_booking_less_what_is_needed_between() -> None:
    """A minute of grace and four of cleaning; where less than the shortest is left, it is later."""
    assert Place(VR, [booked(25, 60)], ALWAYS).next_turn(NOW, None, None) == turn(0, 20)
    assert Place(VR, [booked(15, 60)], ALWAYS).next_turn(NOW, None, None) == turn(0, 10)
    assert Place(VR, [booked(14, 60)], ALWAYS).next_turn(NOW, None, None) == turn(65, 95)


def test_a_turn_begins_after_the_one_before_and_what_is_needed_between() -> None:
    """Bookings that were given back need no room."""
    running = booked(-20, 10)
    assert Place(VR, [running], ALWAYS).next_turn(NOW, None, None) == turn(15, 45)
    over = replace(running, state=BookingState.RELEASED)
    assert Place(VR, [over], ALWAYS).next_turn(NOW, None, None) == turn(0, 30)


def test_a_turn_lies_within_the_hours() -> None:
    """Spans that touch are one; where too little is left, none is given."""
    short = (Span(at(-60), at(12)), Span(at(12), at(20)), Span(at(60), at(65)))
    assert Place(VR, [], short).next_turn(NOW, None, None) == turn(0, 20)
    assert Place(VR, [], short).next_turn(at(11), None, None) is None
    assert Place(VR, [], ()).next_turn(NOW, None, None) is None


def test_hours_of_another_group_are_closed() -> None:
    """Who declares no group is taken for the hour's, and that is marked."""
    youth = (Span(at(-60), at(15)), Span(at(15), at(90), "nuoret", exclusive=True))
    place = Place(VR, [], youth)
    assert place.next_turn(NOW, "aikuiset", None) == turn(0, 15, "aikuiset")
    assert place.next_turn(at(20), "aikuiset", None) is None
    assert place.next_turn(at(10), "nuoret", None) == turn(10, 40, "nuoret")
    assert place.next_turn(at(20), None, None) == turn(20, 50, "nuoret", assumed=True)
    assert place.next_turn(NOW, None, None) == turn(0, 15)


def test_a_party_that_is_too_large_gets_no_turn() -> None:
    """As the policy says."""
    small = Place(replace(VR, policy=replace(POLICY, party=2)), [], ALWAYS)
    assert small.next_turn(NOW, None, 2) is not None
    assert small.next_turn(NOW, None, 3) is None


def test_a_turn_ends_on_a_whole_minute_where_that_leaves_it_long_enough() -> None:
    """People are told 12:30, not 12:30:20."""
    found = Place(VR, [], ALWAYS).next_turn(at(0.3), None, None)
    assert found == FreeTurn(at(0.3), at(30))
    exact = replace(VR, policy=replace(POLICY, walk_in=600))
    assert Place(exact, [], ALWAYS).next_turn(at(0.3), None, None) == FreeTurn(at(0.3), at(10.3))


def test_what_is_held_is_not_given_again() -> None:
    """A forecast gives each customer another turn."""
    place = Place(VR, [], ALWAYS)
    place.take(turn(0, 30))
    assert place.next_turn(NOW, None, None) == turn(35, 65)


@pytest.mark.parametrize(
    ("condition", "bookings", "works"),
    [
        (Condition.READY, [], True),
        (Condition.AWAY, [booked(-10, 10)], False),
        (Condition.BUSY, [booked(-10, 10)], True),
        (Condition.BUSY, [booked(-10, -2)], True),
        (Condition.BUSY, [booked(-10, -5)], False),
        (Condition.BUSY, [booked(10, 20)], False),
    ],
)
def test_a_device_in_use_will_be_free_if_a_turn_says_when(
    condition: Condition,
    bookings: list[object],
    works: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """Nobody knows when other use ends."""
    assert Place(VR, bookings, ALWAYS, condition).works(NOW) is works  # type: ignore[arg-type] # of the table


@given(
    place=any_place(1),
    since=st.integers(0, 300),
    group=st.sampled_from(GROUPS),
    party=st.none() | st.integers(1, 8),
)
def test_no_earlier_turn_is_passed_over(
    place: Place, since: int, group: str | None, party: int | None
) -> None:
    """Asked again at any minute up to it, the device names the same turn; and none before it."""
    found = place.next_turn(at(since), group, party)
    for minute in range(since, 520):
        again = place.next_turn(at(minute), group, party)
        if found is None:
            assert again is None
        elif at(minute) <= found.starts_at:
            assert again == found
