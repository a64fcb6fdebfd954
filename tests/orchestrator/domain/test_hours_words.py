"""Hours in words."""

from __future__ import annotations

from datetime import date

from orchestrator.domain.hours_words import in_words, open_on_holidays
from orchestrator.domain.opening_hours import DatedHours, LocalSpan, SiteHours

HOUR = 3600
STAFFED = LocalSpan(10 * HOUR, 18 * HOUR)
MORNING = LocalSpan(7 * HOUR, 10 * HOUR, staffed=False)
WEEK = (*(((MORNING, STAFFED),) * 2), (STAFFED,), *(((MORNING, STAFFED),) * 2), (), ())
CHRISTMAS = DatedHours(date(2026, 12, 24), date(2026, 12, 26), (), "Joulu")
NAMES = {date(2026, 12, 24): "Jouluaatto", date(2027, 1, 6): "Loppiainen"}


def test_days_with_the_same_hours_are_told_together() -> None:
    """In the order of the week, with the exceptions after that by date."""
    short = DatedHours(date(2026, 12, 23), date(2026, 12, 23), (STAFFED,))
    assert list(in_words(SiteHours(WEEK, (CHRISTMAS, short)))) == [
        "mon-tue, thu-fri 07:00–10:00 self-service, 10:00–18:00",
        "wed 10:00–18:00",
        "sat-sun closed",
        "2026-12-23 10:00–18:00",
        "2026-12-24 to 2026-12-26 closed (Joulu)",
    ]


def test_that_there_are_no_weekly_hours_is_told() -> None:
    """And what holds instead."""
    assert list(in_words(SiteHours())) == [
        "no weekly hours: it is open as imported; without an import always, with staff"
    ]


def test_public_holidays_that_only_the_week_speaks_of_are_told() -> None:
    """An exception shows that somebody thought of the day; a closed day needs no thought."""
    today = date(2026, 11, 25)
    assert list(open_on_holidays(SiteHours(WEEK), today, NAMES.get)) == [
        "2026-12-24 Jouluaatto: 07:00–10:00 self-service, 10:00–18:00",
        "2027-01-06 Loppiainen: 10:00–18:00",
    ]
    assert list(open_on_holidays(SiteHours(WEEK, (CHRISTMAS,)), today, NAMES.get)) == [
        "2027-01-06 Loppiainen: 10:00–18:00"
    ]
    assert list(open_on_holidays(SiteHours(), today, NAMES.get)) == []
    assert list(open_on_holidays(SiteHours(WEEK), date.max, NAMES.get)) == []
