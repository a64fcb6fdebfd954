"""PURE: which time of a device was observed, and why the rest was not.

What is known comes from two sides, and is kept apart. The agent tells in which intervals of
its machine's boot time it watched, and whether it reached its device (`observed` events; until
they come, `watching` in its statuses). The orchestrator knows when it ran itself, was
connected to the broker, and heard the agent.

* Observed is what an agent watched while it reached its device. What the orchestrator saw
  makes nothing observed: it only tells why nothing has been told.
* Within one boot, boot time decides: its intervals are disjoint and stay as long as they were,
  whatever the wall clock did. One difference to the orchestrator's clock, the newest that is
  known of that boot, dates them all.
* The agent's record is complete (events are counted exactly once), so a hole before the newest
  event is the agent's own doing. A hole after it may only mean that the record is not here yet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from mqtt_schemas.base import DeviceLink, ms_from_utc
from mqtt_schemas.events import Observed, WatchEnd
from mqtt_schemas.messages import Status
from orchestrator.domain.sessions import LONGEST_MS, occurred_ms
from orchestrator.domain.spans import (
    BEGINNING,
    END,
    Span,
    Spans,
    clip,
    complement,
    intersect,
    length,
    subtract,
    union,
)

#: 9999-12-30T00:00Z: local time can still be told.
_LATEST_MS = 253_402_128_000_000

CONNECTED, DISCONNECTED = DeviceLink.CONNECTED, DeviceLink.DISCONNECTED
_ALWAYS = (Span(BEGINNING, END),)


class Reason(StrEnum):
    """Why a time was not observed. Each moment of a gap has exactly one.

    device_off: the agent watched and did not reach its device. suspended: the agent's process
    lived, but did not run, mostly because its machine slept. agent_off: the agent did not run,
    or, while nothing newer has come from it, was not to be heard. Those of which the record may
    still come: orchestrator_off, broker_unreachable (the orchestrator had no connection to it).
    not_told: the agent was heard, but did not tell what it saw; it will, unless its record was
    lost. never_seen: before the first sign of the device.
    """

    DEVICE_OFF = "device_off"
    SUSPENDED = "suspended"
    AGENT_OFF = "agent_off"
    ORCHESTRATOR_OFF = "orchestrator_off"
    BROKER_UNREACHABLE = "broker_unreachable"
    NOT_TOLD = "not_told"
    NEVER_SEEN = "never_seen"


class Interval(NamedTuple):
    """Boot time in which a device was watched, in milliseconds. until: what came after it."""

    from_ms: int
    to_ms: int
    link: DeviceLink
    until: WatchEnd | None = None


class Stamp(NamedTuple):
    """When a boot's time 0 was, as told at boot time `boot_ms`. The greater one is the better.

    sure: by the orchestrator's clock; else by the machine's own.
    """

    sure: bool
    boot_ms: int
    epoch_ms: int


@dataclass(frozen=True, slots=True)
class Boot:
    """What is known of one boot of a device's machine. told: by events. watching: by statuses."""

    id: str
    stamp: Stamp
    told: tuple[Interval, ...] = ()
    watching: tuple[Interval, ...] = ()

    def provisional(self) -> list[Interval]:
        """Return what no event has told: the event of the same or a later time replaces it."""
        ends = max((told.to_ms for told in self.told), default=-1)
        begins = {told.from_ms for told in self.told}
        return [
            each for each in self.watching if each.from_ms >= ends and each.from_ms not in begins
        ]


@dataclass(frozen=True, slots=True)
class Attendance:
    """What the orchestrator saw itself: when it ran, had its broker, and heard the agent."""

    orchestrator: Spans = ()
    broker: Spans = ()
    agent: Spans = ()


class Gap(NamedTuple):
    """Time that was not observed, in milliseconds since 1970."""

    from_ms: int
    to_ms: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a time was observed: `observed_ms` and all of `missing_ms` are `asked_ms`.

    provisional_ms: of observed, by statuses alone. unsure_ms: of observed, dated by a clock
    that nobody has compared. gaps: in order; none where coverages were added up.
    """

    asked_ms: int = 0
    observed_ms: int = 0
    provisional_ms: int = 0
    unsure_ms: int = 0
    missing_ms: Mapping[Reason, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where nothing was asked for."""
        return self.observed_ms / self.asked_ms if self.asked_ms else None


def implausible(event: Observed) -> str | None:
    """Return why an interval can't be true though its form is right: one sentence, or None."""
    if not 0 <= occurred_ms(event) <= _LATEST_MS:
        return "offset_ms: with it the time is outside the years 1970 to 9999"
    if event.from_ms > event.to_ms:
        return "from_ms: the interval ends before it begins"
    if event.to_ms > event.boot_ms:
        return "to_ms: the interval ends after it was told"
    if event.to_ms - event.from_ms > LONGEST_MS:
        return "from_ms: the interval is longer than 366 days"
    return None


def interval_of(event: Observed) -> Interval:
    """Return the interval that an event tells."""
    return Interval(event.from_ms, event.to_ms, event.device_link, event.until)


def stamp_of(event: Observed) -> Stamp:
    """Return how an event dates its boot."""
    epoch_ms = occurred_ms(event) - event.boot_ms
    return Stamp(event.offset_ms is not None, event.boot_ms, epoch_ms)


def watching_of(status: Status) -> tuple[Interval, Stamp] | None:
    """Return the interval that a heartbeat tells, and how it dates its boot.

    None where it tells none, or one that can't be true.
    """
    watching, clock = status.watching, status.clock
    if watching is None or not watching.from_ms <= watching.to_ms <= clock.boot_ms:
        return None
    now_ms = ms_from_utc(clock.wall) + (clock.offset_ms or 0)
    if not 0 <= now_ms <= _LATEST_MS or watching.to_ms - watching.from_ms > LONGEST_MS:
        return None
    stamp = Stamp(clock.offset_age_ms is not None, clock.boot_ms, now_ms - clock.boot_ms)
    return Interval(watching.from_ms, watching.to_ms, status.device_link), stamp


_UNTIL = {until: rank for rank, until in enumerate((None, *WatchEnd))}


def normalise(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same in as few intervals as can be, sorted and disjoint; of one boot.

    Whatever comes twice, in pieces or in another order gives the same. Where two contradict
    each other, the device was reached. `until` is kept where nothing follows; an empty interval
    only for its `until`.
    """
    found = list(intervals)
    reached = union(Span(*each[:2]) for each in found if each.link is CONNECTED)
    away = union(Span(*each[:2]) for each in found if each.link is DISCONNECTED)
    apart = subtract(away, reached)
    whole = union(reached, apart)
    # The last of the same end wins: the one that says most.
    last = {each.to_ms: each for each in sorted(found, key=_said)}
    stops = {span.to_ms: last[span.to_ms].until for span in whole}
    pairs = [(CONNECTED, span) for span in reached] + [(DISCONNECTED, span) for span in apart]
    result = [Interval(*span, link, stops.get(span.to_ms)) for link, span in pairs]
    result += [
        each._replace(from_ms=at_ms)
        for at_ms, each in last.items()
        if each.until and at_ms not in stops and not clip(whole, at_ms, at_ms + 1)
    ]
    return sorted(result)


def _said(interval: Interval) -> tuple[int, str]:
    return _UNTIL[interval.until], interval.link.value


class Record:
    """All that is known of one device's observation, dated. Asked for any period of time."""

    def __init__(self, boots: Iterable[Boot], attendance: Attendance = Attendance()) -> None:
        runs = [run for boot in boots for run in _dated(boot)]
        reached = [run for run in runs if run.link is CONNECTED]
        self._observed = _spans(reached)
        told = [run for run in reached if run.told]
        self._provisional = subtract(self._observed, _spans(told))
        self._unsure = subtract(self._observed, _spans(run for run in reached if run.sure))
        # The first that applies is the reason; what none applies to is an agent that is off.
        self._reasons: tuple[tuple[Reason, Spans], ...] = (
            (Reason.DEVICE_OFF, _spans(run for run in runs if run.link is not CONNECTED)),
            (Reason.NEVER_SEEN, [Span(BEGINNING, _first(runs, attendance))]),
            (Reason.SUSPENDED, _stated(runs, WatchEnd.GAP)),
            (Reason.AGENT_OFF, _stated(runs, WatchEnd.STOPPED)),
            (Reason.NOT_TOLD, attendance.agent),
            (Reason.AGENT_OFF, [Span(BEGINNING, _newest(runs))]),
            (Reason.ORCHESTRATOR_OFF, complement(attendance.orchestrator)),
            (Reason.BROKER_UNREACHABLE, complement(attendance.broker)),
            (Reason.AGENT_OFF, _ALWAYS),
        )

    def coverage(self, from_ms: int, to_ms: int, within: Spans | None = None) -> Coverage:
        """Return how a period was observed; of `within` (opening hours, say) only that in it."""
        asked = clip(_ALWAYS if within is None else within, from_ms, to_ms)
        observed = intersect(asked, clip(self._observed, from_ms, to_ms))
        gaps: list[Gap] = []
        rest = subtract(asked, observed)
        for reason, spans in self._reasons:
            if not rest:
                break
            part = intersect(rest, clip(spans, from_ms, to_ms))
            rest = subtract(rest, part)
            gaps += [Gap(*span, reason) for span in part]
        missing: Counter[Reason] = Counter()
        for gap in gaps:
            missing[gap.reason] += gap.to_ms - gap.from_ms
        return Coverage(
            asked_ms=length(asked),
            observed_ms=length(observed),
            provisional_ms=length(intersect(observed, clip(self._provisional, from_ms, to_ms))),
            unsure_ms=length(intersect(observed, clip(self._unsure, from_ms, to_ms))),
            missing_ms=dict(missing),
            gaps=_joined(gaps),
        )


def together(coverages: Iterable[Coverage]) -> Coverage:
    """Return several coverages (of days, of devices) added up."""
    asked = observed = provisional = unsure = 0
    missing: Counter[Reason] = Counter()
    for each in coverages:
        asked += each.asked_ms
        observed += each.observed_ms
        provisional += each.provisional_ms
        unsure += each.unsure_ms
        missing.update(each.missing_ms)
    return Coverage(asked, observed, provisional, unsure, dict(missing))


class _Run(NamedTuple):
    """An interval, dated."""

    from_ms: int
    to_ms: int
    link: DeviceLink
    until: WatchEnd | None
    told: bool
    sure: bool


def _dated(boot: Boot) -> list[_Run]:
    epoch_ms, sure = boot.stamp.epoch_ms, boot.stamp.sure
    parts = ((boot.told, True), (boot.provisional(), False))
    return [
        _Run(each.from_ms + epoch_ms, each.to_ms + epoch_ms, each.link, each.until, told, sure)
        for part, told in parts
        for each in part
    ]


def _spans(runs: Iterable[_Run]) -> list[Span]:
    return union(Span(run.from_ms, run.to_ms) for run in runs)


def _stated(runs: Sequence[_Run], until: WatchEnd) -> list[Span]:
    """Return the time after the intervals that ended so, up to the next one.

    What is dated by a clock that nobody compared says nothing about the time around it.
    """
    begins = sorted(run.from_ms for run in runs if run.sure)
    result = []
    for run in runs:
        if run.until is until and run.sure:
            following = bisect_left(begins, run.to_ms + (run.from_ms == run.to_ms))
            if following < len(begins):
                result.append(Span(run.to_ms, begins[following]))
            elif until is WatchEnd.STOPPED:
                result.append(Span(run.to_ms, END))
    return union(result)


def _first(runs: Sequence[_Run], attendance: Attendance) -> int:
    signs = [run.from_ms for run in runs if run.sure] or [run.from_ms for run in runs]
    return min([*signs, *(span.from_ms for span in attendance.agent[:1])], default=END)


def _newest(runs: Sequence[_Run]) -> int:
    return max((run.to_ms for run in runs if run.told and run.sure), default=BEGINNING)


def _joined(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return gaps in order; those of one reason that touch become one."""
    ordered = sorted(gaps)
    result = ordered[:1]
    for before, gap in pairwise(ordered):
        if gap.from_ms == before.to_ms and gap.reason is before.reason:
            result[-1] = result[-1]._replace(to_ms=gap.to_ms)
        else:
            result.append(gap)
    return tuple(result)
