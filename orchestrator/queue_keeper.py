"""Offers what becomes free to the first in line, at the moment when it does.

It sleeps until time alone will free something, which follows from what is booked. A change of
bookings or of the queue, and a device that becomes ready, wake it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

import structlog

from mqtt_schemas.topics import Address
from orchestrator.conditions import condition_of
from orchestrator.domain.next_turn import Condition
from orchestrator.office import Office, not_now
from orchestrator.queue_service import QueueService
from orchestrator.store import queue
from orchestrator.store.database import Connection
from orchestrator.store.errors import StoreFailed
from orchestrator.twins import Twins
from orchestrator.waking import woken

#: Nothing tells when the wall clock is stepped: what is free is looked at again so often.
LONGEST_SLEEP = 60.0
STORE_AGAIN_AFTER = 5.0

_LOG = structlog.get_logger(__name__)


class Conditions:
    """Whether devices with an agent can be given to a customer now.

    hear: told whenever a device becomes ready.
    """

    def __init__(
        self, *, twins: Twins, addresses: Collection[Address], monotonic: Callable[[], float]
    ) -> None:
        self.hear: Callable[[], None] = lambda: None
        self._twins = twins
        self._addresses = addresses
        self._monotonic = monotonic
        self._ready: set[Address] = set()

    def now(self) -> Mapping[Address, Condition]:
        """Return them, as they are just now."""
        clock = self._monotonic()
        return {each: condition_of(self._twins.of(each), clock) for each in self._addresses}

    def on_status(self, address: Address) -> None:
        """Hear that a device's status has come in. Fast: most say what the one before said."""
        if condition_of(self._twins.of(address), self._monotonic()) is not Condition.READY:
            self._ready.discard(address)
        elif address not in self._ready:
            self._ready.add(address)
            self.hear()


async def waited_for(office: Office) -> frozenset[Address]:
    """Return the devices of which somebody waits for one. Raises StoreFailed."""

    def read(rows: Connection) -> set[tuple[str, str]]:
        return {line for line in queue.lines(rows) if queue.waiting(rows, *line)}

    found = await office.database.read(read)
    devices = office.devices.items()
    return frozenset(each for each, device in devices if (each.site, device.kind) in found)


async def nobody_waits() -> frozenset[Address]:
    """Return no devices: nobody is asked."""
    return frozenset()


class QueueKeeper:
    """Moves all lines on, and has devices planned anew when their first one came or last one left.

    A plan lets customers begin at the device only while nobody waits. waited_for: asked for the
    devices of which somebody does. replan: has devices planned; it must not wake this keeper.
    """

    def __init__(
        self,
        *,
        service: QueueService,
        now: Callable[[], datetime],
        waited_for: Callable[[], Awaitable[frozenset[Address]]] = nobody_waits,
        replan: Callable[[Collection[Address]], None] = not_now,
    ) -> None:
        self._service = service
        self._now = now
        self._waited_for = waited_for
        self._replan = replan
        self._waited: frozenset[Address] = frozenset()
        self._wake = asyncio.Event()
        self._failing = False

    def wake(self) -> None:
        """Hear that something may have become free, or that somebody joined or left."""
        self._wake.set()

    async def run(self) -> None:
        """Do what can be done, then sleep until more may be. For ever."""
        while True:
            await woken(self._wake, await self.step())

    async def step(self) -> float | None:
        """Do all that can be done now; return the seconds until time alone lets more be done.

        None: nobody waits.
        """
        self._wake.clear()
        try:
            moment = await self.look()
        except StoreFailed as error:
            if not self._failing:
                _LOG.error("queue_not_kept", reason=str(error))
            self._failing = True
            return STORE_AGAIN_AFTER
        self._failing = False
        if moment is None:
            return None
        return min(max((moment - self._now()).total_seconds(), 0.0), LONGEST_SLEEP)

    async def look(self) -> datetime | None:
        """Do all that can be done now; return when time alone lets more be done, or None."""
        moment = await self._service.move_on()
        waited = await self._waited_for()
        changed, self._waited = waited ^ self._waited, waited
        if changed:
            self._replan(changed)
        return moment
