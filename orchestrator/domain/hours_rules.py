"""PURE: what hours, their groups and closing allow of a booking; reasons as booking_rules'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.domain.bookings import Desk, Usable
from orchestrator.domain.devices import AfterClosing
from orchestrator.domain.local_time import say_length
from orchestrator.domain.wishes import Case


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


def leave(case: Case) -> str | None:
    """Say why the turn may not run on after closing, where that is asked."""
    return no_leave(case.desk) if case.wish.over_closing else None


def no_leave(desk: Desk) -> str | None:
    """Say that staff may let no turn run on after closing, where it is so."""
    if desk.policy.after_closing is AfterClosing.STAFF:
        return None
    return f"No turn on {desk.device.name} runs on after closing"


def opened(case: Case) -> str | None:
    """Name the one rule of hours without which it would do; else say that it is closed."""
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


def for_group(case: Case) -> str | None:
    """Say when the device is for another group only."""
    group, _ = group_of(case)
    for span in case.spans:
        if span.exclusive and span.group != group:
            first = case.desk.say(span.starts_at)
            return f"At {first} {case.name} is for the group {span.group} only"
    return None
