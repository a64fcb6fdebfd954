"""When what is due next, for thousands of things, one deadline each."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Deadlines(Generic[Key]):
    """The next deadline of each key, in any unit that can be compared. Knows no clock."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def set(self, key: Key, due: float) -> None:
        """Give a key its deadline, in place of the one it had."""
        self._due[key] = due
        # The count keeps equal deadlines from comparing keys.
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))

    def drop(self, key: Key) -> None:
        """Forget a key's deadline, if it has one."""
        self._due.pop(key, None)

    def next(self) -> float | None:
        """Return the earliest deadline, or None."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[Key]:
        """Return, and forget, the keys that are due, the longest overdue first."""
        taken: list[Key] = []
        while (due := self.next()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            del self._due[key]
            taken.append(key)
        return taken
