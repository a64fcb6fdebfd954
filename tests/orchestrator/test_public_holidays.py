"""Finnish public holidays."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.public_holidays import holiday_name, is_holiday


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 12, 6), "Itsenäisyyspäivä"),
        (date(2026, 12, 24), "Jouluaatto"),
        (date(2027, 3, 26), "Pitkäperjantai"),
        (date(2027, 6, 25), "Juhannusaatto"),
        (date(2026, 11, 25), None),
        (date(1970, 1, 1), "Uudenvuodenpäivä"),
        (date(9999, 12, 31), None),
    ],
)
def test_a_day_is_known_by_its_name(day: date, name: str | None) -> None:
    """Fixed ones, those of Easter, and eves on which schools are closed."""
    assert holiday_name(day) == name
    assert is_holiday(day) is (name is not None)


def test_the_name_is_in_the_librarys_language() -> None:
    """Of the three that we speak."""
    names = [holiday_name(date(2026, 12, 6), language) for language in ("fi", "sv", "en")]
    assert names == ["Itsenäisyyspäivä", "Självständighetsdagen", "Independence Day"]
