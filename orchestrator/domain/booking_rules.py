"""PURE: the rules of a new booking, each a function that returns the reason why not, or None.

The first rule that is broken speaks. Reasons are sentences without their full stop.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    Desk,
    NoRoom,
    Purpose,
    WrongTime,
    clash,
    spacing,
)
from orchestrator.domain.grid import on_grid
from orchestrator.domain.hours_rules import covers, for_group, group_of, leave, opened, staffed_at
from orchestrator.domain.local_time import say_length, to_local
from orchestrator.domain.wishes import Case, Wish

__all__ = ["Case", "Wish", "covers", "group_of", "staffed_at"]

#: A form filled in at 14:00 and sent at 14:00:40 is in time.
TOLERANCE = timedelta(minutes=1)
#: A class of children with their teacher; the contract's own limit (mqtt_schemas.base.PartySize).
LARGEST_PARTY = 1000
#: Less is no use without a booking (mqtt_schemas.plan.Terms).
SHORTEST_WALK_IN = timedelta(minutes=1)
LONGEST_BLOCK = timedelta(days=366)
FURTHEST_BLOCK = timedelta(days=3660)

Rule = Callable[[Case], str | None]


def check_new(case: Case) -> None:
    """Raise BookingRefused unless the turn can be booked: NoRoom, WrongTime or another one."""
    for rule, refused in RULES:
        reason = rule(case)
        if reason is not None:
            raise refused(reason)


def check_block(case: Case) -> None:
    """Raise BookingRefused unless the device can be blocked: only what is past or taken can't."""
    reason = _order(case) or _past(case)
    if reason is None and case.wish.length > LONGEST_BLOCK:
        reason = f"A block is at most {say_length(LONGEST_BLOCK)} long"
    if reason is None and case.wish.starts_at - case.desk.now > FURTHEST_BLOCK:
        reason = f"A device can be blocked at most {say_length(FURTHEST_BLOCK)} ahead"
    if reason is not None:
        raise BookingRefused(f"{reason}.")
    reason = _room(case)
    if reason is not None:
        raise NoRoom(reason)


def check_place(case: Case) -> None:
    """Raise BookingRefused unless a turn that was booked elsewhere can be had here instead."""
    for rule, refused in (
        (_party, _other),
        (opened, WrongTime),
        (for_group, WrongTime),
        (_room, NoRoom),
    ):
        reason = rule(case)
        if reason is not None:
            raise refused(reason)


def _other(reason: str) -> BookingRefused:
    return BookingRefused(f"{reason}.")


def _order(case: Case) -> str | None:
    if case.wish.ends_at > case.wish.starts_at:
        return None
    first, last = case.desk.say(case.wish.starts_at), case.desk.say(case.wish.ends_at)
    return f"The end, {last}, is not after the start, {first}"


def _shortest(case: Case) -> str | None:
    shortest = timedelta(seconds=case.policy.shortest)
    if case.wish.walk_in:
        shortest = min(shortest, SHORTEST_WALK_IN)
    if case.wish.length >= shortest:
        return None
    return f"A turn on {case.name} is at least {say_length(shortest)} long"


def _longest(case: Case) -> str | None:
    longest = timedelta(seconds=case.policy.walk_in if case.wish.walk_in else case.policy.longest)
    if case.wish.walk_in and not longest:
        return f"{case.name} is not used without a booking"
    if case.wish.length <= longest:
        return None
    booking = " without a booking" if case.wish.walk_in else ""
    return f"A turn on {case.name}{booking} is at most {say_length(longest)} long"


def _past(case: Case) -> str | None:
    if case.wish.starts_at >= case.desk.now - TOLERANCE:
        return None
    return f"The start, {case.desk.say(case.wish.starts_at)}, is in the past"


def _same_day(case: Case) -> str | None:
    if not case.policy.same_day:
        return None
    day = to_local(case.wish.starts_at, case.desk.zone).date()
    if day == to_local(case.desk.now, case.desk.zone).date():
        return None
    return f"{case.name} is booked for the same day only"


def _notice(case: Case) -> str | None:
    notice = timedelta(seconds=case.policy.notice)
    if case.wish.walk_in or not notice:
        return None
    if case.wish.starts_at >= case.desk.now + notice - TOLERANCE:
        return None
    return f"{case.name} is booked at least {say_length(notice)} ahead"


def _ahead(case: Case) -> str | None:
    furthest = timedelta(seconds=case.policy.ahead)
    if case.wish.starts_at <= case.desk.now + furthest:
        return None
    return f"{case.name} can be booked at most {say_length(furthest)} ahead"


def _grid(case: Case) -> str | None:
    grid = case.policy.grid
    if case.wish.walk_in or on_grid(case.wish.starts_at, grid, case.desk.zone):
        return None
    return f"Turns on {case.name} start every {say_length(timedelta(seconds=grid))}"


def _party(case: Case) -> str | None:
    size = case.wish.party_size
    if size is not None and not 1 <= size <= LARGEST_PARTY:
        return f"A party is 1 to {LARGEST_PARTY} people, not {size}"
    if size is not None and size > case.policy.party:
        people = "person" if case.policy.party == 1 else "people"
        return f"{case.name} is for at most {case.policy.party} {people} at a time"
    return None


def _room(case: Case) -> str | None:
    wish, room = case.wish, spacing(case.policy)
    other = clash(case.others, wish.starts_at, wish.ends_at, spacing=room)
    return None if other is None else taken(case.desk, other, wish.starts_at, wish.ends_at)


def taken(desk: Desk, other: Booking, starts_at: datetime, ends_at: datetime) -> str:
    """Return which booking leaves no room, and why where they do not overlap."""
    first = desk.say(other.starts_at)
    last = desk.say(other.ends_at, beside=other.starts_at)
    word = "blocked" if other.purpose is Purpose.BLOCK else "booked"
    text = f"{desk.device.name} is {word} from {first} to {last}"
    if clash([other], starts_at, ends_at) is None:
        text += f" and needs {say_length(spacing(desk.policy))} between turns"
    return text


#: In the order in which they speak, and as what.
RULES: tuple[tuple[Rule, Callable[[str], BookingRefused]], ...] = (
    (_order, _other),
    (_shortest, _other),
    (_longest, _other),
    (_past, _other),
    (_party, _other),
    (_same_day, WrongTime),
    (_notice, WrongTime),
    (_ahead, WrongTime),
    (_grid, WrongTime),
    (leave, _other),
    (opened, WrongTime),
    (for_group, WrongTime),
    (_room, NoRoom),
)
