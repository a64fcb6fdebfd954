"""Batches that wait for the database, bounded: what does not fit is dropped, and sent again."""

from __future__ import annotations

from collections import Counter, deque

from mqtt_schemas.topics import Address
from orchestrator.store.intake import Batch

#: Bytes of payload. Parsed, they take about ten times as much memory.
MOST_BYTES = 16 * 1024 * 1024
#: So that one device can't fill it alone. Any single payload fits.
MOST_BYTES_EACH = 2 * 1024 * 1024
#: Events in one transaction: bounds how long the first of them waits.
MOST_TOGETHER = 2000


class Backlog:
    """First in, first out."""

    def __init__(
        self, *, most_bytes: int = MOST_BYTES, most_bytes_each: int = MOST_BYTES_EACH
    ) -> None:
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._waiting: deque[tuple[Batch, int]] = deque()
        self._bytes: Counter[Address] = Counter()
        self._all_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, batch: Batch, size: int) -> bool:
        """Take a batch whose payload had so many bytes. False: there is no room."""
        address = batch.address
        if (
            self._all_bytes + size > self._most_bytes
            or self._bytes[address] + size > self._most_bytes_each
        ):
            return False
        self._waiting.append((batch, size))
        self._bytes[address] += size
        self._all_bytes += size
        return True

    def take(self, most_events: int = MOST_TOGETHER) -> list[Batch]:
        """Return the oldest batches, at least one if there is any."""
        batches: list[Batch] = []
        events = 0
        while self._waiting:
            batch, size = self._waiting[0]
            events += len(batch.events)
            if batches and events > most_events:
                break
            self._waiting.popleft()
            self._all_bytes -= size
            self._bytes[batch.address] -= size
            batches.append(batch)
        self._bytes = +self._bytes
        return batches
