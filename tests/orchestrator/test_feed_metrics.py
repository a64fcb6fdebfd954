"""Metrics of feeds."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.feed_metrics import FAMILIES, feed_metrics
from orchestrator.feeds import FeedState

GOOD = FeedState("good", "hours", datetime(2026, 11, 25, tzinfo=UTC), None, 0)
BAD = FeedState("bad", "bookings", None, "It answers with HTTP status 500.", 3)


def test_each_feed_tells_how_it_stands() -> None:
    """Well or not, when it was last good, how many entries can't be taken; no text."""
    told = feed_metrics([GOOD, BAD])
    assert [metric.name for metric in told] == [family.name for family in FAMILIES]
    values = {
        metric.name.removeprefix("laitevuoro_feed_"): {
            sample.labels["feed"]: sample.value for sample in metric.samples
        }
        for metric in told
    }
    assert values == {
        "well": {"good": 1, "bad": 0},
        "last_good_timestamp_seconds": {"good": 1_795_564_800, "bad": 0},
        "faults": {"good": 0, "bad": 3},
    }
