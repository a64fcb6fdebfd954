"""PURE: what a device truly did, held against what was counted of it.

Both go by the boot time of one machine, so they can be laid over each other, to the millisecond.
Of each device there are: its uses (its own journal), the counted sessions, the time in which the
agent told that it reached the device, and the time in which a fault allows that it did not.

lost: uses of which no counted session covers a millisecond, though they were not unseen for a
    reason on record. Shows events that vanished on the way, or sessions not counted.
doubled: sessions that overlap another session of the device, or lie outside every use, or go on
    with a use whose session had ended for no reason; and what the totals have beyond the
    sessions. Shows events taken twice, uses begun twice, totals added twice.
overcounted_ms: counted active (idle) time beyond the truly active (idle) time between a
    session's begin and end; or beyond all use of the device; or of the totals beyond the
    sessions. A use under which the device was killed ended at some time up to the device's next
    start: up to there, both kinds of time are allowed.
unexplained_ms: true time that was not counted and was not unseen for a reason on record. On
    record means: in no interval that the agent told as observed, or in a session's own
    unobserved time. A reason means: an agent killed (up to 30 s back, its last checkpoint, and
    on until it looked again), stopped (up to 2 s back, what was sure), or put back to an older
    outbox; a device killed (up to 2 s back, when it was last heard). Named losses (the
    orchestrator's record of events that a device no longer kept) are reasons of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.device_journal import Use
from orchestrator.rehearsal.intervals import (
    Interval,
    Intervals,
    difference,
    intersection,
    length,
    union,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A counted session, from its begin to its end in boot time.

    right: basis and turn. cut_short: its end is not known, but the last moment known of it, or
    its device was out of reach then.
    """

    session: str
    from_ms: int
    to_ms: int
    active_ms: int
    idle_ms: int
    right: tuple[str, str | None] = ("open", None)
    cut_short: bool = False

    @property
    def span(self) -> Interval:
        """From begin to end."""
        return Interval(self.from_ms, self.to_ms)


@dataclass(frozen=True, slots=True)
class Sums:
    """A device's totals, as reports read them."""

    sessions: int = 0
    active_ms: int = 0
    idle_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is known of one device. observed: as told. excused, losses: see above."""

    device: str
    uses: Sequence[Use]
    sessions: Sequence[Counted]
    totals: Sums
    observed: Intervals = ()
    excused: Intervals = ()
    losses: Intervals = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the comparison comes to. unobserved_ms: true time not counted, for a good reason."""

    uses: int = 0
    sessions: int = 0
    true_ms: int = 0
    counted_ms: int = 0
    unobserved_ms: int = 0
    lost: int = 0
    doubled: int = 0
    overcounted_ms: int = 0
    unexplained_ms: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether nothing is lost, doubled, beyond the truth, or short of it without a reason."""
        return not (self.lost or self.doubled or self.overcounted_ms or self.unexplained_ms)


def add(figures: Iterable[Figures]) -> Figures:
    """Return the sums."""
    all_ = list(figures)
    return Figures(
        uses=sum(each.uses for each in all_),
        sessions=sum(each.sessions for each in all_),
        true_ms=sum(each.true_ms for each in all_),
        counted_ms=sum(each.counted_ms for each in all_),
        unobserved_ms=sum(each.unobserved_ms for each in all_),
        lost=sum(each.lost for each in all_),
        doubled=sum(each.doubled for each in all_),
        overcounted_ms=sum(each.overcounted_ms for each in all_),
        unexplained_ms=sum(each.unexplained_ms for each in all_),
        remarks=tuple(remark for each in all_ for remark in each.remarks),
    )


def compare(history: History) -> Figures:
    """Hold one device's count against its truth."""
    return _Comparison(history).figures()


class _Comparison:
    def __init__(self, history: History) -> None:
        self._device = history.device
        self._uses = [use for use in history.uses if use.rightful]
        self._sessions = sorted(history.sessions, key=lambda each: (each.from_ms, each.to_ms))
        self._totals = history.totals
        self._true = union(_sure(use) for use in self._uses)
        self._possible = union(_possible(use) for use in self._uses)
        self._active = union(_of_kind(self._uses, active=True))
        self._idle = union(_of_kind(self._uses, active=False))
        reasons = union([*history.excused, *history.losses])
        unseen = union([*difference(reasons, history.observed), *history.losses])
        self._reasons, self._unseen = reasons, unseen
        self._remarks: list[str] = []

    def figures(self) -> Figures:
        counted_ms = sum(each.active_ms + each.idle_ms for each in self._sessions)
        unexplained, true_ms = self._unexplained(), length(self._true)
        return Figures(
            uses=len(self._uses),
            sessions=len(self._sessions),
            true_ms=true_ms,
            counted_ms=counted_ms,
            unobserved_ms=max(0, true_ms - counted_ms - unexplained),
            lost=self._lost(),
            doubled=self._doubled(),
            overcounted_ms=self._overcounted(counted_ms),
            unexplained_ms=unexplained,
            remarks=tuple(self._remarks),
        )

    def _lost(self) -> int:
        spans = union(each.span for each in self._sessions)
        lost = 0
        for use in self._uses:
            sure = union([_sure(use)])
            if intersection(sure, spans) or not difference(sure, self._unseen):
                continue
            lost += 1
            self._say(f"lost: use {use.id} of {length(sure)} ms at {use.from_ms}")
        missing = max(0, len(self._sessions) - self._totals.sessions)
        if missing:
            self._say(f"lost: the totals have {missing} sessions fewer than there are")
        return lost + missing

    def _doubled(self) -> int:
        doubled, end_ms = 0, -1
        for before, session in pairwise([None, *self._sessions]):
            assert session is not None  # noqa: S101 - only the first is, and it is never second
            again = before is not None and self._goes_on(before, session)
            if session.from_ms < end_ms or again or not self._in_a_use(session):
                doubled += 1
                self._say(f"doubled: session {session.session} at {session.from_ms}")
            end_ms = max(end_ms, session.to_ms)
        beyond = max(0, self._totals.sessions - len(self._sessions))
        if beyond:
            self._say(f"doubled: the totals have {beyond} sessions more than there are")
        return doubled + beyond

    def _goes_on(self, before: Counted, session: Counted) -> bool:
        """Tell whether two sessions are of one use, though nothing divides them."""
        if before.cut_short or before.right != session.right:
            return False
        return any(
            use.from_ms <= before.from_ms and session.from_ms < _possible(use).to_ms
            for use in self._uses
        )

    def _in_a_use(self, session: Counted) -> bool:
        # A use may end in the millisecond in which it began.
        return any(
            each.from_ms <= session.from_ms < max(each.to_ms, each.from_ms + 1)
            for each in map(_possible, self._uses)
        )

    def _overcounted(self, counted_ms: int) -> int:
        over = 0
        for session in self._sessions:
            span = union([session.span])
            beyond = max(0, session.active_ms - length(intersection(span, self._active)))
            beyond += max(0, session.idle_ms - length(intersection(span, self._idle)))
            if beyond:
                self._say(f"overcounted: {beyond} ms by {session.session} at {session.from_ms}")
            over += beyond
        all_over = max(over, counted_ms - length(self._possible))
        totals_ms = self._totals.active_ms + self._totals.idle_ms
        return all_over + max(0, totals_ms - counted_ms)

    def _unexplained(self) -> int:
        outside = difference(self._true, union(each.span for each in self._sessions))
        left = difference(outside, self._unseen)
        for each in left:
            self._say(f"unexplained: {each.length} ms at {each.from_ms}")
        unexplained = length(left)
        for session in self._sessions:
            true = intersection(union([session.span]), self._true)
            short = length(true) - session.active_ms - session.idle_ms
            beyond = max(0, short - length(intersection(true, self._reasons)))
            if beyond:
                self._say(f"unexplained: {beyond} ms in {session.session} at {session.from_ms}")
            unexplained += beyond
        counted_ms = sum(each.active_ms + each.idle_ms for each in self._sessions)
        totals_ms = self._totals.active_ms + self._totals.idle_ms
        return unexplained + max(0, counted_ms - totals_ms)

    def _say(self, remark: str) -> None:
        self._remarks.append(f"{self._device}: {remark}")


def _sure(use: Use) -> Interval:
    return Interval(use.from_ms, use.from_ms if use.to_ms is None else use.to_ms)


def _possible(use: Use) -> Interval:
    return Interval(use.from_ms, use.from_ms if use.latest_ms is None else use.latest_ms)


def _of_kind(uses: Iterable[Use], *, active: bool) -> Iterable[Interval]:
    """Return the time of one kind; with it the time of which nobody knows the kind."""
    for use in uses:
        end_ms = use.from_ms
        for span in use.spans:
            end_ms = span.to_ms
            if span.active is active:
                yield Interval(span.from_ms, span.to_ms)
        yield Interval(end_ms, _possible(use).to_ms)
