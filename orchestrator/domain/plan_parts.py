"""PURE: the parts of a plan: turns of bookings, windows, and the terms of turns begun alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_schemas.plan import CheckIn, DatedCode, StaffCode, Turn, WalkIn, Window
from orchestrator.domain import print_fit
from orchestrator.domain.bookings import Booking, BookingState, Purpose, spacing
from orchestrator.domain.devices import CheckInBy, Policy
from orchestrator.domain.print_fit import Open, Printed
from orchestrator.domain.staff_words import NOTHING_SAID, StaffWords
from orchestrator.domain.windows import Usable

#: Days whose staff codes a plan carries at most (mqtt_schemas.plan.StaffCode).
MOST_CODES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """What holds for a device beside its bookings.

    usable: when it may be used, over all of the plan's reach; None: always. waiting: whether
    somebody waits for a device of its kind. prints: the newest ones, oldest first.
    """

    usable: tuple[Usable, ...] | None = None
    waiting: bool = False
    words: StaffWords = NOTHING_SAID
    staff_codes: tuple[DatedCode, ...] = ()
    prints: tuple[Printed, ...] = ()


NOTHING_HOLDS = Holds()


def turns(policy: Policy, bookings: Sequence[Booking], holds: Holds) -> list[Turn]:
    """Return the turns of bookings in order, none overlapping; a block gives none."""
    planned = [each for each in apart(bookings) if each.purpose is not Purpose.BLOCK]
    following = _following(bookings, planned)
    closings = None if holds.usable is None else print_fit.joined(_opens(holds.usable))
    return [
        _turn(policy, booking, later, closings, holds)
        for booking, later in zip(planned, following, strict=True)
    ]


def apart(bookings: Iterable[Booking]) -> list[Booking]:
    """Return the live bookings in order; of those that overlap (a hand-made store) the earlier."""
    kept: list[Booking] = []
    seen: set[str] = set()
    for booking in sorted(bookings, key=lambda b: (b.starts_at, b.ends_at, b.id)):
        in_the_way = kept and booking.starts_at < kept[-1].ends_at
        if not booking.live or in_the_way or booking.id in seen:
            continue
        kept.append(booking)
        seen.add(booking.id)
    return kept


def windows(
    policy: Policy, bookings: Sequence[Booking], holds: Holds, first: datetime, until: datetime
) -> tuple[Window, ...] | None:
    """Return when the device may be used without a turn; None: always.

    Not while it is blocked, and not in the pause after a turn (hygiene).
    """
    taken = sorted(_taken(policy, bookings))
    if holds.usable is None and not taken:
        return None
    usable = (Usable(first, until),) if holds.usable is None else holds.usable
    return tuple(
        Window(
            starts_at=starts_at,
            ends_at=ends_at,
            assumed_group=span.group,
            exclusive=span.exclusive,
        )
        for span in usable
        for starts_at, ends_at in _left(max(span.starts_at, first), min(span.ends_at, until), taken)
    )


def walk_in(policy: Policy, holds: Holds) -> WalkIn | None:
    """Return how long a customer may begin alone; None: not at all.

    Nobody passes those who wait. Ages and quotas are asked at the desk, so the turn is begun there.
    """
    asks = policy.minimum_age is not None or policy.guardian_below is not None or policy.quotas
    if not policy.walk_in or holds.waiting or asks:
        return None
    return WalkIn(
        max_seconds=policy.walk_in,
        min_seconds=min(policy.shortest, policy.walk_in),
        gap=policy.buffer,
        warn_before=policy.warn_before,
        grace=policy.grace,
        at_end=policy.at_end,
    )


def staff_code(policy: Policy, codes: Sequence[DatedCode]) -> StaffCode | None:
    """Return how staff opens the device by hand; None where there is no code."""
    if not codes:
        return None
    return StaffCode(
        days=tuple(codes[:MOST_CODES]),
        max_seconds=policy.longest,
        gap=policy.buffer,
        warn_before=policy.warn_before,
        grace=policy.grace,
        at_end=policy.at_end,
    )


def _turn(
    policy: Policy,
    booking: Booking,
    later: datetime | None,
    closings: Sequence[Open] | None,
    holds: Holds,
) -> Turn:
    """Return a booking's turn. `later`: when the device is taken again.

    The grace gives way where a policy was changed after the bookings were made.
    """
    length = booking.ends_at - booking.starts_at
    grace = timedelta(seconds=policy.grace)
    if booking.id == holds.words.ended:
        grace = timedelta(0)
    if later is not None:
        grace = min(grace, later - booking.ends_at)
    limit = print_fit.limit(
        policy,
        turn_ends_at=booking.ends_at,
        next_starts_at=later,
        closes_at=None if closings is None else _closes(closings, booking.ends_at),
        over_closing=booking.over_closing,
    )
    return Turn(
        id=booking.id,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        warn_before=tuple(
            seconds for seconds in policy.warn_before if timedelta(seconds=seconds) < length
        ),
        grace=int(grace.total_seconds()),
        at_end=policy.at_end,
        check_in=_check_in(policy, booking),
        target_group=booking.target_group,
        group_assumed=booking.group_assumed,
        party_size=booking.party_size,
        event=booking.event,
        rotate=booking.rotate,
        run_on=print_fit.run_on(limit, booking.ends_at),
    )


def _check_in(policy: Policy, booking: Booking) -> CheckIn | None:
    """Return how the customer shows that they came; None where they need not, or have."""
    if booking.state is BookingState.OFFERED:
        held = booking.hold_until or booking.ends_at
        within = max(0, int((held - booking.starts_at).total_seconds()))
        return CheckIn(within=within, code=booking.code)
    asked = booking.state is BookingState.BOOKED and booking.check_in is not CheckInBy.NONE
    return CheckIn(within=policy.check_in_within, code=booking.code) if asked else None


def _following(
    bookings: Sequence[Booking], planned: Sequence[Booking]
) -> Iterator[datetime | None]:
    """Yield for each planned booking when the device is taken next, by a block too."""
    starts = sorted(each.starts_at for each in bookings if each.live)
    for booking in planned:
        index = bisect_right(starts, booking.starts_at)
        later = next((start for start in starts[index:] if start >= booking.ends_at), None)
        yield later


def _taken(policy: Policy, bookings: Iterable[Booking]) -> Iterator[tuple[datetime, datetime]]:
    room = spacing(policy) if policy.buffer else timedelta(0)
    for booking in bookings:
        if not booking.live:
            continue
        if booking.purpose is Purpose.BLOCK:
            yield booking.starts_at, booking.ends_at
        elif room:
            yield booking.ends_at, booking.ends_at + room


def _left(
    first: datetime, last: datetime, taken: Sequence[tuple[datetime, datetime]]
) -> Iterator[tuple[datetime, datetime]]:
    """Yield what of a span is not taken."""
    for starts_at, ends_at in taken:
        if ends_at <= first or starts_at >= last:
            continue
        if first < starts_at:
            yield first, starts_at
        first = max(first, ends_at)
    if first < last:
        yield first, last


def _opens(usable: Iterable[Usable]) -> Iterator[Open]:
    return (Open(span.starts_at, span.ends_at) for span in usable)


def _closes(openings: Sequence[Open], moment: datetime) -> datetime:
    """Return when the device stops being usable after a moment; the moment itself if it is not."""
    index = bisect_right(openings, moment, key=lambda span: span.starts_at) - 1
    if index >= 0 and moment < openings[index].ends_at:
        return openings[index].ends_at
    return moment
