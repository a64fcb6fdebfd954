"""Hours for tests of rules: a library of a few spans, and what a policy leaves of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.domain.bookings import Hours, Usable
from orchestrator.domain.devices import Policy


@dataclass(frozen=True)
class Span:
    """A span of use."""

    starts_at: datetime
    ends_at: datetime
    staffed: bool = True
    group: str | None = None
    exclusive: bool = False


def always(_: Policy, first: datetime, last: datetime) -> Sequence[Usable]:
    """Return hours that never end."""
    return [Span(first, last)] if first < last else []


def of(*spans: Span) -> Hours:
    """Return hours of these spans, by what the policy says of closing and of staff."""

    def hours(policy: Policy, first: datetime, last: datetime) -> Sequence[Usable]:
        early = timedelta(seconds=policy.finish_before_closing)
        found = [
            Span(
                max(span.starts_at, first),
                min(span.ends_at - early, last),
                span.staffed,
                span.group,
                span.exclusive,
            )
            for span in spans
            if span.staffed or not policy.staffed_only
        ]
        return [span for span in found if span.starts_at < span.ends_at]

    return hours
