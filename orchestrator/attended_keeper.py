"""Ends attended turns where the plan ends them: nobody at such a device would.

It sleeps until the next end; a change of bookings wakes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from mqtt_schemas.topics import Address
from orchestrator import attended_log
from orchestrator.deadlines import Deadlines
from orchestrator.domain.devices import ATTENDED
from orchestrator.office import Office
from orchestrator.store.database import Connection
from orchestrator.store.errors import StoreFailed
from orchestrator.store.intake import Taken
from orchestrator.waking import woken

#: Nothing tells when the wall clock is stepped: ends are looked at again so often.
LONGEST_SLEEP = 60.0
STORE_AGAIN_AFTER = 5.0

_LOG = structlog.get_logger(__name__)


class AttendedKeeper:
    """Watches over the turns in hand at all attended devices."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._waiting = {each.address for each in office.devices.values() if each.kind == ATTENDED}
        self._known = frozenset(self._waiting)
        self._deadlines: Deadlines[Address] = Deadlines()
        self._wake = asyncio.Event()
        self._failing = False

    def look_at(self, addresses: Iterable[Address]) -> None:
        """Hear that bookings of devices changed. Those with an agent are none of ours."""
        mine = self._known.intersection(addresses)
        if mine:
            self._waiting |= mine
            self._wake.set()

    async def run(self) -> None:
        """Do what is due, then sleep until more is. For ever."""
        while True:
            await woken(self._wake, await self.step())

    async def step(self) -> float:
        """Do all that is due now; return the seconds until more is."""
        self._wake.clear()
        self._waiting.update(self._deadlines.take(self._office.now().timestamp()))
        waiting, self._waiting = sorted(self._waiting), set()
        try:
            while waiting:
                await self._attend(waiting[-1])
                waiting.pop()
        except StoreFailed as error:
            self._waiting.update(waiting)
            if not self._failing:
                _LOG.error("attended_turns_not_kept", reason=str(error))
            self._failing = True
            return STORE_AGAIN_AFTER
        self._failing = False
        due = self._deadlines.next()
        if due is None:
            return LONGEST_SLEEP
        return min(max(due - self._office.now().timestamp(), 0.0), LONGEST_SLEEP)

    async def _attend(self, address: Address) -> None:
        """Look at a device's turn; only where something is due, take the writer's turn."""
        look = await self._office.database.read(
            lambda rows: attended_log.look(rows, self._office, address)
        )
        if look.due:
            taken, look = await self._office.database.write(lambda rows: self._close(rows, address))
            if taken is not None:
                self._office.keep(taken)
                _LOG.info("attended_turn_ended", device=str(address))
        self._deadlines.drop(address)
        if look.until is not None:
            self._deadlines.set(address, look.until.timestamp())

    def _close(self, rows: Connection, address: Address) -> tuple[Taken | None, attended_log.Look]:
        taken = attended_log.close_due(rows, self._office, address)
        return taken, attended_log.look(rows, self._office, address)
