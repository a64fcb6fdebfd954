"""A group event's turns on its devices, and the pauses after them, within a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from mqtt_schemas.topics import Address
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.domain.booking_rules import Wish, check_block, covers
from orchestrator.domain.bookings import (
    Booking,
    BookingState,
    Desk,
    NoRoom,
    Purpose,
    WrongTime,
)
from orchestrator.domain.group_events import GroupEvent, pause_after, place_reason, turn_of
from orchestrator.hours_of import hours_of
from orchestrator.store import bookings
from orchestrator.store.database import Connection


class EventTurns:
    """Checks, keeps and ends what an event holds of its devices."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office

    def check_open(self, rows: Connection, desk: Desk, event: GroupEvent) -> None:
        """Raise WrongTime unless the library is open.

        Staff leads the group, so what the device's policy takes away of the hours is given.
        """
        policy = replace(
            desk.policy,
            staffed_only=False,
            school_days_from=None,
            finish_before_closing=0,
            periods=(),
        )
        spans = hours_of(rows, self._office, desk.device)(policy, event.starts_at, event.ends_at)
        if not covers(spans, event.starts_at, event.ends_at):
            raise WrongTime(
                "The library is closed then, or for a part of that time; "
                "say so if the event is held outside its hours"
            )

    def check_places(
        self, rows: Connection, desks: Iterable[Desk], event: GroupEvent, begin: datetime
    ) -> None:
        """Raise NoRoom unless all devices are free; it tells of each that is not, why."""
        reasons = (self._reason(rows, desk, event, begin) for desk in desks)
        told = [reason for reason in reasons if reason is not None]
        if told:
            raise NoRoom("; ".join(told))

    def keep(self, rows: Connection, desk: Desk, event: GroupEvent, turn: Booking) -> None:
        """Keep a new turn, and the pause after it."""
        bookings.insert(rows, turn, created=desk.now)
        self.keep_pause(rows, desk, event, turn)

    def keep_pause(self, rows: Connection, desk: Desk, event: GroupEvent, turn: Booking) -> None:
        """Keep the pause after a turn, where the event has one of its own."""
        pause = pause_after(event, turn, desk.policy, secrets.token_hex(6))
        if pause is not None:
            bookings.insert(rows, pause, created=desk.now)

    def left(self, rows: Connection, event: GroupEvent, now: datetime) -> list[Booking]:
        """Return the event's turns that are not over."""
        return self._left(rows, event, now, Purpose.EVENT)

    def drop_pauses(
        self, rows: Connection, event: GroupEvent, devices: Collection[Address], now: datetime
    ) -> None:
        """Give back the pauses of some devices."""
        for each in self._left(rows, event, now, Purpose.BLOCK):
            if each.address in devices:
                bookings.change(rows, replace(each, state=BookingState.CANCELLED))

    def end(self, rows: Connection, event: GroupEvent, turn: Booking, now: datetime) -> Booking:
        """End a turn, and return it as it is then.

        One that has begun was used until now, and its device is cleaned after it all the same.
        """
        if turn.starts_at >= now:
            cancelled = replace(turn, state=BookingState.CANCELLED)
            bookings.change(rows, cancelled)
            return cancelled
        used = replace(turn, ends_at=now, state=BookingState.USED)
        bookings.change(rows, used)
        self.keep_pause(rows, self._books.desk_of(turn), event, used)
        return used

    def _left(
        self, rows: Connection, event: GroupEvent, now: datetime, purpose: Purpose
    ) -> list[Booking]:
        found = bookings.of_event(rows, event.id)
        return [
            each for each in found if each.live and each.ends_at > now and each.purpose is purpose
        ]

    def _reason(
        self, rows: Connection, desk: Desk, event: GroupEvent, begin: datetime
    ) -> str | None:
        reason = place_reason(desk, event)
        if reason is not None:
            return reason
        pause = pause_after(event, turn_of(event, desk, "", over_closing=False), desk.policy, "")
        wish = Wish(begin, pause.ends_at if pause else event.ends_at)
        try:
            check_block(self._books.case(rows, desk, wish))
        except WrongTime as error:
            return error.reason
        return None
