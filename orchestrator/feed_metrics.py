"""Metrics of feeds: whether each is well, and since when it is not."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from orchestrator.feeds import FeedState
from orchestrator.metric_families import Family, Sheet, Type

FAMILIES = (
    Family(
        "laitevuoro_feed_well",
        Type.GAUGE,
        ("feed", "kind"),
        "1 while what a feed of another system says is taken; else its last good reading holds."
        " /healthz says what is wrong.",
    ),
    Family(
        "laitevuoro_feed_last_good_timestamp_seconds",
        Type.GAUGE,
        ("feed", "kind"),
        "When what a feed said was last taken, in seconds since 1970; 0 before the first.",
    ),
    Family(
        "laitevuoro_feed_faults",
        Type.GAUGE,
        ("feed", "kind"),
        "Entries of a feed's newest file that can't be taken.",
    ),
)


def feed_metrics(feeds: Iterable[FeedState]) -> list[Metric]:
    """Return the families with each feed's state."""
    sheet = Sheet(FAMILIES)
    for feed in feeds:
        labels = (feed.id, feed.kind)
        sheet.put("laitevuoro_feed_well", labels, feed.problem is None)
        seconds = feed.last_good.timestamp() if feed.last_good else 0
        sheet.put("laitevuoro_feed_last_good_timestamp_seconds", labels, seconds)
        sheet.put("laitevuoro_feed_faults", labels, feed.faults)
    return sheet.metrics()
