"""PURE: the rules of a new booking, each a function that returns the reason why not, or None.

The first rule that is broken speaks. Reasons are sentences without their full stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    Desk,
    Hours,
    NoRoom,
    Usable,
    WrongTime,
    clash,
    spacing,
)
from orchestrator.domain.devices import AfterClosing, Policy
from orchestrator.domain.grid import on_grid
from orchestrator.domain.local_time import say_length, to_local

#: A form filled in at 14:00 and sent at 14:00:40 is in time.
TOLERANCE = timedelta(minutes=1)
#: A class of children with their teacher; the contract's own limit (mqtt_schemas.base.PartySize).
LARGEST_PARTY = 1000
#: Less is no use without a booking (mqtt_schemas.plan.Terms).
SHORTEST_WALK_IN = timedelta(minutes=1)
LONGEST_BLOCK = timedelta(days=366)
FURTHEST_BLOCK = timedelta(days=3660)

_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants. Times are UTC. group: as declared, or None.

    walk_in: now, without notice. over_closing: staff lets it run on after closing.
    """

    starts_at: datetime
    ends_at: datetime
    group: str | None = None
    party_size: int | None = None
    walk_in: bool = False
    over_closing: bool = False

    @property
    def length(self) -> timedelta:
        """How long it is to be."""
        return self.ends_at - self.starts_at


@dataclass(frozen=True)
class Case:
    """A wish at a desk. others: the device's bookings that may be near it."""

    desk: Desk
    wish: Wish
    hours: Hours
    others: Sequence[Booking] = field(default=())

    @property
    def policy(self) -> Policy:
        """The device's policy."""
        return self.desk.policy

    @property
    def name(self) -> str:
        """The device's name."""
        return self.desk.device.name

    @cached_property
    def spans(self) -> Sequence[Usable]:
        """The usable spans that the wish touches."""
        return self.hours(self.policy, self.wish.starts_at, self.needed_until)

    @property
    def needed_until(self) -> datetime:
        """Up to when the device must be usable: a turn over closing must only begin before."""
        if self.wish.over_closing:
            return self.wish.starts_at + _MOMENT
        return self.wish.ends_at


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
        (_open, WrongTime),
        (_group, WrongTime),
        (_room, NoRoom),
    ):
        reason = rule(case)
        if reason is not None:
            raise refused(reason)


def group_of(case: Case) -> tuple[str | None, bool]:
    """Return the target group, and whether it is assumed: of the hour, or of the device.

    Who declares none in hours that are for one group only is taken for one of it.
    """
    if case.wish.group is not None:
        return case.wish.group, False
    theirs = (span.group for span in case.spans if span.exclusive)
    first = case.spans[0].group if case.spans else None
    assumed = next(theirs, None) or first or case.policy.assumed_group
    return assumed, assumed is not None


def staffed_at(case: Case) -> bool:
    """Tell whether staff is there when the turn begins."""
    return bool(case.spans) and case.spans[0].staffed


def covers(spans: Iterable[Usable], first: datetime, last: datetime) -> bool:
    """Tell whether the spans hold all from `first` to `last`."""
    for span in sorted(spans, key=lambda span: span.starts_at):
        if span.starts_at <= first < span.ends_at:
            first = span.ends_at
        if first >= last:
            return True
    return first >= last


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


def _leave(case: Case) -> str | None:
    if not case.wish.over_closing or case.policy.after_closing is AfterClosing.STAFF:
        return None
    return f"No turn on {case.name} runs on after closing"


def _open(case: Case) -> str | None:
    """Name the one rule of hours without which it would do; else the library is closed."""
    first, last = case.wish.starts_at, case.needed_until
    if covers(case.spans, first, last):
        return None
    policy = case.policy
    before = say_length(timedelta(seconds=policy.finish_before_closing))
    reasons = {
        "finish_before_closing": (0, f"Turns on {case.name} end {before} before closing"),
        "staffed_only": (False, f"{case.name} is used in staffed hours only"),
        "school_days_from": (
            None,
            f"On school days {case.name} is used from {policy.school_days_from:%H:%M}"
            if policy.school_days_from
            else "",
        ),
    }
    for rule, (off, reason) in reasons.items():
        without = replace(policy, **{rule: off})  # type: ignore[arg-type] # a field of Policy
        if without != policy and covers(case.hours(without, first, last), first, last):
            return reason
    without = replace(policy, finish_before_closing=0, staffed_only=False, school_days_from=None)
    if without != policy and covers(case.hours(without, first, last), first, last):
        return "; ".join(
            reason for rule, (off, reason) in reasons.items() if getattr(policy, rule) != off
        )
    return "The library is closed then, or for a part of that time"


def _group(case: Case) -> str | None:
    group, _ = group_of(case)
    for span in case.spans:
        if span.exclusive and span.group != group:
            first = case.desk.say(span.starts_at)
            return f"At {first} {case.name} is for the group {span.group} only"
    return None


def _room(case: Case) -> str | None:
    wish, room = case.wish, spacing(case.policy)
    other = clash(case.others, wish.starts_at, wish.ends_at, spacing=room)
    return None if other is None else taken(case.desk, other, wish.starts_at, wish.ends_at)


def taken(desk: Desk, other: Booking, starts_at: datetime, ends_at: datetime) -> str:
    """Return which booking leaves no room, and why where they do not overlap."""
    first = desk.say(other.starts_at)
    last = desk.say(other.ends_at, beside=other.starts_at)
    text = f"{desk.device.name} is booked from {first} to {last}"
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
    (_leave, _other),
    (_open, WrongTime),
    (_group, WrongTime),
    (_room, NoRoom),
)
