"""How long commits took, in buckets that only grow."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

#: Upper bounds in seconds. A commit is a sync of the disk: 0.3 ms on an SSD, 30 ms on a disk.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Latencies:
    """A histogram that one thread fills and others read."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Add one."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total_seconds += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[str, int]]:
        """Return (upper bound, how many were at most that) as Prometheus wants them."""
        labels = [*map(str, BOUNDS), "+Inf"]
        return list(zip(labels, accumulate(self._counts), strict=True))
