"""Looks for alarms now and then, tells of those that come and go, and has the present ones ready.

Looking is needed even where nobody asks: since when a device has not carried out its plan is
known only to whoever has looked all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import partial

import structlog

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.domain.alarms import NONE_PENDING, Alarm, Kind, Pending, Seen, judge
from orchestrator.domain.devices import Device
from orchestrator.domain.local_time import to_local
from orchestrator.domain.periods import begin_of
from orchestrator.domain.usage import DeviceUsage, by_device
from orchestrator.store import totals
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.twins import Twin, Twins

#: Seconds between two looks.
LOOK = 15.0

_LOG = structlog.get_logger(__name__)


class Alarms:
    """The alarms as of the newest look, in `now`; safe to read from any thread."""

    def __init__(
        self,
        *,
        devices: Mapping[Address, Device],
        twins: Twins,
        database: Database,
        zone: tzinfo,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.now: tuple[Alarm, ...] = ()
        self._devices = devices
        self._twins = twins
        self._database = database
        self._zone = zone
        self._clock = now
        self._monotonic = monotonic
        self._pending: Pending = NONE_PENDING
        self._used: Mapping[Address, DeviceUsage] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    async def look(self) -> tuple[Alarm, ...]:
        """Return the alarms of this moment, and log those that came or went.

        Where the store can't be read, today's use is as it last was: the rest still matters.
        """
        now = to_utc(self._clock())
        day = to_local(now, self._zone).date()
        midnight = to_utc(begin_of(day, self._zone))
        try:
            today = await self._database.read(partial(totals.read, since=day.isoformat()))
            self._used = by_device(today)
        except StoreFailed as error:
            _LOG.warning("use_not_read", reason=str(error))
        clock = self._monotonic()
        seen = [self._seen(self._twins.of(address), midnight, clock) for address in self._devices]
        judged = judge(seen, self._pending, now)
        self._pending = judged.pending
        self._tell(judged.alarms)
        self.now = judged.alarms
        return judged.alarms

    def _seen(self, twin: Twin, midnight: datetime, clock: float) -> Seen:
        used = self._used.get(twin.address)
        return Seen(
            address=twin.address,
            online=twin.online(clock),
            status=twin.status,
            plan=twin.desired,
            in_force=twin.in_agreement,
            today=midnight,
            uncounted_today=used.outside_sessions if used else 0,
        )

    def _tell(self, alarms: tuple[Alarm, ...]) -> None:
        before, after = _keys(self.now), _keys(alarms)
        for alarm in alarms:
            if (alarm.address, alarm.kind) not in before:
                _LOG.warning(
                    "alarm",
                    alarm=str(alarm.kind),
                    device=str(alarm.address),
                    since=alarm.since.isoformat(timespec="seconds"),
                    reason=alarm.reason,
                )
        for address, kind in sorted(before - after):
            _LOG.info("alarm_over", alarm=str(kind), device=str(address))


def _keys(alarms: tuple[Alarm, ...]) -> set[tuple[Address, Kind]]:
    return {(alarm.address, alarm.kind) for alarm in alarms}
