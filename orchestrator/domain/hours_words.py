"""PURE: a site's configured hours in words, and the public holidays that they may have missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby

from orchestrator.domain.opening_hours import (
    DatedHours,
    LocalSpans,
    SiteHours,
    Source,
    hours_of_day,
)
from orchestrator.domain.policy_words import days_in_words

#: How far ahead public holidays are looked at.
LOOK_AHEAD = timedelta(days=366)


def clock(seconds: int) -> str:
    """Return seconds after midnight as the clock shows them; 24:00 is the end of a day."""
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def spans_in_words(spans: LocalSpans) -> str:
    """Return a day's hours: `07:00–10:00 self-service, 10:00–20:00`, or `closed`."""
    return (
        ", ".join(
            f"{clock(span.from_)}–{clock(span.to)}{'' if span.staffed else ' self-service'}"
            for span in spans
        )
        or "closed"
    )


def in_words(hours: SiteHours) -> Iterator[str]:
    """Yield the week, days with the same hours together, and the exceptions."""
    if hours.weekly is None:
        yield "no weekly hours: it is open as imported; without an import always, with staff"
    else:
        days = sorted(range(7), key=lambda day: (_first_alike(hours.weekly or (), day), day))
        for spans, alike in groupby(days, key=hours.weekly.__getitem__):
            yield f"{days_in_words(alike)} {spans_in_words(spans)}"
    for exception in sorted(hours.exceptions, key=lambda each: each.first):
        yield _exception(exception)


def open_on_holidays(
    hours: SiteHours, today: date, name_of: Callable[[date], str | None]
) -> Iterator[str]:
    """Yield the public holidays to come on which the weekly hours open the library."""
    for count in range(min(LOOK_AHEAD.days, (date.max - today).days) + 1):
        day = today + timedelta(days=count)
        name = name_of(day)
        found = hours_of_day(hours, day, {}, importing=False)
        if name is not None and found.spans and found.source is Source.WEEKLY:
            yield f"{day} {name}: {spans_in_words(found.spans)}"


def _first_alike(weekly: tuple[LocalSpans, ...], day: int) -> int:
    return weekly.index(weekly[day])


def _exception(exception: DatedHours) -> str:
    until = "" if exception.last == exception.first else f" to {exception.last}"
    name = f" ({exception.name})" if exception.name else ""
    return f"{exception.first}{until} {spans_in_words(exception.spans)}{name}"
