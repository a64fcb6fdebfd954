"""Keeps turns to their times: who did not come, which offer lapsed, who asked for more time.

It sleeps until the next deadline, which follows from the bookings; a change of them, a
device's events, and a status of one that was waited for wake it. What is changed, and how,
is in turn_changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import structlog

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.deadlines import Deadlines
from orchestrator.domain import quota
from orchestrator.domain.bookings import Booking
from orchestrator.office import Office
from orchestrator.store import quotas
from orchestrator.store.errors import StoreFailed
from orchestrator.turn_changes import TurnChanges
from orchestrator.waking import woken

#: Nothing tells when the wall clock is stepped: deadlines are looked at again so often.
LONGEST_SLEEP = 60.0
STORE_AGAIN_AFTER = 5.0
#: What comes meanwhile is done together: a thousand devices may tell of turns at once.
GATHER_SECONDS = 0.1
#: A status may have been under way when the customer checked in.
UNDER_WAY = timedelta(seconds=2)

_LOG = structlog.get_logger(__name__)

#: Hears which bookings' time became free before its end, after the commit.
OnFreed = Callable[[Collection[Booking]], None]


class TurnKeeper:
    """Watches over the bookings of all devices.

    told_until: up to when all that a device reported is known; None: not at all. on_freed: who
    is told which offers, and turns of people who did not come, are free again.
    """

    def __init__(
        self,
        *,
        changes: TurnChanges,
        office: Office,
        told_until: Callable[[Address], datetime | None],
        replan: Callable[[Collection[Address]], None],
    ) -> None:
        self.on_freed: list[OnFreed] = []
        self._changes = changes
        self._office = office
        self._database = office.database
        self._devices = office.devices
        self._now = office.now
        self._told_until = told_until
        self._replan = replan
        self._deadlines: Deadlines[Address] = Deadlines()
        self._overdue: set[Address] = set()
        self._waiting: set[Address] = set(office.devices)
        self._keys_until: datetime | None = None
        self._wake = asyncio.Event()
        self._failing = False

    def look_at(self, addresses: Iterable[Address]) -> None:
        """Hear that bookings of devices changed, or that the devices told of turns."""
        self._waiting.update(address for address in addresses if address in self._devices)
        self._wake.set()

    def on_status(self, address: Address) -> None:
        """Hear that a device's status has come in. On the path of every status."""
        if address in self._overdue:
            self.look_at([address])

    async def run(self) -> None:
        """Do what is due, then sleep until more is. For ever."""
        while True:
            if await woken(self._wake, await self.step()):
                await asyncio.sleep(GATHER_SECONDS)

    async def step(self) -> float:
        """Do all that is due now; return the seconds until more is."""
        self._wake.clear()
        self._waiting.update(self._deadlines.take(self._now().timestamp()))
        waiting, self._waiting = sorted(self._waiting), set()
        try:
            while waiting:
                await self._attend(waiting[-1])
                waiting.pop()
            await self._drop_keys()
        except StoreFailed as error:
            self._waiting.update(waiting)
            if not self._failing:
                _LOG.error("turns_not_kept", reason=str(error))
            self._failing = True
            return STORE_AGAIN_AFTER
        self._failing = False
        due = self._deadlines.next()
        if due is None:
            return LONGEST_SLEEP
        return min(max(due - self._now().timestamp(), 0.0), LONGEST_SLEEP)

    async def _attend(self, address: Address) -> None:
        """Look at a device's bookings; only where something is due, take the writer's turn."""
        told_until = self._told_until(address)
        look = await self._database.read(lambda rows: self._changes.look(rows, address, told_until))
        freed: list[Booking] = []
        if look.changed or look.asked:
            changed, look = await self._database.write(
                lambda rows: self._changes.change(rows, address, told_until)
            )
            freed = [booking for booking in changed if not booking.live]
            if changed:
                self._replan([address])
        self._overdue.discard(address)
        if look.overdue:
            self._overdue.add(address)
        self._deadlines.drop(address)
        if look.deadline is not None:
            self._deadlines.set(address, look.deadline.timestamp())
        if freed:
            for hear in self.on_freed:
                hear(freed)

    async def _drop_keys(self) -> None:
        """Delete the keys of quotas whose week has ended, and with them whose marks they were."""
        now, zone = to_utc(self._now()), self._office.zone
        if self._keys_until is not None and now < self._keys_until:
            return
        week = quota.week_of(now, zone)
        await self._database.write(lambda rows: quotas.forget_before(rows, week))
        self._keys_until = max(quota.next_week(now, zone), now + timedelta(seconds=LONGEST_SLEEP))
