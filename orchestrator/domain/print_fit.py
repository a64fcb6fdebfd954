"""PURE: whether a print would be done in time on a device, and the next turn in which it would.

The estimate is the slicer's or OctoPrint's; how long prints really take on a device is seen
from those that were finished on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from mqtt_schemas.plan import AtEnd, PrintFit
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import Misfit, Policy
from orchestrator.domain.sessions import Session, SessionState

#: The median of so many of the newest prints; of fewer than AT_LEAST, MARGIN_PERCENT is taken.
NEWEST = 30
AT_LEAST = 3
MARGIN_PERCENT = 110
#: In steps of so much, so that not every finished print makes a new plan.
STEP_PERCENT = 5
#: What the contract can say (mqtt_schemas.plan.PrintFit).
LEAST_PERCENT, MOST_PERCENT = 10, 1000
#: Where neither a booking nor closing follows.
LONGEST_RUN_ON = timedelta(days=7)

#: How ends of turns are met by which a job that began in one may finish after it.
_RUNS_ON = frozenset({AtEnd.FINISH_JOB, AtEnd.NOTIFY})


class Printed(NamedTuple):
    """A print that was finished: what was estimated of it, and how long it took, without pauses."""

    estimated_ms: int
    actual_ms: int


def printed(session: Session) -> Printed | None:
    """Return what a session tells of how long prints take; None: it is no finished print.

    Figures that devices tell of a print: `estimated_ms`, `print_ms`, `progress_percent`.
    """
    figures = session.figures
    whole = figures.get("progress_percent") == 100 and not session.at_checkpoint
    estimated_ms, actual_ms = figures.get("estimated_ms", 0), figures.get("print_ms", 0)
    if session.state is not SessionState.ENDED or not (whole and estimated_ms and actual_ms):
        return None
    return Printed(estimated_ms, actual_ms)


class Why(StrEnum):
    """What limits a print."""

    TURN = "turn"
    BOOKING = "booking"
    CLOSING = "closing"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Limit:
    """By when a print must be done, and what makes it so. None: nothing does."""

    at: datetime | None
    why: Why


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a print is done by its limit. over: by how much it is not."""

    fits: bool
    done_at: datetime
    limit: Limit

    @property
    def over(self) -> timedelta:
        """How long after its limit the print would be done."""
        if self.limit.at is None:
            return timedelta(0)
        return max(timedelta(0), self.done_at - self.limit.at)


class FreeTurn(NamedTuple):
    """A turn that could be booked, and when the print would be done in it."""

    starts_at: datetime
    ends_at: datetime
    done_at: datetime


class Open(NamedTuple):
    """A span in which the device may be used."""

    starts_at: datetime
    ends_at: datetime


def ratio_percent(prints: Sequence[Printed]) -> int:
    """Return how long prints take of what is estimated, by the newest of them (oldest first).

    The median, since one print with a wrong estimate must not matter; rounded up.
    """
    newest = [each for each in prints[-NEWEST:] if each.estimated_ms > 0]
    if len(newest) < AT_LEAST:
        return MARGIN_PERCENT
    percent = median(100 * each.actual_ms / each.estimated_ms for each in newest)
    stepped = STEP_PERCENT * -(-percent // STEP_PERCENT)
    return int(min(max(stepped, LEAST_PERCENT), MOST_PERCENT))


def corrected(estimate: timedelta, percent: int) -> timedelta:
    """Return how long a print will take."""
    return estimate * percent / 100


def limit(
    policy: Policy,
    *,
    turn_ends_at: datetime | None,
    next_starts_at: datetime | None,
    closes_at: datetime | None,
    over_closing: bool = False,
) -> Limit:
    """Return by when a print must be done that begins in a turn, or (None) without one.

    A turn's end is the limit where a job that runs is ended by it. Else the job may run on,
    up to the next booking less what is kept free before it, and up to closing unless staff
    lets it run over (context.md: a print may run on only by staff's leave).
    """
    if turn_ends_at is not None and policy.at_end not in _RUNS_ON:
        return Limit(turn_ends_at, Why.TURN)
    limits = []
    if next_starts_at is not None:
        limits.append((next_starts_at - timedelta(seconds=policy.buffer), Why.BOOKING))
    if closes_at is not None and not over_closing:
        limits.append((closes_at, Why.CLOSING))
    if not limits:
        return Limit(None, Why.NOTHING)
    first = Limit(*min(limits))
    if turn_ends_at is not None and first.at is not None and first.at <= turn_ends_at:
        return Limit(turn_ends_at, Why.TURN)
    return first


def run_on(found: Limit, turn_ends_at: datetime) -> int:
    """Return how many seconds after its turn's end a job may go on: the plan's `run_on`."""
    after = LONGEST_RUN_ON if found.at is None else found.at - turn_ends_at
    return max(0, int(min(after, LONGEST_RUN_ON).total_seconds()))


def said(policy: Policy, prints: Sequence[Printed]) -> PrintFit | None:
    """Return what the plan says of prints that would not fit; None: nothing is done about them."""
    match policy.print_misfit:
        case Misfit.REFUSE:
            return PrintFit(misfit="refuse", ratio_percent=ratio_percent(prints))
        case Misfit.WARN:
            return PrintFit(misfit="warn", ratio_percent=ratio_percent(prints))
        case Misfit.LEAVE:
            return None


def fit(needs: timedelta, begins_at: datetime, found: Limit) -> Fit:
    """Return whether a print that takes so long fits if it begins then."""
    done_at = begins_at + needs
    return Fit(found.at is None or done_at <= found.at, done_at, found)


def closing(usable: Iterable[Open], moment: datetime) -> datetime:
    """Return when the device stops being usable after a moment; the moment itself if it is not."""
    for span in joined(usable):
        if span.starts_at <= moment < span.ends_at:
            return span.ends_at
    return moment


def next_fit(
    policy: Policy,
    needs: timedelta,
    *,
    usable: Iterable[Open],
    bookings: Iterable[Booking],
    after: datetime,
    align: Callable[[datetime], datetime] = lambda moment: moment,
) -> FreeTurn | None:
    """Return the first free turn from `after` on in which a print is done, or None.

    It is as long as the print needs, rounded up to whole minutes and the shortest turn; where
    the print may run on, no longer than the longest. align: gives the first start that the
    policy's grid has at or after a moment.
    """
    shortest, longest = timedelta(seconds=policy.shortest), timedelta(seconds=policy.longest)
    runs_on = policy.at_end in _RUNS_ON
    if needs > longest and not runs_on:
        return None
    length = min(max(_whole_minutes(needs), shortest), longest)
    for span in _free(policy, joined(usable), bookings):
        starts_at = align(max(span.starts_at, after))
        if starts_at + max(needs, length) <= span.ends_at:
            return FreeTurn(starts_at, starts_at + length, starts_at + needs)
    return None


def joined(usable: Iterable[Open]) -> list[Open]:
    """Return spans of use without the seams between them: staffed or not, of one group or all."""
    result: list[Open] = []
    for span in sorted(usable):
        if result and span.starts_at <= result[-1].ends_at:
            result[-1] = Open(result[-1].starts_at, max(result[-1].ends_at, span.ends_at))
        else:
            result.append(span)
    return result


def _free(policy: Policy, usable: Iterable[Open], bookings: Iterable[Booking]) -> Iterable[Open]:
    """Return the spans within which no booking is near."""
    room = timedelta(seconds=policy.grace + policy.buffer)
    taken = sorted((each.starts_at, each.ends_at) for each in bookings if each.live)
    for span in usable:
        begins = span.starts_at
        for starts_at, ends_at in taken:
            if ends_at + room <= begins or starts_at - room >= span.ends_at:
                continue
            if starts_at - room > begins:
                yield Open(begins, starts_at - room)
            begins = max(begins, ends_at + room)
        if begins < span.ends_at:
            yield Open(begins, span.ends_at)


def _whole_minutes(length: timedelta) -> timedelta:
    minute = timedelta(minutes=1)
    return -(-length // minute) * minute
