"""Finnish public holidays: a hint to whoever keeps the hours. They never close anything."""

from __future__ import annotations

from datetime import date
from functools import cache

from holidays import country_holidays

#: How the `holidays` package calls our languages.
_LANGUAGES = {"fi": "fi", "sv": "sv_FI", "en": "en_US"}


def is_holiday(day: date) -> bool:
    """Tell whether a day is a public holiday in Finland."""
    return day in _of_year(day.year, "fi")


def holiday_name(day: date, language: str = "fi") -> str | None:
    """Return a public holiday's name in `fi`, `sv` or `en`; None where the day is none.

    After 2100 none is known.
    """
    return _of_year(day.year, language).get(day)


@cache
def _of_year(year: int, language: str) -> dict[date, str]:
    return dict(country_holidays("FI", years=year, language=_LANGUAGES[language]))
