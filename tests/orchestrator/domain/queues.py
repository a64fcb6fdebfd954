"""Lines and devices for the tests of the queue: everything on whole minutes of one day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import LIVE, Booking, BookingState, Purpose, clash, spacing
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.next_turn import Condition, Place
from orchestrator.domain.queue import Ticket

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
END = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = Policy(AtEnd.LOCK, shortest=600, longest=3600, walk_in=1800, grace=60, buffer=240)
VR = Device(Address("paja", "vr-1"), "vr", POLICY, "VR 1")
GROUPS = (None, "nuoret", "aikuiset")


@dataclass(frozen=True, slots=True)
class Span:
    """A usable span."""

    starts_at: datetime
    ends_at: datetime
    group: str | None = None
    exclusive: bool = False
    staffed: bool = True


ALWAYS = (Span(NOW - timedelta(hours=4), END),)


def at(minutes: float) -> datetime:
    """Return the time so many minutes after noon."""
    return NOW + minutes * MINUTE


def booked(first: float, last: float, **other: object) -> Booking:
    """Return a booking from minute to minute."""
    name = f"b{first}"
    return replace(Booking(name, VR.address, at(first), at(last)), **other)  # type: ignore[arg-type] # a test's shorthand


def ticket(number: int, group: str | None = None, party: int | None = None) -> Ticket:
    """Return a number that waits."""
    return Ticket(
        site="paja",
        kind="vr",
        day=date(2026, 11, 25),
        number=number,
        joined_at=NOW - timedelta(hours=1) + number * MINUTE,
        target_group=group,
        party_size=party,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy; some without walk-ins."""
    shortest = draw(st.sampled_from((1, 60, 600, 1800)))
    return Policy(
        AtEnd.LOCK,
        shortest=shortest,
        longest=draw(st.integers(shortest, 7200)),
        walk_in=draw(st.sampled_from((0, shortest, 3600))),
        grace=draw(st.sampled_from((0, 60))),
        buffer=draw(st.sampled_from((0, 600))),
        party=draw(st.integers(1, 6)),
        assumed_group=draw(st.sampled_from(GROUPS)),
    )


@st.composite
def places(draw: st.DrawFn, number: int) -> Place:
    """Draw a device with hours, and bookings that leave each other room."""
    policy = draw(policies())
    device = Device(Address("paja", f"vr-{number}"), "vr", policy, f"VR {number}")
    edges = sorted(draw(st.lists(st.integers(-60, 240), min_size=2, max_size=5, unique=True)))
    spans = [
        Span(at(first), at(last), draw(st.sampled_from(GROUPS)), draw(st.booleans()))
        for first, last in pairwise(edges)
        if draw(st.integers(0, 4))
    ]
    bookings: list[Booking] = []
    for first in draw(st.lists(st.integers(-90, 150), max_size=6)):
        new = replace(
            booked(first, first + draw(st.integers(1, 90))),
            address=device.address,
            state=draw(st.sampled_from((*sorted(LIVE), BookingState.RELEASED))),
            purpose=draw(st.sampled_from(list(Purpose))),
        )
        if clash(bookings, new.starts_at, new.ends_at, spacing=spacing(policy)) is None:
            bookings.append(new)
    return Place(device, bookings, spans, draw(st.sampled_from((Condition.READY, *Condition))))


@st.composite
def lines(draw: st.DrawFn) -> list[Ticket]:
    """Draw a line of customers, in any order."""
    made = [
        ticket(number, draw(st.sampled_from(GROUPS)), draw(st.none() | st.integers(1, 8)))
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]
    return list(draw(st.permutations(made)))
