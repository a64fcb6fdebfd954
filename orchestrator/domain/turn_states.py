"""PURE: booking + what its device reported of the turn + now -> where the booking stands.

A device that is away at a deadline decides nothing: its events will tell what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_schemas.events import TurnSource
from orchestrator.domain.bookings import Booking, BookingState, Purpose
from orchestrator.domain.devices import CheckInBy, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a device reported of a turn, in UTC. ends_at: of a turn that the device made.

    started_at, ended_at: of its first and its last session.
    """

    source: TurnSource | None = None
    opened_at: datetime | None = None
    checked_in_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ends_at: datetime | None = None


NOTHING_SEEN = Seen()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a booking stands.

    since: when it came to that. deadline: when time alone may change it; None: it won't.
    overdue: a deadline has passed, and what the device saw up to then is not told yet.
    """

    state: BookingState
    since: datetime
    deadline: datetime | None = None
    overdue: bool = False


def stand(
    booking: Booking, policy: Policy, seen: Seen, now: datetime, *, told_until: datetime | None
) -> Standing:
    """Return where a booking stands. Idempotent; final states stay.

    told_until: up to when all that the device reported is known here; None: not at all.
    """
    if booking.purpose is Purpose.BLOCK:
        return Standing(booking.state, booking.starts_at)
    if booking.state is BookingState.CHECKED_IN:
        return _checked_in(booking, booking.starts_at, now)
    came = _came(booking, seen)
    if came is not None and booking.state in (
        BookingState.BOOKED,
        BookingState.OFFERED,
        BookingState.NO_SHOW,
    ):
        return _checked_in(booking, came, now)
    if booking.state is BookingState.OFFERED:
        return _offered(booking, now, told_until)
    if booking.state is BookingState.BOOKED:
        return _booked(booking, policy, now, told_until)
    return Standing(booking.state, booking.starts_at)


def no_show_at(booking: Booking, policy: Policy) -> datetime:
    """Return when a booking is a no-show unless somebody came.

    A turn that needs no check-in is one only when it is over and nobody used it.
    """
    if booking.check_in is CheckInBy.NONE:
        return booking.ends_at
    within = timedelta(seconds=policy.check_in_within)
    return min(booking.starts_at + within, booking.ends_at)


def _came(booking: Booking, seen: Seen) -> datetime | None:
    """Return when the customer was first seen. A turn without check-in opens by itself."""
    signs = [seen.checked_in_at, seen.started_at]
    if booking.check_in is not CheckInBy.NONE:
        signs.append(seen.opened_at)
    return min((sign for sign in signs if sign is not None), default=None)


def _checked_in(booking: Booking, since: datetime, now: datetime) -> Standing:
    if now >= booking.ends_at:
        return Standing(BookingState.USED, booking.ends_at)
    return Standing(BookingState.CHECKED_IN, since, booking.ends_at)


def _offered(booking: Booking, now: datetime, told_until: datetime | None) -> Standing:
    until = min(booking.hold_until or booking.ends_at, booking.ends_at)
    if now < until:
        return Standing(BookingState.OFFERED, booking.starts_at, until)
    if told_until is None or told_until < until:  # the code may have been typed by then
        return Standing(BookingState.OFFERED, booking.starts_at, overdue=True)
    return Standing(BookingState.RELEASED, until)


def _booked(
    booking: Booking, policy: Policy, now: datetime, told_until: datetime | None
) -> Standing:
    if booking.purpose is Purpose.EVENT:  # its people are counted by the event
        if now >= booking.ends_at:
            return Standing(BookingState.USED, booking.ends_at)
        return Standing(BookingState.BOOKED, booking.starts_at, booking.ends_at)
    due = no_show_at(booking, policy)
    if now < due:
        return Standing(BookingState.BOOKED, booking.starts_at, due)
    if told_until is None or told_until < due:
        return Standing(BookingState.BOOKED, booking.starts_at, overdue=True)
    return Standing(BookingState.NO_SHOW, due)
