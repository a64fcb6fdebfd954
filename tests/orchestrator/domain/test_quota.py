"""Quotas, counted without knowing whose they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.devices import Per, Quota
from orchestrator.domain.quota import card_of, mark_of, next_week, refusal, week_of

HELSINKI = ZoneInfo("Europe/Helsinki")
#: Wednesday 14:00 in Helsinki.
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def at(*days: float) -> list[datetime]:
    """Return the same hour, so many days later."""
    return [NOW + timedelta(days=each) for each in days]


@pytest.mark.parametrize("text", [" ab 1234\n", "AB1234", "ab 12 34", "ＡＢ1234"])
def test_a_card_is_the_same_however_it_is_typed(text: str) -> None:
    """Scanners add line ends, people spaces."""
    assert card_of(text) == "AB1234"


@pytest.mark.parametrize("text", ["", "123", "x" * 65, "12345'; --", "né?x"])
def test_what_is_no_card_is_refused_without_being_quoted(text: str) -> None:
    """It may be a name, by mistake."""
    with pytest.raises(BookingRefused) as refused:
        card_of(text)
    assert not text or text not in str(refused.value)


def test_a_mark_is_of_one_card_and_one_key() -> None:
    """Another week's mark of the same card is another."""
    first, second = b"1" * 32, b"2" * 32
    assert mark_of("AB1234", first) == mark_of("AB1234", first)
    marks = {mark_of(card, key) for card in ("AB1234", "AB1235") for key in (first, second)}
    assert len(marks) == 4
    assert all(len(mark) == 64 for mark in marks)


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        ("2026-11-29T23:59+02:00", "2026-W48"),
        ("2026-11-30T00:00+02:00", "2026-W49"),
        ("2027-01-01T12:00+02:00", "2026-W53"),
        ("2027-01-04T00:00+02:00", "2027-W01"),
    ],
)
def test_a_week_is_local_and_begins_on_monday(moment: str, week: str) -> None:
    """By ISO 8601: the year is the week's own."""
    assert week_of(datetime.fromisoformat(moment), HELSINKI) == week


@pytest.mark.parametrize("week", range(60))
def test_the_next_week_begins_when_this_one_has_ended(week: int) -> None:
    """Over both clock changes, too."""
    now = NOW + timedelta(days=7 * week)
    later = next_week(now, HELSINKI)
    assert week_of(later, HELSINKI) > week_of(now, HELSINKI)
    assert week_of(later - timedelta(milliseconds=1), HELSINKI) == week_of(now, HELSINKI)


@pytest.mark.parametrize(
    ("quota", "taken", "refused"),
    [
        (Quota(1, Per.DAY), at(1, -1), None),
        (Quota(1, Per.DAY), at(0.1), "This card has 1 turn that day already"),
        (Quota(3, Per.WEEK), at(1, 2), None),
        (Quota(3, Per.WEEK), at(-1, 1, 2), "This card has 3 turns that week already"),
        (Quota(2, Per.WEEK, "days"), at(0.1, 0.2, 1), None),
        (
            Quota(2, Per.WEEK, "days"),
            at(1, 2),
            "This card has turns on 2 days of that week already",
        ),
        (Quota(2, Per.WEEK, "days"), at(0, 1, 0), None),
        (Quota(1, Per.DAY, "days"), at(0, 0), None),
    ],
)
def test_what_libraries_publish_is_counted(
    quota: Quota, taken: list[datetime], refused: str | None
) -> None:
    """One a day; three a week; two days a week, with any number of turns in them."""
    assert refusal([quota], taken, NOW, HELSINKI) == refused


def test_every_quota_must_be_kept() -> None:
    """The first that is not speaks."""
    both = [Quota(2, Per.DAY), Quota(3, Per.WEEK)]
    assert refusal(both, at(0, 0.1), NOW, HELSINKI) == "This card has 2 turns that day already"
    assert refusal(both, at(1, 1, 2), NOW, HELSINKI) == "This card has 3 turns that week already"
    assert refusal(both, at(0, 1), NOW, HELSINKI) is None
    assert refusal([], at(0, 0, 0), NOW, HELSINKI) is None
