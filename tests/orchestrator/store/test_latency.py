"""The histogram of commits."""

from __future__ import annotations

from orchestrator.store.latency import BOUNDS, Latencies


def test_each_bucket_holds_what_was_at_most_its_bound() -> None:
    """A value on a bound belongs to it; the last bucket holds all."""
    latencies = Latencies()
    for seconds in (0.0001, BOUNDS[1], 99.0):
        latencies.observe(seconds)
    buckets = dict(latencies.cumulative())
    assert (buckets["0.0005"], buckets["0.001"], buckets["5.0"], buckets["+Inf"]) == (1, 2, 2, 3)
    assert latencies.count == 3
    assert latencies.total_seconds == 0.0001 + BOUNDS[1] + 99.0
