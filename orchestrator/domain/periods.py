"""PURE: days and months of local time, as spans of the orchestrator's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from mqtt_schemas.base import ms_from_utc, utc_from_ms
from orchestrator.domain.spans import Span


class By(StrEnum):
    """What a period is divided into."""

    DAY = "day"
    MONTH = "month"


class Part(NamedTuple):
    """A local day (`2026-11-25`) or month (`2026-11`), as far as it lies in the period."""

    name: str
    span: Span


def begin_of(day: date, zone: tzinfo) -> datetime:
    """Return when a local day begins. Where its midnight is skipped, it begins after that."""
    return datetime.combine(day, time(), zone)


def parts(from_ms: int, to_ms: int, by: By, zone: tzinfo) -> Iterator[Part]:
    """Return the days or months that a period touches, cut to it; together they are the period.

    A day has 23 or 25 hours where the clocks are changed.
    """
    day = utc_from_ms(from_ms).astimezone(zone).date()
    while from_ms < to_ms:
        if by is By.DAY:
            name, day = day.isoformat(), day + timedelta(days=1)
        else:
            name, day = day.isoformat()[:7], _next_month(day)
        ends_ms = min(to_ms, ms_from_utc(begin_of(day, zone)))
        yield Part(name, Span(from_ms, ends_ms))
        from_ms = ends_ms


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
