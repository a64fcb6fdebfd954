"""Moving a booking, or a running turn with the time that it has left, to another device."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mqtt_schemas.plan import HashedCode
from orchestrator.bookkeeping import Bookkeeping, Change, utc
from orchestrator.domain.booking_rules import Wish, check_place
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    NoRoom,
    Purpose,
    WrongTime,
)
from orchestrator.domain.devices import CheckInBy
from orchestrator.domain.extension import check_cancel
from orchestrator.new_codes import NewCode, new_code
from orchestrator.store import bookings
from orchestrator.store.database import Connection


@dataclass(frozen=True, slots=True)
class Moved:
    """A booking at its new device, and what is left at the old one where it had begun there."""

    change: Change
    ended: Booking | None


class MoveService:
    """Moves bookings when a device breaks. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database

    async def move(
        self, booking_id: str, *, device: str | None = None, why: str | None = None
    ) -> Moved:
        """Move a booking to a device, or to any other of its kind. Raises BookingRefused.

        A turn that runs ends where it is, and another one with what it has left begins.
        """
        booking = await self._database.read(lambda rows: self._books.find(rows, booking_id)[0])
        desks = self._targets(booking, device)
        code = await self._code(booking, desks)

        def move(rows: Connection) -> tuple[Booking, Booking | None]:
            booking, desk = self._books.find(rows, booking_id)
            check_cancel(desk, booking)
            if booking.purpose is Purpose.BLOCK:
                raise BookingRefused("A block is not moved; cancel it, and block the other device.")
            return self._move(rows, booking, desk, desks, code, why)

        try:
            moved, ended = await self._database.write(move)
        except WrongTime as error:
            wish = Wish.of(booking, _moved_from(booking, utc(self._office.now())))
            raise await self._books.with_advice(error, desks, wish) from None
        self._office.replan([booking.address])
        change = await self._books.told(moved)
        shown = code.words if code is not None and moved.code == code.hashed else None
        return Moved(replace(change, code=shown), ended)

    def _targets(self, booking: Booking, device: str | None) -> list[Desk]:
        own = self._books.desk_of(booking).device
        devices = (
            self._books.devices(device=device, kind=None)
            if device is not None
            else [
                each
                for each in self._office.devices.values()
                if (each.kind, each.address.site) == (own.kind, own.address.site)
            ]
        )
        targets = [self._office.desk(each) for each in devices if each.address != booking.address]
        if not targets:
            where = f"{own.name} itself" if device is not None else f"the only {own.kind}"
            raise BookingRefused(f"The booking can't be moved: that is {where}.")
        return targets

    async def _code(self, booking: Booking, desks: Sequence[Desk]) -> NewCode | None:
        """Return a new code where one may be needed that the customer does not have yet."""
        by_code = any(desk.policy.check_in is CheckInBy.CODE for desk in desks)
        if booking.code is None and by_code and booking.state is not BookingState.CHECKED_IN:
            return await new_code(self._office.language)
        return None

    def _move(
        self,
        rows: Connection,
        booking: Booking,
        desk: Desk,
        targets: Sequence[Desk],
        code: NewCode | None,
        why: str | None,
    ) -> tuple[Booking, Booking | None]:
        now = utc(desk.now)
        starts_at = _moved_from(booking, now)
        runs = starts_at > booking.starts_at
        target = self._first_free(rows, booking, targets, starts_at)
        by = target.policy.check_in
        moved = replace(
            booking,
            address=target.device.address,
            starts_at=starts_at,
            state=BookingState.CHECKED_IN if runs else booking.state,
            check_in=by,
        )
        moved = replace(moved, code=_code(moved, by, code))
        ended = None
        if runs:
            moved = replace(moved, id=secrets.token_hex(6))
            state = (
                BookingState.USED
                if booking.state is BookingState.CHECKED_IN
                else BookingState.RELEASED
            )
            ended = replace(booking, ends_at=now, state=state)
            bookings.change(rows, ended)
            bookings.insert(rows, moved, created=desk.now)
            self._books.follow(rows, booking.id, moved.id)
        else:
            bookings.change(rows, moved)
        self._books.note(
            rows,
            "booking_moved",
            booking.id,
            desk.now,
            why=why,
            **{"from": str(booking.address), "to": str(moved.address), "as": moved.id},
        )
        return moved, ended

    def _first_free(
        self, rows: Connection, booking: Booking, targets: Sequence[Desk], starts_at: datetime
    ) -> Desk:
        wish = Wish.of(booking, starts_at)
        first: BookingRefused | None = None
        for target in self._books.in_service_first(rows, targets):
            try:
                if starts_at <= target.now:
                    self._books.check_in_service(rows, target.device)
                check_place(self._books.case(rows, target, wish))
            except BookingRefused as error:
                first = first or error
            else:
                return target
        if len(targets) > 1 and isinstance(first, NoRoom):
            raise NoRoom(f"No other {targets[0].device.kind} is free for all of that time")
        raise first or BookingRefused("There is no such device.")


def _moved_from(booking: Booking, now: datetime) -> datetime:
    """Return from when on a booking is moved: now, where somebody uses its turn already."""
    used = booking.state is BookingState.CHECKED_IN or booking.check_in is CheckInBy.NONE
    return max(booking.starts_at, now) if used else booking.starts_at


def _code(booking: Booking, by: CheckInBy, new: NewCode | None) -> HashedCode | None:
    """Return the code at the new device: the customer's own where there is one."""
    if by is not CheckInBy.CODE or booking.state is BookingState.CHECKED_IN:
        return None
    if booking.code is not None:
        return booking.code
    return new.hashed if new else None
