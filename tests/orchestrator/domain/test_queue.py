"""The queue's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas.plan import HashedCode
from orchestrator.domain.booking_rules import Case, Wish, check_new
from orchestrator.domain.bookings import BookedBy, BookingRefused, BookingState, Desk
from orchestrator.domain.devices import ATTENDED, CheckInBy
from orchestrator.domain.next_turn import Condition, Place
from orchestrator.domain.queue import (
    Ticket,
    TicketState,
    check_in_by,
    forecast,
    next_moment,
    offered,
    offers,
    settled,
)
from tests.orchestrator.domain.queues import (
    ALWAYS,
    END,
    NOW,
    POLICY,
    VR,
    at,
    booked,
    lines,
    places,
    ticket,
)

TODAY = date(2026, 11, 25)
CODE = HashedCode(salt="0" * 32, hash="0" * 64)
PLACES = st.integers(0, 4).flatmap(
    lambda number: st.tuples(*(places(each) for each in range(number)))
)


def could(place: Place, customer: Ticket, seconds: int, now: datetime = NOW) -> bool:
    """Tell by the rules of bookings whether a customer could use a device for so long from now.

    Independent of how turns are looked for.
    """
    policy = place.device.policy
    policy = replace(policy, walk_in=policy.walk_in or policy.longest)
    wish = Wish(
        now,
        now + timedelta(seconds=seconds),
        customer.target_group,
        customer.party_size,
        walk_in=True,
    )
    desk = Desk(replace(place.device, policy=policy), now, UTC)

    def hours(_: object, first: object, last: object) -> object:
        return [each for each in place.spans if each.starts_at < last and first < each.ends_at]  # type: ignore[operator] # times

    try:
        check_new(Case(desk, wish, hours, place.bookings))  # type: ignore[arg-type] # a plain function
    except BookingRefused:
        return False
    return place.condition is Condition.READY


@given(line=lines(), stands=PLACES)
def test_nobody_is_passed_over(line: list[Ticket], stands: tuple[Place, ...]) -> None:
    """No offer is of a turn that somebody who joined earlier, and got none, could have had."""
    made = offers(line, stands, NOW)
    lucky = {offer.ticket.number for offer in made}
    at_address = {place.device.address: place for place in stands}
    for offer in made:
        place = at_address[offer.device.address]
        earlier = [each for each in line if each.number < offer.ticket.number]
        for customer in earlier:
            if customer.number not in lucky:
                assert not could(place, customer, place.device.policy.shortest)


@given(line=lines(), stands=PLACES)
def test_nobody_is_kept_waiting_for_nothing(line: list[Ticket], stands: tuple[Place, ...]) -> None:
    """Who gets no offer could use none of the devices that are left."""
    made = offers(line, stands, NOW)
    lucky = {offer.ticket.number for offer in made}
    given_out = {offer.device.address for offer in made}
    for customer in line:
        if customer.number in lucky:
            continue
        for place in stands:
            if place.device.address not in given_out:
                assert not could(place, customer, place.device.policy.shortest)


@settings(max_examples=400)
@given(line=lines(), stands=PLACES)
def test_every_offer_keeps_every_rule(line: list[Ticket], stands: tuple[Place, ...]) -> None:
    """It overlaps nothing, lies in the hours of its group, and is of a fit length."""
    made = offers(line, stands, NOW)
    at_address = {place.device.address: place for place in stands}
    assert len({offer.ticket.number for offer in made}) == len(made)
    assert len({offer.device.address for offer in made}) == len(made)
    for offer in made:
        place, policy = at_address[offer.device.address], offer.device.policy
        assert timedelta(seconds=policy.shortest) <= offer.turn.length
        assert could(place, offer.ticket, round(offer.turn.length.total_seconds()))


@given(line=lines(), stands=PLACES)
def test_an_offer_is_what_was_forecast_or_better(
    line: list[Ticket], stands: tuple[Place, ...]
) -> None:
    """Whoever is offered a turn now was told that it would be now."""
    for offer in offers(line, stands, NOW):
        foreseen = forecast([each for each in line if each == offer.ticket], stands, NOW, END)
        assert foreseen[offer.ticket.number] == NOW


def test_the_first_in_line_gets_the_longest_turn() -> None:
    """The next one gets what is left, and the third waits."""
    other = replace(VR, address=replace(VR.address, device="vr-2"))
    stands = [Place(VR, [booked(25, 60)], ALWAYS), Place(other, [], ALWAYS)]
    made = offers([ticket(3), ticket(2), ticket(1)], stands, NOW)
    assert [(offer.ticket.number, offer.device) for offer in made] == [(1, other), (2, VR)]


def test_only_who_waits_is_offered_a_turn() -> None:
    """At most one for each number."""
    line = [replace(ticket(number), state=state) for number, state in enumerate(TicketState)]
    made = offers(line, [Place(VR, [], ALWAYS)], NOW)
    assert [offer.ticket.state for offer in made] == [TicketState.WAITING]


def test_waits_are_foreseen_one_after_the_other() -> None:
    """By the turns that run and are booked; None where the day ends before."""
    running = booked(-20, 10, state=BookingState.CHECKED_IN)
    stands = [Place(VR, [running, booked(80, 500)], ALWAYS, Condition.BUSY)]
    expected = forecast([ticket(1), ticket(2), ticket(3)], stands, NOW, END)
    assert expected == {1: at(15), 2: at(50), 3: at(505)}
    assert next_moment(expected, NOW) == at(15)
    again = [Place(VR, [running, booked(80, 500)], ALWAYS, Condition.BUSY)]
    assert forecast([ticket(n) for n in (1, 2, 3)], again, NOW, at(500))[3] is None


def test_nothing_is_foreseen_of_a_device_that_is_away() -> None:
    """A printer that is off makes no promise."""
    for condition in (Condition.AWAY, Condition.BUSY):
        expected = forecast([ticket(1)], [Place(VR, [], ALWAYS, condition)], NOW, END)
        assert expected == {1: None}
        assert next_moment(expected, NOW) is None


@pytest.mark.parametrize(
    ("policy", "kind", "by"),
    [
        (POLICY, "vr", CheckInBy.CODE),
        (POLICY, ATTENDED, CheckInBy.STAFF),
        (replace(POLICY, check_in=CheckInBy.CODE), ATTENDED, CheckInBy.STAFF),
        (replace(POLICY, minimum_age=13), "vr", CheckInBy.STAFF),
        (replace(POLICY, guardian_below=15), "vr", CheckInBy.STAFF),
        (replace(POLICY, check_in=CheckInBy.STAFF), "vr", CheckInBy.STAFF),
        (replace(POLICY, check_in=CheckInBy.CODE, minimum_age=13), "vr", CheckInBy.CODE),
    ],
)
def test_an_offer_is_always_accepted_somehow(policy: object, kind: str, by: CheckInBy) -> None:
    """By code, but where there is nothing to type it into, or somebody has to be asked."""
    assert check_in_by(replace(VR, kind=kind, policy=policy)) is by  # type: ignore[arg-type] # of the table


def test_an_offer_is_a_turn_that_is_held() -> None:
    """For the policy's time, with the code that was given with the number."""
    customer = replace(ticket(1, "nuoret", 2), code=CODE)
    (offer,) = offers([customer], [Place(VR, [], ALWAYS)], NOW)
    booking = offered(offer, "b1", NOW)
    assert (booking.starts_at, booking.ends_at, booking.hold_until) == (NOW, at(30), at(10))
    assert (booking.state, booking.by) == (BookingState.OFFERED, BookedBy.QUEUE)
    assert (booking.target_group, booking.party_size) == ("nuoret", 2)
    assert (booking.check_in, booking.code, booking.walk_in) == (CheckInBy.CODE, CODE, True)
    staffed = replace(VR, policy=replace(POLICY, check_in=CheckInBy.STAFF, offer=9000))
    (offer,) = offers([customer], [Place(staffed, [], ALWAYS)], NOW)
    booking = offered(offer, "b1", NOW)
    assert (booking.check_in, booking.code) == (CheckInBy.STAFF, None)
    assert booking.hold_until == booking.ends_at


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        (BookingState.OFFERED, TicketState.OFFERED),
        (BookingState.BOOKED, TicketState.OFFERED),
        (BookingState.CHECKED_IN, TicketState.TAKEN),
        (BookingState.USED, TicketState.TAKEN),
        (BookingState.RELEASED, TicketState.EXPIRED),
        (BookingState.NO_SHOW, TicketState.EXPIRED),
        (BookingState.CANCELLED, TicketState.WAITING),
    ],
)
def test_a_number_stands_where_its_turn_does(state: BookingState, stands: TicketState) -> None:
    """However the turn came to that; one whose turn was taken back waits at its old place."""
    customer = replace(ticket(1), state=TicketState.OFFERED)
    turn = booked(0, 30, state=state)
    assert settled(customer, turn, NOW, TODAY) is stands
    assert settled(customer, None, NOW, TODAY) is TicketState.EXPIRED
    assert settled(ticket(1), turn, NOW, TODAY) is TicketState.WAITING


def test_a_number_ends_with_its_day_or_its_turn() -> None:
    """An offer over midnight stands; one of a device that never told ends with its time."""
    tomorrow = TODAY + timedelta(days=1)
    customer = replace(ticket(1), state=TicketState.OFFERED)
    turn = booked(0, 30, state=BookingState.OFFERED)
    assert settled(ticket(1), None, NOW, tomorrow) is TicketState.EXPIRED
    assert settled(customer, turn, at(29), tomorrow) is TicketState.OFFERED
    assert settled(customer, turn, at(30), TODAY) is TicketState.EXPIRED
    back = replace(turn, state=BookingState.CANCELLED)
    assert settled(customer, back, NOW, tomorrow) is TicketState.EXPIRED
