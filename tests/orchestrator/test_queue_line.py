"""A line of the queue over time: whatever happens, it stays fair."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import (
    Booking,
    BookingState,
    clash,
    spacing,
)
from orchestrator.domain.devices import Device
from orchestrator.domain.next_turn import Condition, Place
from orchestrator.domain.queue import Ticket, TicketState
from orchestrator.hours_of import hours_of
from orchestrator.office import Office
from orchestrator.queue_line import Line, Made
from orchestrator.store import bookings, queue
from orchestrator.store.database import Connection
from tests.orchestrator.domain.queues import NOW, POLICY
from tests.orchestrator.domain.test_queue import could
from tests.orchestrator.fakes import FakeClock, office
from tests.orchestrator.store.tables import empty_tables

MINUTE = timedelta(minutes=1)
DEVICES = [
    Device(Address("paja", "vr-1"), "vr", POLICY, "VR 1"),
    Device(Address("paja", "vr-2"), "vr", replace(POLICY, party=2, buffer=600), "VR 2"),
]


@dataclass
class Library:
    """Two devices, their line, and a store in memory."""

    rows: Connection
    office: Office
    clock: FakeClock
    conditions: dict[Address, Condition] = field(
        default_factory=lambda: {each.address: Condition.READY for each in DEVICES}
    )
    made: int = 0

    def line(self) -> Line:
        """Return the line as it is now."""
        return Line(self.office, "paja", "vr", self.clock.now(), self.conditions)

    def tickets(self) -> list[Ticket]:
        """Return who is at hand."""
        return queue.at_hand(self.rows, "paja", "vr")

    def everything(self) -> list[Booking]:
        """Return all bookings."""
        span = {"ends_after": NOW - MINUTE, "starts_before": NOW + timedelta(days=9)}
        return bookings.between(self.rows, **span)

    def join(self, group: str | None, party: int | None) -> None:
        """Give out a number."""
        line = self.line()
        number = queue.next_number(self.rows, "paja", "vr", line.day)
        ticket = Ticket(
            site="paja",
            kind="vr",
            day=line.day,
            number=number,
            joined_at=line.now,
            target_group=group,
            party_size=party,
        )
        queue.insert(self.rows, ticket)

    def book(self, place: int, minutes: int) -> None:
        """Book a device ahead, where there is room."""
        device, now = DEVICES[place], self.clock.now()
        begin = now + minutes * MINUTE
        mine = [each for each in self.everything() if each.address == device.address]
        if clash(mine, begin, begin + 30 * MINUTE, spacing=spacing(device.policy)) is None:
            self.made += 1
            booking = Booking(f"x{self.made}", device.address, begin, begin + 30 * MINUTE)
            bookings.insert(self.rows, booking, created=now)

    def settle(self, number: int, state: BookingState) -> None:
        """Let an offer be taken, lapse or be taken back."""
        held = [each for each in self.everything() if each.state is BookingState.OFFERED]
        if held:
            bookings.set_state(self.rows, held[number % len(held)], state)

    def leave(self, number: int) -> None:
        """Let somebody go."""
        tickets = self.tickets()
        if tickets:
            self.line().give_up(self.rows, tickets[number % len(tickets)], TicketState.LEFT)

    def flip(self, place: int, condition: Condition) -> None:
        """Let a device be otherwise."""
        self.conditions[DEVICES[place].address] = condition


@contextmanager
def library() -> Iterator[Library]:
    """Give a library with nobody in it."""
    clock = FakeClock()
    with closing(empty_tables()) as rows:
        devices = {each.address: each for each in DEVICES}
        yield Library(rows, office(None, now=clock.now, devices=devices), clock)  # type: ignore[arg-type] # no service is asked


places = st.integers(0, 1)
joins = st.tuples(st.just("join"), st.sampled_from((None, "nuoret")), st.none() | st.integers(1, 3))
happenings = st.one_of(
    joins,
    joins,
    st.tuples(st.just("tick"), st.integers(1, 40)),
    st.tuples(st.just("book"), places, st.integers(1, 90)),
    st.tuples(
        st.just("settle"),
        st.integers(0, 5),
        st.sampled_from((BookingState.CHECKED_IN, BookingState.RELEASED, BookingState.CANCELLED)),
    ),
    st.tuples(st.just("leave"), st.integers(0, 5)),
    st.tuples(st.just("flip"), places, st.sampled_from(Condition)),
)


def happen(house: Library, what: tuple[object, ...]) -> None:
    """Let one thing happen."""
    name, *values = what
    if name == "tick":
        house.clock.pass_by(int(str(values[0])) * 60)
    else:
        getattr(house, str(name))(*values)


def check_nothing_overlaps(house: Library) -> None:
    """Hold every two bookings of a device apart, with what is needed between."""
    for device in DEVICES:
        mine = [each for each in house.everything() if each.live and each.address == device.address]
        for earlier, later in pairwise(sorted(mine, key=lambda each: each.starts_at)):
            assert later.starts_at - earlier.ends_at >= spacing(device.policy)


def check_one_offer_each(house: Library) -> None:
    """Hold the offers against the numbers: one each, and none without, until their turn is over."""
    now = house.clock.now()
    offered = [each for each in house.tickets() if each.state is TicketState.OFFERED]
    held = [
        each.id
        for each in house.everything()
        if each.state is BookingState.OFFERED and each.ends_at > now
    ]
    assert sorted(each.booking or "" for each in offered) == sorted(held)


def check_nobody_is_passed_over(house: Library, made: Made) -> None:
    """Hold what was offered, and what is left, against everybody who waits."""
    now = house.clock.now()
    waiting = [each for each in house.tickets() if each.state is TicketState.WAITING]
    ours = {each.booking.id: each.ticket for each in made.offered if each.booking is not None}
    for device in DEVICES:
        mine = [each for each in house.everything() if each.address == device.address]
        offered = [ours[each.id] for each in mine if each.id in ours]
        place = stand(house, device, [each for each in mine if each.id not in ours], now)
        for each in waiting:
            if not offered or each.number < offered[0].number:
                assert not could(place, each, device.policy.shortest, now)


def stand(house: Library, device: Device, known: list[Booking], now: datetime) -> Place:
    """Return a device as it was before anything was offered."""
    spans = hours_of(house.rows, house.office, device)(device.policy, now, now + 600 * MINUTE)
    return Place(device, known, spans, house.conditions[device.address])


@settings(max_examples=80, deadline=None)
@given(st.lists(happenings, max_size=25))
def test_whatever_happens_the_line_is_fair(what: list[tuple[object, ...]]) -> None:
    """Nothing overlaps, nobody has two offers, nobody is passed over; looking again adds none."""
    with library() as house:
        for each in what:
            happen(house, each)
            due, next_at = house.line().look(house.rows)
            before = (house.tickets(), house.everything())
            made = house.line().move_on(house.rows)
            assert due is (before != (house.tickets(), house.everything()))
            assert due or next_at == made.next_at
            check_nothing_overlaps(house)
            check_one_offer_each(house)
            check_nobody_is_passed_over(house, made)
            again = house.line().move_on(house.rows)
            assert (again.offered, again.next_at) == ((), made.next_at)


@settings(max_examples=80, deadline=None)
@given(st.lists(happenings, max_size=15))
def test_the_next_moment_is_neither_early_nor_late(what: list[tuple[object, ...]]) -> None:
    """Just before it nothing can be offered; at it, something can, or the day is over."""
    with library() as house:
        for each in what:
            happen(house, each)
        for condition in house.conditions:
            house.conditions[condition] = Condition.READY
        line = house.line()
        next_at = line.move_on(house.rows).next_at
        if next_at is None:
            assert house.tickets() == []
            return
        left = (next_at - house.clock.now()).total_seconds()
        assert left > 0
        house.clock.pass_by(left - 0.001)
        assert house.line().move_on(house.rows).offered == ()
        house.clock.pass_by(0.001)
        made = house.line().move_on(house.rows)
        assert made.offered or next_at == line.midnight


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 22, tzinfo=UTC)),
        (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 21, tzinfo=UTC)),
    ],
)
def test_a_day_of_the_queue_is_a_local_one(now: datetime, midnight: datetime) -> None:
    """Of 25 hours where the clocks are put back, of 23 where they are put forward."""
    with library() as house:
        line = replace(house.line(), now=now)
        assert line.midnight == midnight
        assert replace(line, now=midnight).day == line.day + timedelta(days=1)
