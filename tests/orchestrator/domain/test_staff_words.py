"""What staff says of a device."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mqtt_schemas.plan import Notice
from orchestrator.domain.staff_words import NOTHING_SAID, StaffWords

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_notices_hold_until_their_end() -> None:
    """And the next end is when time alone changes what holds."""
    first, second = (
        Notice(id=f"n{hours}", phrase="come_to_desk", until=NOON + hours * HOUR) for hours in (1, 2)
    )
    words = StaffWords("fault", "s1", (second, first), "t1")
    assert words.at(NOON) == words
    assert words.next_change(NOON) == NOON + HOUR
    assert words.at(NOON + HOUR) == StaffWords("fault", "s1", (second,), "t1")
    assert words.next_change(NOON + HOUR) == NOON + 2 * HOUR
    assert words.at(NOON + 2 * HOUR).notices == ()
    assert words.next_change(NOON + 2 * HOUR) is None
    assert NOTHING_SAID.next_change(NOON) is None
