"""Bookings of a device, and the one rule that keeps turns fair: no two overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mqtt_schemas.topics import Address


class BookingState(StrEnum):
    """Where a booking stands. More states come with check-in and the queue."""

    BOOKED = "booked"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Booking:
    """A customer's, or a group's, claim to a device. Times are UTC. Names nobody."""

    id: str
    address: Address
    starts_at: datetime
    ends_at: datetime
    target_group: str | None = None
    party_size: int | None = None
    state: BookingState = BookingState.BOOKED


class BookingRefused(ValueError):
    """The booking can't be made. The text is one sentence for the person who asked."""


def clash(
    bookings: Iterable[Booking],
    starts_at: datetime,
    ends_at: datetime,
    *,
    spacing: timedelta = timedelta(0),
) -> Booking | None:
    """Return the earliest booking that leaves no room, or None.

    `spacing` is the grace and the buffer that a turn needs behind it:
    `ends_at + grace ≤ next start − buffer`. Cancelled bookings need no room.
    """
    live = (booking for booking in bookings if booking.state is BookingState.BOOKED)
    found = [
        booking
        for booking in live
        if starts_at < booking.ends_at + spacing and booking.starts_at < ends_at + spacing
    ]
    return min(found, key=lambda booking: booking.starts_at, default=None)
