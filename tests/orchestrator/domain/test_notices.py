"""What staff may have a device say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.devices import phrases
from agents.devices.phrases import LANGUAGES
from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.notices import LONGEST, PHRASES, notice

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("phrase", PHRASES)
def test_agents_can_say_every_notice(phrase: str) -> None:
    """In each language, with the arguments that we give."""
    seconds = 300 if PHRASES[phrase] else None
    made = notice("n1", phrase, NOON + HOUR, NOON, seconds=seconds)
    for language in LANGUAGES:
        full = phrases.text(made.phrase, language, **made.arguments)
        assert ("5" in full) == PHRASES[phrase]


@pytest.mark.parametrize(
    ("phrase", "seconds", "until", "reason"),
    [
        ("free_cake", None, HOUR, "no notice 'free_cake'; there are closed_now"),
        ("closes_in", None, HOUR, "tells a time"),
        ("closes_in", -1, HOUR, "at most 24 h"),
        ("come_to_desk", 5, HOUR, "tells no time"),
        ("come_to_desk", None, timedelta(0), "over already"),
        ("come_to_desk", None, LONGEST + HOUR, "shown for at most"),
    ],
)
def test_what_no_device_can_say_is_refused(
    phrase: str, seconds: int | None, until: timedelta, reason: str
) -> None:
    """In a sentence that tells what would do."""
    with pytest.raises(BookingRefused, match=reason):
        notice("n1", phrase, NOON + until, NOON, seconds=seconds)
