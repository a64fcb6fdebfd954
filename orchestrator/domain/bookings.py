"""Bookings of a device, and the rules that keep turns fair: no two overlap.

BookingRefused
├── NoRoom
└── NotKnown
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from mqtt_schemas.plan import AtEnd, HashedCode
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import CheckInBy, Device, Policy
from orchestrator.domain.local_time import say_length, say_moment

#: A form filled in at 14:00 and sent at 14:00:40 is in time.
TOLERANCE = timedelta(minutes=1)

_MINUTE = timedelta(minutes=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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


class NoRoom(BookingRefused):
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


def nearest_free(
    bookings: Iterable[Booking],
    starts_at: datetime,
    length: timedelta,
    *,
    spacing: timedelta,
    now: datetime,
) -> datetime:
    """Return the free start nearest to `starts_at`, on a whole minute and not before `now`.

    Of two as near, the earlier.
    """
    taken = [(_LONG_AGO, _up(now))]
    for booking in bookings:
        if booking.live:
            first = _down(booking.starts_at - spacing - length)
            taken.append((first, _up(booking.ends_at + spacing)))
    for first, last in _joined(taken):
        if first < starts_at < last:
            late = first == _LONG_AGO or last - starts_at < starts_at - first
            return last if late else first
    return starts_at


def check_new(
    desk: Desk, bookings: Iterable[Booking], starts_at: datetime, ends_at: datetime
) -> None:
    """Raise BookingRefused unless a turn of these times can be booked.

    `bookings` are all those of the device that end after `now` less the spacing.
    """
    _check_length(desk, starts_at, ends_at)
    if starts_at < desk.now - TOLERANCE:
        raise BookingRefused(f"The start, {desk.say(starts_at)}, is in the past.")
    furthest = timedelta(seconds=desk.policy.ahead)
    if starts_at > desk.now + furthest:
        raise BookingRefused(
            f"{desk.device.name} can be booked at most {say_length(furthest)} ahead."
        )
    bookings = list(bookings)
    room = spacing(desk.policy)
    other = clash(bookings, starts_at, ends_at, spacing=room)
    if other is None:
        return
    length = ends_at - starts_at
    free = nearest_free(bookings, starts_at, length, spacing=room, now=desk.now)
    raise NoRoom(
        f"{_taken(desk, other, starts_at, ends_at)}; the nearest free turn of "
        f"{say_length(length)} starts at {desk.say(free, beside=other.starts_at)}."
    )


def check_new_end(
    desk: Desk, booking: Booking, bookings: Iterable[Booking], ends_at: datetime
) -> None:
    """Raise BookingRefused unless the booking may end at `ends_at` instead.

    Longer, by at most the longest turn at a time; or shorter, but not ended in the past.
    A turn that is over reopens only where its end locked or paused (design: Plan).
    """
    _check_live(desk, booking)
    if ends_at <= booking.starts_at:
        raise BookingRefused(
            f"The turn can't end at {desk.say(ends_at)}, "
            f"it starts at {desk.say(booking.starts_at)}."
        )
    if ends_at < desk.now - TOLERANCE:
        raise BookingRefused(f"The new end, {desk.say(ends_at)}, is in the past.")
    longest = timedelta(seconds=desk.policy.longest)
    if ends_at - booking.ends_at > longest:
        raise BookingRefused(f"A turn is extended by at most {say_length(longest)} at a time.")
    others = [other for other in bookings if other.id != booking.id]
    other = clash(others, booking.starts_at, ends_at, spacing=spacing(desk.policy))
    if other is None or ends_at <= booking.ends_at:
        return
    latest = other.starts_at - spacing(desk.policy)
    advice = "it can't be extended"
    if latest > max(booking.ends_at, desk.now):
        advice = f"it can be extended to {desk.say(latest, beside=other.starts_at)}"
    raise NoRoom(f"{_taken(desk, other, booking.starts_at, ends_at)}; {advice}.")


def check_cancel(desk: Desk, booking: Booking) -> None:
    """Raise BookingRefused unless the booking can be cancelled."""
    if booking.state is BookingState.CANCELLED:
        raise BookingRefused("The booking is cancelled already.")
    if desk.now >= booking.ends_at:
        raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}.")


def _check_length(desk: Desk, starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise BookingRefused(
            f"The end, {desk.say(ends_at)}, is not after the start, {desk.say(starts_at)}."
        )
    shortest = timedelta(seconds=desk.policy.shortest)
    longest = timedelta(seconds=desk.policy.longest)
    if ends_at - starts_at < shortest:
        raise BookingRefused(
            f"A turn on {desk.device.name} is at least {say_length(shortest)} long."
        )
    if ends_at - starts_at > longest:
        raise BookingRefused(f"A turn on {desk.device.name} is at most {say_length(longest)} long.")


def _check_live(desk: Desk, booking: Booking) -> None:
    if booking.state is BookingState.CANCELLED:
        raise BookingRefused("The booking is cancelled; make a new one.")
    over = desk.now >= booking.ends_at + timedelta(seconds=desk.policy.grace)
    if over and desk.policy.at_end not in (AtEnd.LOCK, AtEnd.PAUSE_JOB):
        raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}; book a new one.")


def _taken(desk: Desk, other: Booking, starts_at: datetime, ends_at: datetime) -> str:
    first = desk.say(other.starts_at)
    last = desk.say(other.ends_at, beside=other.starts_at)
    text = f"{desk.device.name} is booked from {first} to {last}"
    if clash([other], starts_at, ends_at) is None:
        text += f" and needs {say_length(spacing(desk.policy))} between turns"
    return text


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return open spans joined where they overlap: their ends are outside all of them."""
    joined: list[tuple[datetime, datetime]] = []
    for first, last in sorted(spans):
        if joined and first < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _down(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _up(moment: datetime) -> datetime:
    whole = _down(moment)
    return whole if whole == moment else whole + _MINUTE
