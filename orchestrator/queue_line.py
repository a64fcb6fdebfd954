"""One line of the queue within a transaction: what became of offers, and who is offered what."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.domain import quota
from orchestrator.domain.bookings import Booking, BookingState, NotKnown, spacing
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.local_time import to_local
from orchestrator.domain.next_turn import Condition, Place
from orchestrator.domain.periods import begin_of
from orchestrator.domain.queue import (
    Offer,
    Ticket,
    TicketState,
    forecast,
    next_moment,
    offered,
    offers,
    settled,
)
from orchestrator.hours_of import hours_of
from orchestrator.office import Office
from orchestrator.store import audit, bookings, queue, quotas
from orchestrator.store.database import Connection

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiter:
    """A number in a line. expected: when it is likely to get a turn; None: not foreseen today.

    booking: the turn that is held for it.
    """

    ticket: Ticket
    expected: datetime | None = None
    booking: Booking | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a look at a line did. next_at: when time alone will let more be done, or None."""

    offered: tuple[Waiter, ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """Those who wait for a kind of device at a site.

    conditions: of devices with an agent, as they were just before the transaction. changed: the
    devices whose turns the transaction has changed so far.
    """

    office: Office
    site: str
    kind: str
    now: datetime
    conditions: Mapping[Address, Condition]
    changed: set[Address] = field(default_factory=set)

    @property
    def devices(self) -> list[Device]:
        """The devices of the kind."""
        return [
            device
            for device in self.office.devices.values()
            if (device.address.site, device.kind) == (self.site, self.kind)
        ]

    @property
    def day(self) -> date:
        """The local day."""
        return to_local(self.now, self.office.zone).date()

    @property
    def midnight(self) -> datetime:
        """When the day ends, and with it every wait."""
        return to_utc(begin_of(self.day + _DAY, self.office.zone))

    def find(self, rows: Connection, number: int) -> Ticket:
        """Return a number of today, or one that is at hand since yesterday. Raises NotKnown."""
        ticket = queue.find(rows, self.site, self.kind, self.day, number)
        if ticket is not None:
            return ticket
        for late in queue.at_hand(rows, self.site, self.kind):
            if late.number == number:
                return late
        raise NotKnown(f"There is no number {number} for {self.kind} today.")

    def move_on(self, rows: Connection) -> Made:
        """Settle what became of offers, and make those that can be made now."""
        line = self.settle(rows)
        made = [self._hold(rows, each) for each in offers(line, self._places(rows), self.now)]
        if made:
            line = queue.at_hand(rows, self.site, self.kind)
        return Made(tuple(made), self._next_at(rows, line))

    def look(self, rows: Connection) -> tuple[bool, datetime | None]:
        """Return whether `move_on` would change anything, and when time alone will let it.

        Only reads: the writer is not kept waiting for what is most often nothing.
        """
        line, out = queue.at_hand(rows, self.site, self.kind), queue.out_of_service(rows, self.site)
        if any(self._stands(rows, each, out)[0] is not each.state for each in line):
            return True, None
        if offers(line, self._places(rows), self.now):
            return True, None
        return False, self._next_at(rows, line)

    def settle(self, rows: Connection) -> list[Ticket]:
        """See what became of offers and of yesterday's numbers. Returns the line as it is then."""
        out = queue.out_of_service(rows, self.site)
        for ticket in queue.at_hand(rows, self.site, self.kind):
            state, taken_back = self._stands(rows, ticket, out)
            if taken_back is not None:
                bookings.set_state(rows, taken_back, BookingState.CANCELLED)
                self.changed.add(taken_back.address)
            if state is not ticket.state:
                queue.move(rows, ticket, state)
                self.note(rows, f"number_{state}", ticket)
        return queue.at_hand(rows, self.site, self.kind)

    def waiters(self, rows: Connection) -> list[Waiter]:
        """Return the line, with what can be foreseen."""
        waiting, held = TicketState.WAITING, TicketState.OFFERED
        line = [
            ticket
            for ticket in queue.at_hand(rows, self.site, self.kind)
            if ticket.state is held or ticket.day == self.day
        ]
        expected = self._forecast(rows, line)
        return [
            Waiter(
                ticket,
                expected.get(ticket.number) if ticket.state is waiting else None,
                self._booking(rows, ticket),
            )
            for ticket in line
        ]

    def give_up(self, rows: Connection, ticket: Ticket, state: TicketState) -> Booking | None:
        """End a number, and give back the turn that is held for it. Returns that, or None."""
        booking = self._booking(rows, ticket)
        released = None
        if booking is not None and booking.state is BookingState.OFFERED:
            released = bookings.set_state(rows, booking, BookingState.RELEASED)
            self.changed.add(booking.address)
        queue.move(rows, ticket, state)
        return released

    def note(
        self, rows: Connection, what: str, ticket: Ticket, role: str = "system", **details: str
    ) -> None:
        """Keep in the audit log what happened to a number."""
        entry = audit.Entry(at=self.now, role=role, what=what, target=ticket.id, details=details)
        audit.record(rows, entry)

    def _stands(
        self, rows: Connection, ticket: Ticket, out_of_service: Collection[str]
    ) -> tuple[TicketState, Booking | None]:
        """Return where a number stands, and the turn that is to be taken back from it.

        That is one of a device which staff took out of service meanwhile.
        """
        booking, taken_back = self._booking(rows, ticket), None
        offer = booking is not None and booking.state is BookingState.OFFERED
        if booking is not None and offer and booking.address.device in out_of_service:
            taken_back = booking
            booking = replace(booking, state=BookingState.CANCELLED)
        return settled(ticket, booking, self.now, self.day), taken_back

    def _next_at(self, rows: Connection, line: list[Ticket]) -> datetime | None:
        if not line:
            return None
        moment = next_moment(self._forecast(rows, line), self.now)
        return min(self.midnight, moment or self.midnight)

    def _hold(self, rows: Connection, offer: Offer) -> Waiter:
        booking = offered(offer, secrets.token_hex(6), self.now)
        bookings.insert(rows, booking, created=self.now)
        self.changed.add(booking.address)
        ticket = queue.move(rows, offer.ticket, TicketState.OFFERED, booking.id)
        if ticket.mark is not None:
            quotas.keep(rows, ticket.mark, booking.id, quota.week_of(self.now, self.office.zone))
        where = {"device": str(booking.address), "booking": booking.id}
        self.note(rows, "turn_offered", ticket, **where)
        return Waiter(ticket, self.now, booking)

    def _forecast(self, rows: Connection, line: list[Ticket]) -> dict[int, datetime | None]:
        if not any(ticket.state is TicketState.WAITING for ticket in line):
            return {}
        return forecast(line, self._places(rows), self.now, self.midnight)

    def _places(self, rows: Connection) -> list[Place]:
        out = queue.out_of_service(rows, self.site)
        return [
            self._place(rows, device) for device in self.devices if device.address.device not in out
        ]

    def _place(self, rows: Connection, device: Device) -> Place:
        """Return a device as it is. A turn may begin today, and go on past midnight."""
        policy, room = device.policy, spacing(device.policy)
        last = self.midnight + timedelta(seconds=policy.walk_in or policy.longest)
        known = bookings.touching(rows, device.address, self.now - room, last + room)
        spans = hours_of(rows, self.office, device)(policy, self.now, last)
        # Staff begins the turns of a device without an agent: what is not booked is free.
        default = Condition.READY if device.kind == ATTENDED else Condition.AWAY
        return Place(device, known, spans, self.conditions.get(device.address, default))

    def _booking(self, rows: Connection, ticket: Ticket) -> Booking | None:
        return None if ticket.booking is None else bookings.find(rows, ticket.booking)
