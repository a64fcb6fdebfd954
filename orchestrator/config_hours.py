"""`[[site.hours]]` and `[[site.exceptions]]`: when a library is open. Times are local."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Annotated, Self

from pydantic import Field, model_validator

from orchestrator.config_values import Clock, Day, Days, Section
from orchestrator.domain.hours_words import clock
from orchestrator.domain.opening_hours import DatedHours, LocalSpan, LocalSpans, SiteHours, overlap
from orchestrator.domain.policy_words import DAYS


class SpanSection(Section):
    """A span of a day in which a library is open, with staff or as self-service."""

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    self_service: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to <= self.from_:
            raise ValueError(
                f"to ({clock(self.to)}) is not after from ({clock(self.from_)}); "
                "hours over midnight are two entries, the first of them to 24:00"
            )
        return self

    @property
    def span(self) -> LocalSpan:
        """The span as the domain knows it."""
        return LocalSpan(self.from_, self.to, not self.self_service)


class WeeklySection(SpanSection):
    """`[[site.hours]]`: a span on some days of every week."""

    days: Days


class ExceptionSection(Section):
    """`[[site.exceptions]]`: other hours, or none, on some dates. to: the last day, included."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day | None = None
    closed: bool = False
    spans: Annotated[tuple[SpanSection, ...], Field(max_length=24)] = ()
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.last < self.from_:
            raise ValueError(f"to ({self.last}) is before from ({self.from_})")
        if self.closed == bool(self.spans):
            raise ValueError("say either closed = true or spans, the hours of those days")
        _check_day("spans", [span.span for span in self.spans])
        return self

    @property
    def last(self) -> date:
        """The last day."""
        return self.from_ if self.to is None else self.to


def site_hours(
    weekly: Sequence[WeeklySection], exceptions: Sequence[ExceptionSection]
) -> SiteHours:
    """Return a site's hours as the domain knows them. Raises ValueError, naming the keys."""
    week: list[LocalSpans] = []
    for day, name in enumerate(DAYS):
        spans = [each.span for each in weekly if day in each.days]
        _check_day("hours", spans, f" on {name}")
        week.append(tuple(sorted(spans)))
    for (one, first), (other, second) in combinations(enumerate(exceptions, start=1), 2):
        if first.from_ <= second.last and second.from_ <= first.last:
            raise ValueError(f"exceptions number {one} and number {other} overlap")
    dated = tuple(
        DatedHours(each.from_, each.last, tuple(sorted(s.span for s in each.spans)), each.name)
        for each in exceptions
    )
    return SiteHours(weekly=tuple(week) if weekly else None, exceptions=dated)


def _check_day(key: str, spans: Sequence[LocalSpan], when: str = "") -> None:
    found = overlap(spans)
    if found is not None:
        one, other = (f"{clock(span.from_)} to {clock(span.to)}" for span in found)
        raise ValueError(f"{key}: {one} and {other} overlap{when}")
