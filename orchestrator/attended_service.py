"""Turns at devices without an agent: staff begins, extends and ends them, from the desk.

Each change is one transaction of booking, event log, figures and audit log. With a request id
of the asker's it is made once, however often it is asked: a tablet may ask again after a
connection was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mqtt_schemas.base import Outcome, to_utc, utc_from_ms
from mqtt_schemas.topics import Address
from orchestrator import attended_log
from orchestrator.booking_service import BookingService
from orchestrator.bookkeeping import Bookkeeping, Card, Change, utc
from orchestrator.check_in_service import CheckInService, WalkIn
from orchestrator.domain.attended import InHand, Standing, stand
from orchestrator.domain.booking_rules import LARGEST_PARTY, TOLERANCE, Wish, staffed_at
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    NoRoom,
    Purpose,
)
from orchestrator.domain.check_in import Answers, check_ages, check_came
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.naming import device_named
from orchestrator.store import attended, bookings, staff_words
from orchestrator.store.attended import Request
from orchestrator.store.database import Connection
from orchestrator.store.intake import Taken

#: A turn that ends as it begins was one nevertheless.
_LEAST = timedelta(seconds=1)
#: What staff may say of an end. The rest is found by the plan, or told by an agent.
OUTCOMES = (Outcome.CUSTOMER, Outcome.STAFF, Outcome.CLOSING, Outcome.DEVICE_FAULT)

#: Changes the rows, notes what events did, and returns the booking.
Work = Callable[[Connection, list[Taken]], Booking]


@dataclass(frozen=True, slots=True)
class Start:
    """What begins. booking: whose; None: of somebody without one, for `length` at most.

    target_group, party_size: None: as booked. request: an id of the asker's.
    """

    device: str
    booking: str | None = None
    target_group: str | None = None
    party_size: int | None = None
    length: timedelta | None = None
    answers: Answers = field(default_factory=Answers)
    card: Card = field(default_factory=Card)
    although_waiting: bool = False
    request: str | None = None


class AttendedService:
    """Begins, extends and ends turns by staff's word. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._bookings = BookingService(books)
        self._check_ins = CheckInService(books)

    async def start(self, order: Start) -> Change:
        """Begin a turn now. Raises BookingRefused, StoreFailed."""
        device = self._device(order.device)
        self._books.check_group(order.target_group)

        def start(rows: Connection, taken: list[Taken]) -> Booking:
            desk = self._office.desk(device)
            self._check_free(rows, desk, taken)
            if order.booking is None:
                booking = self._check_ins.take(rows, [desk], _walk_in(order))
            else:
                booking = self._come(rows, desk, order.booking, order)
            taken.append(attended_log.begin(rows, self._office, booking))
            self._books.note(rows, "turn_started", booking.id, desk.now, device=str(device.address))
            return booking

        return await self._once(order.request, f"start {device.address}", start)

    async def extend(
        self,
        device: str,
        ends_at: datetime | timedelta,
        *,
        although_waiting: bool = False,
        over_closing: bool = False,
        why: str | None = None,
        request: str | None = None,
    ) -> Change:
        """Give the turn in hand another end, or so much more time. Raises BookingRefused."""
        address = self._device(device).address

        def extend(rows: Connection, _: list[Taken]) -> Booking:
            in_hand = self._in_hand(rows, address)[0]
            return self._bookings.change_end(
                rows,
                in_hand.turn,
                ends_at,
                although_waiting=although_waiting,
                over_closing=over_closing,
                why=why,
            )

        return await self._once(request, f"extend {address}", extend)

    async def end(
        self,
        device: str,
        *,
        ended_at: datetime | None = None,
        outcome: Outcome | None = None,
        why: str | None = None,
        request: str | None = None,
    ) -> Change:
        """End the turn in hand; `ended_at` says when it did, where that was not just now.

        outcome: by default the customer's own end, or past the planned one the turn's. A turn
        that the plan ended already is told anew. Raises BookingRefused, StoreFailed.
        """
        address = self._device(device).address
        if outcome is not None and outcome not in OUTCOMES:
            raise BookingRefused(f"A turn's end is one of {', '.join(OUTCOMES)}.")

        def end(rows: Connection, taken: list[Taken]) -> Booking:
            in_hand, booking = self._in_hand(rows, address)
            desk = self._books.desk_of(booking)
            at = _stated(desk, in_hand, booking, ended_at)
            over = Outcome.TURN_OVER if at >= booking.ends_at else Outcome.CUSTOMER
            why_over = outcome or over
            taken.append(
                attended_log.end(rows, self._office, in_hand, booking, at, outcome=why_over)
            )
            changed = replace(
                booking,
                ends_at=max(min(booking.ends_at, at), booking.starts_at + _LEAST),
                state=BookingState.USED,
            )
            bookings.change(rows, changed)
            self._books.note(rows, "turn_ended", booking.id, desk.now, why=why, outcome=why_over)
            return changed

        return await self._once(request, f"end {address}", end)

    def _device(self, name: str) -> Device:
        device = device_named(name, self._office.devices)
        if device.kind != ATTENDED:
            raise BookingRefused(
                f"{device.name} has an agent, so its turns begin at the device itself; "
                "check its customers in."
            )
        return device

    def _in_hand(self, rows: Connection, address: Address) -> tuple[InHand, Booking]:
        """Return the turn in hand and its booking. Raises BookingRefused."""
        in_hand = attended.in_hand(rows, address)
        booking = bookings.find(rows, in_hand.turn) if in_hand else None
        device = self._office.devices[address]
        now, grace = to_utc(self._office.now()), device.policy.grace
        if in_hand is not None and booking is not None:
            standing = stand(in_hand, booking, grace, now).standing
            if standing not in (Standing.GONE, Standing.PAST):
                return in_hand, booking
        raise BookingRefused(f"No turn has begun at {device.name}.")

    def _check_free(self, rows: Connection, desk: Desk, taken: list[Taken]) -> None:
        """Raise NoRoom while a turn is in hand. One that the plan ended stays as it is."""
        address = desk.device.address
        if staff_words.of_device(rows, address).out_of_service:
            raise NoRoom(f"{desk.device.name} is out of service")
        look = attended_log.look(rows, self._office, address)
        if look.standing in (Standing.RUNNING, Standing.OVERDUE):
            raise NoRoom(f"A turn is in hand at {desk.device.name}: end it first")
        closed = attended_log.close_due(rows, self._office, address)
        if closed is not None:
            taken.append(closed)

    def _come(self, rows: Connection, desk: Desk, booking_id: str, order: Start) -> Booking:
        """Return a booking whose turn begins now. Raises BookingRefused."""
        booking, own = self._books.find(rows, booking_id)
        name, device = desk.device.name, own.device
        if booking.address != desk.device.address:
            raise BookingRefused(f"The booking is of {device.name}, not of {name}; move it first.")
        if booking.state is not BookingState.CHECKED_IN:
            check_came(desk, booking)
            wish = Wish(booking.starts_at, booking.ends_at, booking.target_group)
            case = self._books.case(rows, desk, wish)
            if booking.state is BookingState.NO_SHOW:
                self._check_ins.check_still_free(
                    rows, case, although_waiting=order.although_waiting
                )
            if booking.purpose is Purpose.TURN:
                check_ages(name, desk.policy, order.answers, staffed=staffed_at(case))
        if desk.now < booking.starts_at - TOLERANCE:
            raise BookingRefused(f"The turn starts at {desk.say(booking.starts_at)}.")
        if desk.now >= booking.ends_at:
            raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}.")
        size, most = order.party_size or booking.party_size, desk.policy.party
        if size is not None and size > min(most, LARGEST_PARTY):
            raise BookingRefused(f"{name} is for at most {most} people at a time.")
        came = replace(booking, state=BookingState.CHECKED_IN, party_size=size)
        if order.target_group is not None:
            came = replace(came, target_group=order.target_group, group_assumed=False)
        bookings.change(rows, came)
        return came

    async def _once(self, request: str | None, what: str, work: Work) -> Change:
        """Do what is asked, unless it was done under the same id before."""
        taken: list[Taken] = []

        def do(rows: Connection) -> Booking:
            taken.clear()
            before = attended.asked(rows, request) if request is not None else None
            if before is not None:
                if before.what != what:
                    raise BookingRefused("The request's id was used for something else before.")
                return self._books.find(rows, before.booking)[0]
            booking = work(rows, taken)
            if request is not None:
                now = to_utc(self._office.now())
                attended.keep_request(rows, Request(request, what, booking.id), now=now)
            return booking

        booking = await self._office.database.write(do)
        for each in taken:
            self._office.keep(each)
        return await self._books.told(booking)


def _walk_in(order: Start) -> WalkIn:
    return WalkIn(
        order.device,
        target_group=order.target_group,
        party_size=order.party_size,
        length=order.length,
        answers=order.answers,
        card=order.card,
        although_waiting=order.although_waiting,
    )


def _stated(desk: Desk, in_hand: InHand, booking: Booking, ended_at: datetime | None) -> datetime:
    """Return when a turn ended, as staff states it. Raises BookingRefused."""
    if ended_at is None:
        if in_hand.by_plan == booking.ends_at:
            ended = desk.say(booking.ends_at)
            raise BookingRefused(
                f"The turn was ended at {ended} by the plan: say when it truly ended."
            )
        return desk.now
    at, began = utc(ended_at), utc_from_ms(in_hand.began.wall_ms)
    if at > desk.now + TOLERANCE:
        raise BookingRefused(f"The end, {desk.say(at)}, is still to come: extend the turn instead.")
    if at < began - TOLERANCE:
        raise BookingRefused(f"The turn began at {desk.say(began)}, so it ended after that.")
    return min(at, desk.now)
