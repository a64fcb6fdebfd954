"""The commands on the queue, the same for HTTP and for the command line."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from orchestrator.bookkeeping import Bookkeeping, Card, Change, utc
from orchestrator.domain import quota
from orchestrator.domain.booking_rules import LARGEST_PARTY, Wish, staffed_at
from orchestrator.domain.bookings import Booking, BookingRefused, BookingState
from orchestrator.domain.check_in import Answers, check_ages
from orchestrator.domain.devices import CheckInBy
from orchestrator.domain.queue import Ticket, TicketState, check_in_by
from orchestrator.new_codes import NewCode, new_code
from orchestrator.queue_line import Line, Waiter
from orchestrator.store import bookings, queue, quotas
from orchestrator.store.database import Connection

T = TypeVar("T")
#: More are sent home: the last of them would wait for days.
MOST_WAITING = 200


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who asks for a number. kind: of device, or site/kind. target_group: None: not declared."""

    kind: str
    target_group: str | None = None
    party_size: int | None = None
    card: Card = field(default_factory=Card)


@dataclass(frozen=True, slots=True)
class Joined:
    """A new number. code: of check-in, told this once; None where staff checks in."""

    waiter: Waiter
    code: str | None = None


class QueueService:
    """Gives out numbers, and turns to the first in line. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database

    async def join(self, newcomer: Newcomer) -> Joined:
        """Give a customer a number, and a turn at once where one is free. Raises BookingRefused.

        1. Check what is asked. 2. In one transaction, keep the number and see who is next.
        3. Have the devices told.
        """
        line = self._line(newcomer.kind)
        self._books.check_group(newcomer.target_group)
        self._check_fits(line, newcomer.party_size)
        code = await self._code(line)

        def join(rows: Connection) -> Waiter:
            line.settle(rows)
            if queue.waiting(rows, line.site, line.kind) >= MOST_WAITING:
                raise BookingRefused(f"{MOST_WAITING} wait for {line.kind} already.")
            ticket = Ticket(
                site=line.site,
                kind=line.kind,
                day=line.day,
                number=queue.next_number(rows, line.site, line.kind, line.day),
                joined_at=line.now,
                target_group=newcomer.target_group,
                party_size=newcomer.party_size,
                code=code.hashed if code else None,
                mark=self._mark(rows, line, newcomer.card),
            )
            queue.insert(rows, ticket)
            line.note(rows, "number_given", ticket, "staff")
            line.move_on(rows)
            mine = (each for each in line.waiters(rows) if each.ticket.number == ticket.number)
            return next(mine)

        return Joined(await self._write(line, join), code.words if code else None)

    async def leave(self, kind: str, number: int) -> Waiter:
        """Give up a number for its customer; a turn that is held for it goes to the next."""
        return await self._give_up(kind, number, TicketState.LEFT, "number_left")

    async def skip(self, kind: str, number: int) -> Waiter:
        """Take back the offer of somebody who did not come, before its time is over."""
        return await self._give_up(kind, number, TicketState.EXPIRED, "number_skipped")

    async def call(self, kind: str) -> tuple[Waiter, ...]:
        """Offer what is free to the first in line, now. Raises BookingRefused if nobody can be.

        The orchestrator does so by itself whenever something becomes free.
        """
        line = self._line(kind)

        def call(rows: Connection) -> tuple[Waiter, ...]:
            made = line.move_on(rows)
            if made.offered:
                return made.offered
            if not queue.waiting(rows, line.site, line.kind):
                raise BookingRefused(f"Nobody waits for {line.kind}.")
            raise BookingRefused(f"No {line.kind} is free now that those who wait could have.")

        return await self._write(line, call)

    async def accept(self, kind: str, number: int, answers: Answers) -> Change:
        """Let an offered turn be taken, at the desk. Raises BookingRefused, StoreFailed."""
        line = self._line(kind)

        def accept(rows: Connection) -> Booking:
            ticket = line.find(rows, number)
            booking = None
            if ticket.state is TicketState.OFFERED and ticket.booking is not None:
                booking = bookings.find(rows, ticket.booking)
            if booking is None or booking.state is not BookingState.OFFERED:
                raise BookingRefused(f"No turn is held for number {number}.")
            desk = self._books.desk_of(booking)
            if line.now >= (booking.hold_until or booking.ends_at):
                raise BookingRefused(f"The turn was held for number {number} until just now.")
            case = self._books.case(rows, desk, Wish(booking.starts_at, booking.ends_at))
            check_ages(desk.device.name, desk.policy, answers, staffed=staffed_at(case))
            came = replace(booking, state=BookingState.CHECKED_IN)
            bookings.change(rows, came)
            queue.move(rows, ticket, TicketState.TAKEN)
            line.note(rows, "offer_accepted", ticket, "staff", booking=booking.id)
            return came

        return await self._books.told(await self._write(line, accept))

    async def listed(self, kind: str | None = None) -> list[Waiter]:
        """Return who waits, for a kind or for all, and when their turn is likely to come."""
        if kind is not None:
            lines = [self._line(kind)]
        else:
            found = await self._database.read(queue.lines)
            lines = [self._line_of(site, of_kind) for site, of_kind in found]

        def read(rows: Connection) -> list[Waiter]:
            return [waiter for line in lines for waiter in line.waiters(rows)]

        return await self._database.read(read)

    async def move_on(self) -> datetime | None:
        """Offer whatever is free now. Returns when time alone may let more be done, or None."""
        moments: list[datetime] = []
        for site, kind in await self._database.read(queue.lines):
            line = self._line_of(site, kind)
            due, next_at = await self._database.read(line.look)
            if due:
                made = await self._write(line, line.move_on)
                next_at = made.next_at
            if next_at is not None:
                moments.append(next_at)
        return min(moments, default=None)

    def seconds_until(self, moment: datetime | None) -> int | None:
        """Return how long somebody still waits, on whole seconds."""
        if moment is None:
            return None
        return max(0, round((moment - self._office.now()).total_seconds()))

    def device_name(self, booking: Booking) -> str:
        """Return the name of a held turn's device."""
        device = self._office.devices.get(booking.address)
        return device.name if device else booking.address.device

    async def _give_up(self, kind: str, number: int, state: TicketState, what: str) -> Waiter:
        line = self._line(kind)

        def give_up(rows: Connection) -> Waiter:
            line.settle(rows)
            ticket = line.find(rows, number)
            if ticket.state not in (TicketState.WAITING, TicketState.OFFERED):
                raise BookingRefused(f"Number {number} waits no more ({ticket.state}).")
            if state is TicketState.EXPIRED and ticket.state is TicketState.WAITING:
                raise BookingRefused(f"No turn is held for number {number}; it waits in line.")
            released = line.give_up(rows, ticket, state)
            line.note(rows, what, ticket, "staff")
            line.move_on(rows)
            return Waiter(line.find(rows, number), booking=released)

        return await self._write(line, give_up)

    def _line(self, kind: str) -> Line:
        """Return the line for a kind that somebody named. Raises NotKnown."""
        device = self._books.devices(device=None, kind=kind)[0]
        return self._line_of(device.address.site, device.kind)

    def _line_of(self, site: str, kind: str) -> Line:
        office = self._office
        return Line(office, site, kind, utc(office.now()), office.conditions())

    def _check_fits(self, line: Line, party_size: int | None) -> None:
        if party_size is None:
            return
        if not 1 <= party_size <= LARGEST_PARTY:
            raise BookingRefused(f"A party is 1 to {LARGEST_PARTY} people, not {party_size}.")
        most = max(device.policy.party for device in line.devices)
        if party_size > most:
            people = "person" if most == 1 else "people"
            raise BookingRefused(f"No {line.kind} is for more than {most} {people} at a time.")

    async def _code(self, line: Line) -> NewCode | None:
        """Return a code where a device may ask for one: its words are told with the number."""
        if any(check_in_by(device) is CheckInBy.CODE for device in line.devices):
            return await new_code(self._office.language)
        return None

    def _mark(self, rows: Connection, line: Line, card: Card) -> str | None:
        """Return what a quota counts the customer by. Raises BookingRefused where it is used up."""
        quotas_of = {each: None for device in line.devices for each in device.policy.quotas}
        if not quotas_of:
            return None
        if card.number is None:
            if not card.none:
                raise BookingRefused(
                    f"{line.kind} has a quota: give the customer's library card, "
                    "or say that there is none."
                )
            return None
        zone = self._office.zone
        key = quotas.key_of(
            rows, quota.week_of(line.now, zone), lambda: secrets.token_bytes(quota.KEY_BYTES)
        )
        mark = quota.mark_of(quota.card_of(card.number), key)
        if any(ticket.mark == mark for ticket in queue.at_hand(rows, line.site, line.kind)):
            raise BookingRefused("This card waits in the queue already.")
        taken = quotas.taken(rows, mark, {device.address for device in line.devices})
        reason = quota.refusal(quotas_of, taken, line.now, zone)
        if reason is not None:
            raise BookingRefused(f"{reason}.")
        return mark

    async def _write(self, line: Line, work: Callable[[Connection], T]) -> T:
        """Do the work in a transaction, and have the devices told whose turns it changes.

        Also where there are none: so the queue's keeper hears that the line is another.
        """
        done = await self._database.write(work)
        self._office.replan(line.changed)
        return done
