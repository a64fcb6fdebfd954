"""PURE: more time, or less, for a turn. Nobody else's time is ever taken for it.

A turn is lengthened until the next booking or closing, and only while nobody waits in the
queue. What a customer gets at the device ends at the longest turn, counted from its start. Staff
may go on beyond it, by at most the longest turn at a time, or although somebody waits, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mqtt_schemas.plan import AtEnd
from orchestrator.domain.booking_rules import LONGEST_BLOCK, TOLERANCE, taken
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    Desk,
    Hours,
    NoRoom,
    Purpose,
    WrongTime,
    spacing,
)
from orchestrator.domain.local_time import say_length

#: Less more time is none.
LEAST = timedelta(minutes=1)

_LATEST = datetime(9999, 12, 1, tzinfo=UTC)


class Denied(StrEnum):
    """Why a customer gets no more time: a code word, also for the device's notice."""

    NOT_OFFERED = "not_offered"
    NOT_YET = "not_yet"
    OVER = "over"
    QUEUE = "queue"
    BOOKED = "booked"
    CLOSING = "closing"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True)
class Running:
    """A turn whose end is to be changed.

    others: the device's other bookings that end after it begins. waiting: how many wait in
    the queue for a device like this.
    """

    desk: Desk
    booking: Booking
    hours: Hours
    others: Sequence[Booking] = ()
    waiting: int = 0


def check_new_end(
    case: Running,
    ends_at: datetime,
    *,
    although_waiting: bool = False,
    over_closing: bool = False,
) -> None:
    """Raise BookingRefused unless the turn may end at `ends_at` instead.

    Shorter, but not ended in the past; or longer, by at most the longest turn at a time.
    """
    desk, booking = case.desk, case.booking
    check_live(desk, booking)
    if ends_at <= booking.starts_at:
        raise BookingRefused(
            f"The turn can't end at {desk.say(ends_at)}, "
            f"it starts at {desk.say(booking.starts_at)}."
        )
    if ends_at < desk.now - TOLERANCE:
        raise BookingRefused(f"The new end, {desk.say(ends_at)}, is in the past.")
    _check_length(case, ends_at)
    if ends_at <= booking.ends_at:
        return
    longest = timedelta(seconds=desk.policy.longest)
    if ends_at - booking.ends_at > longest and booking.purpose is not Purpose.BLOCK:
        raise BookingRefused(f"A turn is extended by at most {say_length(longest)} at a time.")
    if case.waiting and not although_waiting:
        raise NoRoom(
            f"{_people(case.waiting)} in the queue for a device like {desk.device.name}, "
            "so the turn is not extended"
        )
    _check_next(case, ends_at)
    if not (over_closing or booking.over_closing or booking.purpose is Purpose.BLOCK):
        _check_closing(case, ends_at)


def grant(case: Running, seconds: int) -> datetime | Denied:
    """Return the end that a customer at the device gets who asked for more time, or why none.

    One step of the policy; less where the next booking, closing or the maximum comes before.
    """
    policy, booking, now = case.desk.policy, case.booking, case.desk.now
    if not policy.extension or booking.purpose is not Purpose.TURN:
        return Denied.NOT_OFFERED
    if not booking.live or now >= booking.ends_at:
        return Denied.OVER
    if policy.extension_in_last and booking.ends_at - now > (
        timedelta(seconds=policy.extension_in_last) + TOLERANCE
    ):
        return Denied.NOT_YET
    if case.waiting:
        return Denied.QUEUE
    bounds = [
        (next_start(case) - spacing(policy), Denied.BOOKED),
        (booking.starts_at + timedelta(seconds=policy.longest), Denied.LONGEST),
    ]
    step = timedelta(seconds=min(policy.extension, seconds or policy.extension))
    wanted = booking.ends_at + step
    if not booking.over_closing:
        bounds.append((open_until(case, wanted), Denied.CLOSING))
    latest, why = min(bounds, key=lambda bound: bound[0])
    end = min(wanted, latest)
    return end if end - booking.ends_at >= min(LEAST, step) > timedelta(0) else why


def check_live(desk: Desk, booking: Booking) -> None:
    """Raise BookingRefused unless the turn is to come, runs, or can be reopened (design: Plan)."""
    if booking.state is BookingState.CANCELLED:
        raise BookingRefused("The booking is cancelled; make a new one.")
    if not booking.live:
        raise BookingRefused("The turn was released; book a new one.")
    over = desk.now >= booking.ends_at + timedelta(seconds=desk.policy.grace)
    if over and desk.policy.at_end not in (AtEnd.LOCK, AtEnd.PAUSE_JOB):
        raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}; book a new one.")


def check_cancel(desk: Desk, booking: Booking) -> None:
    """Raise BookingRefused unless the booking can be cancelled."""
    if booking.state is BookingState.CANCELLED:
        raise BookingRefused("The booking is cancelled already.")
    if not booking.live:
        raise BookingRefused("The turn was released already.")
    if desk.now >= booking.ends_at:
        raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}.")


def next_start(case: Running) -> datetime:
    """Return when the next booking begins."""
    own = case.booking
    starts = (
        other.starts_at
        for other in case.others
        if other.live and other.id != own.id and other.ends_at > own.starts_at
    )
    return min(starts, default=_LATEST)


def open_until(case: Running, wanted: datetime) -> datetime:
    """Return up to when, at most `wanted`, the device may be used on from the turn's end."""
    booking = case.booking
    until = booking.ends_at
    for span in case.hours(case.desk.policy, booking.starts_at, wanted):
        other = span.exclusive and booking.target_group is not None
        if other and span.group != booking.target_group:
            continue
        if span.starts_at <= until < span.ends_at:
            until = span.ends_at
    return min(until, wanted)


def _check_length(case: Running, ends_at: datetime) -> None:
    """Hold a block, and a turn that has not begun, to the lengths of any."""
    desk, booking = case.desk, case.booking
    if booking.purpose is Purpose.BLOCK and ends_at - booking.starts_at > LONGEST_BLOCK:
        raise BookingRefused(f"A block is at most {say_length(LONGEST_BLOCK)} long.")
    if desk.now >= booking.starts_at or booking.purpose is not Purpose.TURN:
        return
    length, name = ends_at - booking.starts_at, desk.device.name
    shortest, longest = (
        timedelta(seconds=seconds) for seconds in (desk.policy.shortest, desk.policy.longest)
    )
    if length < shortest:
        raise BookingRefused(f"A turn on {name} is at least {say_length(shortest)} long.")
    if length > longest:
        raise BookingRefused(f"A turn on {name} is at most {say_length(longest)} long.")


def _check_next(case: Running, ends_at: datetime) -> None:
    desk, booking = case.desk, case.booking
    begins = next_start(case)
    latest = begins - spacing(desk.policy)
    if ends_at <= latest:
        return
    advice = "it can't be extended"
    if latest > max(booking.ends_at, desk.now):
        advice = f"it can be extended to {desk.say(latest, beside=begins)}"
    other = min(
        (other for other in case.others if other.live and other.starts_at == begins),
        key=lambda other: other.id,
    )
    raise NoRoom(f"{taken(desk, other, booking.starts_at, ends_at)}; {advice}")


def _check_closing(case: Running, ends_at: datetime) -> None:
    desk, booking = case.desk, case.booking
    until = open_until(case, ends_at)
    if until >= ends_at:
        return
    advice = "it can't be extended"
    if until > max(booking.ends_at, desk.now):
        advice = f"it can be extended to {desk.say(until, beside=ends_at)}"
    raise WrongTime(f"{desk.device.name} can't be used until {desk.say(ends_at)}; {advice}")


def _people(number: int) -> str:
    return "Somebody waits" if number == 1 else f"{number} people wait"
