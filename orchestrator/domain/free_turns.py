"""PURE: the free turns nearest to a wish, by every rule about time.

Spans are of starts, in milliseconds (orchestrator.domain.spans). The search reaches two weeks
to each side at most, so that ten thousand bookings cost one sort.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from orchestrator.domain.booking_rules import Case, check_new, group_of
from orchestrator.domain.bookings import Booking, BookingRefused, Desk, spacing
from orchestrator.domain.grid import grid_down, grid_up
from orchestrator.domain.local_time import InvalidTime, at_wall, say_length, to_local
from orchestrator.domain.spans import Span, subtract, union

#: So far to each side of the wish free turns are looked for: further only where few are found.
REACHES = (timedelta(days=1), timedelta(days=14))
REACH = REACHES[-1]
#: At most so many are named.
NAMED = 3

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 1, tzinfo=UTC)


def search_span(case: Case, reach: timedelta = REACH) -> tuple[datetime, datetime]:
    """Return from when to when turns are looked for; bookings of that time must be known."""
    desk, policy = case.desk, case.policy
    wanted = min(max(case.wish.starts_at, _EPOCH + reach), _LATEST - reach)
    first = max(desk.now + timedelta(seconds=policy.notice), wanted - reach)
    last = min(desk.now + timedelta(seconds=policy.ahead), wanted + reach)
    if policy.same_day:
        last = min(last, _end_of_day(desk))
    # A wish beyond what can be booked at all: what is nearest to it is at the edge.
    if first > last:
        first = max(desk.now + timedelta(seconds=policy.notice), last - reach)
    return first, max(first, last + case.wish.length)


def nearest(case: Case, reach: timedelta = REACH) -> list[datetime]:
    """Return the free starts nearest to the wish, by their distance; at most three.

    `case.others`: all bookings of search_span.
    """
    wanted, policy, zone = case.wish.starts_at, case.policy, case.desk.zone
    spans = free_starts(case, reach)
    found: set[datetime] = set()
    place = bisect_right(spans, ms_from_utc(wanted), key=attrgetter("from_ms"))
    for span in spans[max(0, place - 1) :]:
        first, last = utc_from_ms(span.from_ms), utc_from_ms(span.to_ms - 1)
        start = grid_up(max(first, min(wanted, last)), policy.grid, zone)
        while start <= last and len(found) < NAMED:
            found.add(start)
            start = grid_up(start + case.wish.length + spacing(policy), policy.grid, zone)
        if len(found) >= NAMED:
            break
    earlier = 0
    for span in reversed(spans[:place]):
        first, last = utc_from_ms(span.from_ms), utc_from_ms(span.to_ms - 1)
        start = grid_down(min(last, wanted), policy.grid, zone)
        while start >= first and earlier < NAMED:
            earlier += 1
            found.add(start)
            start = grid_down(start - case.wish.length - spacing(policy), policy.grid, zone)
        if earlier >= NAMED:
            break
    near = sorted(found, key=lambda start: (abs(start - wanted), start))
    return [start for start in near if _would_do(case, start)][:NAMED]


def _would_do(case: Case, start: datetime) -> bool:
    """Hold a start against every rule: what is offered can be had."""
    wish = replace(case.wish, starts_at=start, ends_at=start + case.wish.length)
    try:
        check_new(replace(case, wish=wish))
    except BookingRefused:
        return False
    return True


def free_starts(case: Case, reach: timedelta = REACH) -> list[Span]:
    """Return the starts at which a turn of that length has room in the hours; grid apart."""
    first, last = search_span(case, reach)
    length_ms = round(case.wish.length.total_seconds() * 1000)
    group, _ = group_of(case)
    usable = union(
        Span(ms_from_utc(span.starts_at), ms_from_utc(span.ends_at))
        for span in case.hours(case.policy, first, last)
        if not span.exclusive or case.wish.group is None or span.group == group
    )
    starts = [
        Span(span.from_ms, span.to_ms - length_ms + 1)
        for span in usable
        if span.to_ms - span.from_ms >= length_ms
    ]
    begin, end = ms_from_utc(first), ms_from_utc(last) - length_ms + 1
    starts = [Span(max(a, begin), min(b, end)) for a, b in starts if a < end and b > begin]
    return subtract(starts, _taken(case.others, spacing(case.policy), case.wish.length))


def say_free(
    desk: Desk, found: Sequence[tuple[datetime, Desk]], length: timedelta, *, wanted: datetime
) -> str:
    """Return the second half of a refusal: which turns are free. found: (start, where)."""
    if not found:
        return f"no turn of {say_length(length)} is free within {say_length(REACH)} of it"
    texts: list[str] = []
    for start, where in found:
        text = desk.say(start, beside=wanted)
        if where.device.address != desk.device.address:
            text += f" ({where.device.name})"
        texts.append(text)
    if len(texts) == 1:
        return f"the nearest free turn of {say_length(length)} starts at {texts[0]}"
    listed = f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"the nearest free turns of {say_length(length)} start at {listed}"


def _taken(others: Iterable[Booking], room: timedelta, length: timedelta) -> list[Span]:
    """Return the starts that bookings leave no room for: open spans, since ends may touch."""
    return union(
        Span(
            ms_from_utc(max(other.starts_at - room - length, _EPOCH)) + 1,
            ms_from_utc(min(other.ends_at + room, _LATEST)),
        )
        for other in others
        if other.live and other.starts_at < _LATEST
    )


def _end_of_day(desk: Desk) -> datetime:
    local = to_local(desk.now, desk.zone)
    midnight = (local + timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0
    )
    try:
        return at_wall(midnight, desk.zone) - timedelta(milliseconds=1)
    except InvalidTime:  # no clock change at midnight in Finland; elsewhere a day is 24 hours
        return desk.now + timedelta(days=1)
