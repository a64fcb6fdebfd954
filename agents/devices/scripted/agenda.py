"""PURE: what will fall due, in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

#: What is done when it falls due; it is given the time of its doing, in milliseconds.
Act = Callable[[int], None]


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at_ms: int
    number: int
    act: Act = field(compare=False)


class Agenda:
    """Acts by their times; of the same time, the one noted first comes first."""

    def __init__(self, *, speed: float) -> None:
        self._speed = speed
        self._heap: list[_Due] = []
        self._number = 0

    def later(self, now_ms: int, seconds: float, act: Act) -> None:
        """Note an act for so many scripted seconds from now, at least a millisecond."""
        self._number += 1
        due_ms = now_ms + max(1, round(seconds * 1000 / self._speed))
        heapq.heappush(self._heap, _Due(due_ms, self._number, act))

    def due_ms(self) -> int | None:
        """Return when the next act falls due, or None."""
        return self._heap[0].at_ms if self._heap else None

    def do(self, now_ms: int) -> None:
        """Do what has fallen due. What an act notes is due later, so this ends."""
        while self._heap and self._heap[0].at_ms <= now_ms:
            heapq.heappop(self._heap).act(now_ms)
