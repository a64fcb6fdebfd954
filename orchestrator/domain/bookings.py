"""PURE: bookings of a device. No two that are live overlap.

BookingRefused
├── NotKnown
└── WrongTime
    └── NoRoom
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from mqtt_schemas.plan import HashedCode
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import CheckInBy, Device, Policy
from orchestrator.domain.local_time import say_moment


class BookingState(StrEnum):
    """Where a booking stands.

    offered: held for the first in the queue until `hold_until`. no_show: not checked in in
    time, so its turn was released. released: given back by staff or customer before its end.
    """

    BOOKED = "booked"
    OFFERED = "offered"
    CHECKED_IN = "checked_in"
    USED = "used"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    RELEASED = "released"


#: A turn of these takes its time of the device. A used one up to its end.
LIVE = frozenset(
    {BookingState.BOOKED, BookingState.OFFERED, BookingState.CHECKED_IN, BookingState.USED}
)


class Purpose(StrEnum):
    """What a device is booked for. A block gives nobody a turn; an event's turn is a group's."""

    TURN = "turn"
    EVENT = "event"
    BLOCK = "block"


class BookedBy(StrEnum):
    """Where a booking comes from. device: begun there, as a walk-in or with a staff code."""

    STAFF = "staff"
    QUEUE = "queue"
    DEVICE = "device"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Booking:
    """A customer's, or a group's, claim to a device. Times are UTC. Names nobody.

    kind: where any device of that kind was asked for, so that it may be moved. series, event:
    ids. hold_until: of an offer. code: of check-in; the words themselves are kept nowhere.
    walk_in: without notice. over_closing: staff lets it run on after closing. rotate: seconds.
    """

    id: str
    address: Address
    starts_at: datetime
    ends_at: datetime
    target_group: str | None = None
    party_size: int | None = None
    state: BookingState = BookingState.BOOKED
    purpose: Purpose = Purpose.TURN
    by: BookedBy = BookedBy.STAFF
    group_assumed: bool = False
    kind: str | None = None
    series: str | None = None
    event: str | None = None
    rotate: int | None = None
    walk_in: bool = False
    over_closing: bool = False
    check_in: CheckInBy = CheckInBy.NONE
    code: HashedCode | None = None
    hold_until: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether it takes time of its device."""
        return self.state in LIVE


class BookingRefused(ValueError):
    """The booking can't be made. The text is one sentence for the person who asked."""


class WrongTime(BookingRefused):
    """Not then: another time may do. `reason` is the sentence without its full stop."""

    def __init__(self, reason: str) -> None:
        self.reason = reason.removesuffix(".")
        super().__init__(f"{self.reason}.")


class NoRoom(WrongTime):
    """Another booking is in the way."""


class NotKnown(BookingRefused):
    """There is no such device, booking or target group."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when somebody asks: the device, the hour, and the clock on the wall."""

    device: Device
    now: datetime
    zone: tzinfo

    @property
    def policy(self) -> Policy:
        """The device's policy."""
        return self.device.policy

    def say(self, moment: datetime, *, beside: datetime | None = None) -> str:
        """Return a moment in local time."""
        return say_moment(moment, self.zone, beside=beside)


class Usable(Protocol):
    """A span in which a device may be used (orchestrator.domain.windows)."""

    @property
    def starts_at(self) -> datetime:
        """Its first moment, in UTC."""

    @property
    def ends_at(self) -> datetime:
        """The moment after its last."""

    @property
    def group(self) -> str | None:
        """The target group that is assumed of who declares none."""

    @property
    def exclusive(self) -> bool:
        """Whether it is for that group only."""

    @property
    def staffed(self) -> bool:
        """Whether staff is there."""


#: (policy, first, last) -> the spans between in which a device of that policy may be used.
Hours = Callable[[Policy, datetime, datetime], Sequence[Usable]]


def spacing(policy: Policy) -> timedelta:
    """Return what a turn needs behind it: `ends_at + grace ≤ next start − buffer`."""
    return timedelta(seconds=policy.grace + policy.buffer)


def clash(
    bookings: Iterable[Booking],
    starts_at: datetime,
    ends_at: datetime,
    *,
    spacing: timedelta = timedelta(0),
) -> Booking | None:
    """Return the earliest booking that leaves no room, or None. Cancelled ones need no room."""
    live = (booking for booking in bookings if booking.live)
    found = [
        booking
        for booking in live
        if starts_at < booking.ends_at + spacing and booking.starts_at < ends_at + spacing
    ]
    return min(found, key=lambda booking: booking.starts_at, default=None)
