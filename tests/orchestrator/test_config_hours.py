"""Opening hours as a librarian writes them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestrator.config import load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.domain.opening_hours import DatedHours, LocalSpan, SiteHours

HOURS = """
[policy]
at_end = "lock"

[[site]]
id = "paja"

[[site.hours]]
days = "mon-thu"
from = "10:00"
to = "20:00"

[[site.hours]]
days = "mon-thu"
from = "07:00"
to = "10:00"
self_service = true

[[site.hours]]
days = "fri"
from = "10:00"
to = "24:00"

[[site.exceptions]]
from = 2026-12-23
spans = [{from = "10:00", to = "14:00"}, {from = "16:00", to = "18:00", self_service = true}]

[[site.exceptions]]
from = "2026-12-24"
to = 2026-12-26
closed = true
name = "Joulu"

[[device]]
site = "paja"
id = "pc-1"
kind = "pc"
"""
STAFFED, SELF_SERVICE = LocalSpan(36_000, 72_000), LocalSpan(25_200, 36_000, staffed=False)


def hours(folder: Path, text: str) -> SiteHours:
    """Return the hours of the one site."""
    file = folder / "laitevuoro.toml"
    file.write_text(text)
    return load(file, {}).hours["paja"]


def test_a_day_has_its_spans_in_order_and_never_merged(tmp_path: Path) -> None:
    """Staffed and self-service hours that follow on each other stay two."""
    weekly = hours(tmp_path, HOURS).weekly
    assert weekly is not None
    assert weekly[:4] == ((SELF_SERVICE, STAFFED),) * 4
    assert weekly[4:] == ((LocalSpan(36_000, 86_400),), (), ())


def test_exceptions_are_other_hours_or_none(tmp_path: Path) -> None:
    """On one day, or from one to another."""
    assert hours(tmp_path, HOURS).exceptions == (
        DatedHours(
            date(2026, 12, 23),
            date(2026, 12, 23),
            (LocalSpan(36_000, 50_400), LocalSpan(57_600, 64_800, staffed=False)),
        ),
        DatedHours(date(2026, 12, 24), date(2026, 12, 26), (), "Joulu"),
    )


def test_without_a_word_of_hours_none_are_known(tmp_path: Path) -> None:
    """Which is not the same as always closed."""
    text = HOURS[: HOURS.index("[[site.hours]]")] + HOURS[HOURS.index("[[device]]") :]
    assert hours(tmp_path, text) == SiteHours()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'to = "10:00"',
            'to = "10:01"',
            "site number 1: hours: 07:00 to 10:01 and 10:00 to 20:00 overlap on mon.",
        ),
        (
            'to = "20:00"',
            'to = "02:00"',
            "site number 1.hours number 1: to (02:00) is not after from (10:00); hours over",
        ),
        (
            'from = "16:00"',
            'from = "13:00"',
            "site number 1.exceptions number 1: spans: 10:00 to 14:00 and 13:00 to 18:00 overlap.",
        ),
        (
            "to = 2026-12-26",
            "to = 2026-12-23",
            "site number 1.exceptions number 2: to (2026-12-23) is before from (2026-12-24).",
        ),
        (
            '"2026-12-24"',
            '"2026-12-23"',
            "site number 1: exceptions number 1 and number 2 overlap.",
        ),
        (
            "closed = true",
            "",
            "site number 1.exceptions number 2: say either closed = true or spans, the hours",
        ),
        (
            '"2026-12-24"',
            '"24.12.2026"',
            "site number 1.exceptions number 2.from: it is a day such as 2026-12-24, not '24.",
        ),
        (
            '"2026-12-24"',
            "2026-12-24T10:00:00",
            "site number 1.exceptions number 2.from: it is a day such as 2026-12-24, not",
        ),
        (
            'from = "07:00"',
            'from = "7 o\'clock"',
            "site number 1.hours number 2.from: it is a time of the day such as '12:00', not",
        ),
        ('days = "fri"', "", "site number 1.hours number 3.days: It is missing."),
        ("self_service", "selfservice", "site number 1.hours number 2.selfservice: There is no su"),
    ],
)
def test_hours_that_can_not_be_are_refused_with_their_key(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    """In one sentence."""
    assert old in HOURS
    with pytest.raises(InvalidConfiguration) as refusal:
        hours(tmp_path, HOURS.replace(old, new, 1))
    (said,) = str(refusal.value).replace(f"{tmp_path / 'laitevuoro.toml'}: ", "").splitlines()
    assert said.startswith(line)
