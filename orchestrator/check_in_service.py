"""Checking in at the desk, and turns without a booking that begin there."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.bookkeeping import Bookkeeping, Card, Change, utc
from orchestrator.domain.booking_rules import (
    SHORTEST_WALK_IN,
    Case,
    Wish,
    check_new,
    check_place,
    group_of,
    staffed_at,
)
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    NoRoom,
    spacing,
)
from orchestrator.domain.check_in import Answers, check_ages, check_came
from orchestrator.domain.devices import Device
from orchestrator.domain.extension import Running, next_start, open_until
from orchestrator.domain.local_time import say_length
from orchestrator.store import bookings
from orchestrator.store.database import Connection


@dataclass(frozen=True, slots=True)
class WalkIn:
    """Who stands at the desk without a booking. length: None: as long as may be."""

    device: str | None
    kind: str | None = None
    target_group: str | None = None
    party_size: int | None = None
    length: timedelta | None = None
    answers: Answers = field(default_factory=Answers)
    card: Card = field(default_factory=Card)
    although_waiting: bool = False


class CheckInService:
    """Lets customers check in, and walk in. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database

    async def check_in(self, booking_id: str, answers: Answers) -> Change:
        """Note that a booking's customer has come. Raises BookingRefused, StoreFailed."""

        def take(rows: Connection) -> Booking:
            booking, desk = self._books.find(rows, booking_id)
            check_came(desk, booking)
            case = self._books.case(rows, desk, Wish.of(booking))
            if booking.state is BookingState.NO_SHOW:
                self.check_still_free(rows, case)
            check_ages(desk.device.name, desk.policy, answers, staffed=staffed_at(case))
            came = replace(booking, state=BookingState.CHECKED_IN)
            bookings.change(rows, came)
            self._books.note(rows, "checked_in", booking.id, desk.now, **_asked(answers))
            return came

        return await self._books.told(await self._database.write(take))

    async def walk_in(self, order: WalkIn) -> Change:
        """Begin a turn now, on the first device that is free. Raises BookingRefused."""
        devices = self._books.devices(device=order.device, kind=order.kind)
        self._books.check_group(order.target_group)
        desks = [self._office.desk(device) for device in devices]

        def take(rows: Connection) -> Booking:
            return self.take(rows, desks, order)

        return await self._books.told(await self._database.write(take))

    def check_still_free(
        self, rows: Connection, case: Case, *, although_waiting: bool = False
    ) -> None:
        """Raise BookingRefused unless a turn that was released can be had after all."""
        check_place(replace(case, wish=replace(case.wish, starts_at=case.desk.now)))
        if not although_waiting:
            self._check_nobody_waits(rows, case.desk.device)

    def _check_nobody_waits(self, rows: Connection, device: Device) -> None:
        if self._books.waiting(rows, device.address.site, device.kind):
            raise NoRoom(f"Others wait in the queue for a device like {device.name}")

    def take(self, rows: Connection, desks: Sequence[Desk], order: WalkIn) -> Booking:
        """Keep a turn that begins now, on the first that is free. Raises BookingRefused."""
        first: BookingRefused | None = None
        for desk in desks:
            try:
                booking = self._begin(rows, desk, order)
            except BookingRefused as error:
                first = first or error
                continue
            self._books.count(rows, desk, booking, order.card)
            bookings.insert(rows, booking, created=desk.now)
            details = {"device": str(booking.address), **_asked(order.answers)}
            self._books.note(rows, "walk_in_begun", booking.id, desk.now, **details)
            return booking
        if len(desks) > 1 and isinstance(first, NoRoom):
            raise NoRoom(f"No {desks[0].device.kind} is free now")
        raise first or BookingRefused("There is no such device.")

    def _begin(self, rows: Connection, desk: Desk, order: WalkIn) -> Booking:
        """Return the turn that can begin now. Raises BookingRefused."""
        self._books.check_in_service(rows, desk.device)
        start = utc(desk.now)
        most = timedelta(seconds=desk.policy.walk_in)
        wish = Wish(
            start,
            start + (order.length or max(most, SHORTEST_WALK_IN)),
            group=order.target_group,
            party_size=order.party_size,
            walk_in=True,
        )
        case = self._books.case(rows, desk, wish)
        group, assumed = group_of(case)
        check_ages(desk.device.name, desk.policy, order.answers, staffed=staffed_at(case))
        device = desk.device
        if not order.although_waiting:
            self._check_nobody_waits(rows, device)
        if order.length is None:
            case = replace(case, wish=replace(wish, ends_at=_free_until(case)))
        check_new(case)
        return Booking(
            id=secrets.token_hex(6),
            address=device.address,
            starts_at=start,
            ends_at=case.wish.ends_at,
            target_group=group,
            party_size=order.party_size,
            state=BookingState.CHECKED_IN,
            group_assumed=assumed,
            kind=order.kind and device.kind,
            walk_in=True,
        )


def _free_until(case: Case) -> datetime:
    """Return up to when a turn that begins now can run; as wished where rules will refuse it."""
    wish = case.wish
    at_once = Booking("", case.desk.device.address, wish.starts_at, wish.starts_at, wish.group)
    now = Running(case.desk, at_once, case.hours, case.others)
    until = min(open_until(now, wish.ends_at), next_start(now) - spacing(case.policy))
    if until - wish.starts_at < SHORTEST_WALK_IN:
        if until > wish.starts_at:
            left = say_length(SHORTEST_WALK_IN)
            raise NoRoom(f"{case.name} is free for less than {left} now")
        return wish.ends_at
    return until


def _asked(answers: Answers) -> dict[str, str]:
    """Return what was asked, for the audit log; each was answered with yes."""
    asked = {"old_enough": answers.old_enough, "guardian": answers.guardian}
    return {name: "yes" for name, answer in asked.items() if answer}
