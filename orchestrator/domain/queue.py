"""PURE: who waits for a device of a kind, who is next, and which turn is offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from mqtt_schemas.plan import HashedCode
from orchestrator.domain.bookings import BookedBy, Booking, BookingState
from orchestrator.domain.devices import ATTENDED, CheckInBy, Device
from orchestrator.domain.next_turn import Condition, FreeTurn, Place


class TicketState(StrEnum):
    """Where a number stands.

    offered: a turn is held for it. taken: it was taken. left: the customer, or staff for them,
    gave the number up. expired: the offer, or the day, passed.
    """

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    LEFT = "left"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A number in the queue for a kind of device. Names nobody.

    day: local; numbers count from 1 each day. booking: the turn that is, or was, offered.
    code: of check-in, once a turn is offered; the words themselves are kept nowhere. mark: what
    a quota counts the customer by (orchestrator.domain.quota).
    """

    site: str
    kind: str
    day: date
    number: int
    joined_at: datetime
    state: TicketState = TicketState.WAITING
    target_group: str | None = None
    party_size: int | None = None
    booking: str | None = None
    code: HashedCode | None = field(default=None, repr=False)
    mark: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """What it is called in the audit log."""
        return f"{self.site}/{self.kind}/{self.day}/{self.number}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A turn that is to be held for a number, now."""

    ticket: Ticket
    device: Device
    turn: FreeTurn


def offers(line: Iterable[Ticket], places: Sequence[Place], now: datetime) -> list[Offer]:
    """Return who is to be offered which turn now.

    In the order of joining, each gets the longest turn that can begin at once, of devices that
    are ready. Nobody is passed over for a turn that they could have.
    """
    free = [place for place in places if place.condition is Condition.READY]
    made: list[Offer] = []
    for ticket in in_order(line):
        found = [
            (turn, place)
            for place in free
            if (turn := _turn(place, ticket, now)) is not None and turn.starts_at == now
        ]
        if found:
            turn, place = max(found, key=lambda each: each[0].length)
            free.remove(place)
            made.append(Offer(ticket, place.device, turn))
    return made


def forecast(
    line: Iterable[Ticket], places: Sequence[Place], now: datetime, until: datetime
) -> dict[int, datetime | None]:
    """Return when each number is likely to get a turn, by what is booked and who is before them.

    None: none that begins before `until` can be foreseen. The places are used up by it.
    """
    working = [place for place in places if place.works(now)]
    expected: dict[int, datetime | None] = {}
    for ticket in in_order(line):
        found = [
            (turn, place)
            for place in working
            if (turn := _turn(place, ticket, now)) is not None and turn.starts_at < until
        ]
        if not found:
            expected[ticket.number] = None
            continue
        turn, place = min(found, key=lambda each: (each[0].starts_at, -each[0].length))
        place.take(turn)
        expected[ticket.number] = turn.starts_at
    return expected


def next_moment(expected: Mapping[int, datetime | None], now: datetime) -> datetime | None:
    """Return when time alone will let an offer be made, or None."""
    return min((start for start in expected.values() if start and start > now), default=None)


def in_order(line: Iterable[Ticket]) -> list[Ticket]:
    """Return those who wait, the first to be asked first."""
    waiting = (ticket for ticket in line if ticket.state is TicketState.WAITING)
    return sorted(waiting, key=lambda ticket: (ticket.day, ticket.number))


def check_in_by(device: Device) -> CheckInBy:
    """Return how an offered turn of a device is accepted. It is held, so always somehow.

    By code where the device can ask for one and nobody has to be asked for their age.
    """
    policy = device.policy
    if device.kind == ATTENDED:
        return CheckInBy.STAFF
    if policy.check_in is not CheckInBy.NONE:
        return policy.check_in
    asked = policy.minimum_age is not None or policy.guardian_below is not None
    return CheckInBy.STAFF if asked else CheckInBy.CODE


def offered(offer: Offer, booking_id: str, now: datetime) -> Booking:
    """Return the booking that holds an offer until it is accepted, or too late."""
    device, ticket, turn = offer.device, offer.ticket, offer.turn
    by = check_in_by(device)
    return Booking(
        id=booking_id,
        address=device.address,
        starts_at=turn.starts_at,
        ends_at=turn.ends_at,
        target_group=turn.group,
        party_size=ticket.party_size,
        state=BookingState.OFFERED,
        by=BookedBy.QUEUE,
        group_assumed=turn.assumed,
        kind=device.kind,
        walk_in=True,
        check_in=by,
        code=ticket.code if by is CheckInBy.CODE else None,
        hold_until=min(now + timedelta(seconds=device.policy.offer), turn.ends_at),
    )


def settled(ticket: Ticket, booking: Booking | None, now: datetime, today: date) -> TicketState:
    """Return where a number stands, by what became of its turn and of its day.

    One whose turn was taken back, since its device broke or is needed otherwise, waits again,
    at its old place.
    """
    state = ticket.state
    if state is TicketState.OFFERED:
        state = TicketState.EXPIRED if booking is None else _of_turn(booking, now)
    if state is TicketState.WAITING and ticket.day < today:
        return TicketState.EXPIRED
    return state


def _of_turn(booking: Booking, now: datetime) -> TicketState:
    if booking.state in (BookingState.CHECKED_IN, BookingState.USED):
        return TicketState.TAKEN
    if booking.state is BookingState.CANCELLED:
        return TicketState.WAITING
    if booking.live and now < booking.ends_at:
        return TicketState.OFFERED
    return TicketState.EXPIRED


def _turn(place: Place, ticket: Ticket, now: datetime) -> FreeTurn | None:
    return place.next_turn(now, ticket.target_group, ticket.party_size)
