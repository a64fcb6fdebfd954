"""Refused payloads on their way to the database: bounded, and no commit for each of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from mqtt_schemas.topics import Address
from orchestrator.store import counters, refused
from orchestrator.store.counters import COMMITS, EVENTS, REFUSED, Counted, Counts
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.store.refused import KEPT, Refusal

#: Letters of a topic that are kept.
_TOPIC = 200
#: Between two writes.
PAUSE_SECONDS = 1.0

_LOG = structlog.get_logger(__name__)


class Refusals:
    """What was refused, and what became of messages that never reached the database.

    Written a second after it happened, all that has come meanwhile at once; of a flood the
    newest 1,000, and how many there were. `on_written` gets the counts once they are committed.
    """

    def __init__(
        self,
        *,
        database: Database,
        wall_ms: Callable[[], int],
        on_written: Callable[[Counts], None],
    ) -> None:
        self._database = database
        self._wall_ms = wall_ms
        self._on_written = on_written
        self._counts: Counts = Counts()
        self._details: deque[Refusal] = deque(maxlen=KEPT)
        self._any = asyncio.Event()

    def refuse(
        self, *, topic: str, payload: bytes, fault: str, reason: str, address: Address | None
    ) -> None:
        """Note a refused payload. `address` is the sender's, where it is a device of ours."""
        digest = hashlib.sha256(payload).hexdigest()
        self._details.append(
            Refusal(self._wall_ms(), topic[:_TOPIC], fault, reason, len(payload), digest)
        )
        self._count(REFUSED, fault, address)

    def drop(self, address: Address, events: int) -> None:
        """Note events for which there was no room. Their device sends them again."""
        self._count(EVENTS, "dropped", address, events)

    def commit_failed(self) -> None:
        """Note a failed commit. Writing it down finds out when the database is well again."""
        self._count(COMMITS, "failed", None)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._any.wait()
            await asyncio.sleep(PAUSE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what there is; where that fails, keep it for the next time."""
        self._any.clear()
        counts, self._counts = self._counts, Counts()
        details, self._details = self._details, deque(maxlen=KEPT)
        if not counts:
            return
        try:
            await self._database.write(partial(refused.record, counts=counts, refusals=details))
        except StoreFailed:
            self._counts.update(counts)
            self._details.extendleft(reversed(details))
            self._any.set()
            return
        self._on_written(counts)
        _tell(counts, details)

    def _count(self, what: str, result: str, address: Address | None, number: int = 1) -> None:
        site, device = (address.site, address.device) if address else ("", "")
        self._counts[Counted(what, result, site, device)] += number
        self._any.set()


def _tell(counts: Counts, details: deque[Refusal]) -> None:
    """Log the refusals of a second in one line, with the newest as the example."""
    faults = dict(counters.by_result(counts, REFUSED))
    if faults and details:
        last = details[-1]
        _LOG.warning("refused", faults=faults, topic=last.topic, reason=last.reason)
