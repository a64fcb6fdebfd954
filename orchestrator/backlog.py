"""Event messages that wait for the database, bounded: what does not fit is sent again."""

from __future__ import annotations

from collections import Counter, deque

from mqtt_schemas.topics import Address
from orchestrator.deliveries import Delivery

#: Bytes of payload.
MOST_BYTES = 32 * 1024 * 1024
#: So that one device can't fill it alone. Any single payload fits.
MOST_BYTES_EACH = 2 * 1024 * 1024
#: Bytes in one transaction, about 2,000 events: bounds how long the first of them waits.
MOST_TOGETHER = 1024 * 1024


class Backlog:
    """First in, first out."""

    def __init__(
        self, *, most_bytes: int = MOST_BYTES, most_bytes_each: int = MOST_BYTES_EACH
    ) -> None:
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._waiting: deque[Delivery] = deque()
        self._bytes: Counter[Address] = Counter()
        self._all_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, delivery: Delivery) -> bool:
        """Take a delivery. False: there is no room."""
        size = len(delivery.payload)
        if (
            self._all_bytes + size > self._most_bytes
            or self._bytes[delivery.address] + size > self._most_bytes_each
        ):
            return False
        self._waiting.append(delivery)
        self._bytes[delivery.address] += size
        self._all_bytes += size
        return True

    def take(self, most_bytes: int = MOST_TOGETHER) -> list[Delivery]:
        """Return the oldest deliveries, at least one if there is any."""
        taken: list[Delivery] = []
        size = 0
        while self._waiting:
            size += len(self._waiting[0].payload)
            if taken and size > most_bytes:
                break
            delivery = self._waiting.popleft()
            self._all_bytes -= len(delivery.payload)
            self._bytes[delivery.address] -= len(delivery.payload)
            taken.append(delivery)
        self._bytes = +self._bytes
        return taken
