"""What staff says of a device."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mqtt_schemas.plan import Notice
from orchestrator.domain.staff_words import StaffWords

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_notices_hold_until_their_end() -> None:
    """Not at it; what else staff said holds on."""
    first, second = (
        Notice(id=f"n{hours}", phrase="come_to_desk", until=NOON + hours * HOUR) for hours in (1, 2)
    )
    words = StaffWords("fault", "s1", (second, first), "t1")
    assert words.at(NOON) == words
    assert words.at(NOON + HOUR) == StaffWords("fault", "s1", (second,), "t1")
    assert words.at(NOON + 2 * HOUR).notices == ()
