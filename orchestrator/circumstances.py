"""What a device's plan is made of beside its bookings, read from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from orchestrator.domain.devices import Device
from orchestrator.domain.opening_hours import NOT_CONFIGURED, Opening, SiteHours
from orchestrator.domain.plan_parts import Holds
from orchestrator.domain.planning import reach
from orchestrator.domain.windows import IsHoliday, WindowCache
from orchestrator.store import hours, prints, queue, staff_words
from orchestrator.store.database import Connection

#: Days of sites; a thousand sites have two each on one day.
_MOST_KEPT = 5000
#: Site and days of which openings are kept: every device's plan begins at another minute.
_Days = tuple[str, datetime, datetime]


class _Cache:
    def __init__(self, zone: tzinfo, is_holiday: IsHoliday) -> None:
        self.openings: dict[_Days, list[Opening] | None] = {}
        self.windows = WindowCache(zone, is_holiday)


class Circumstances:
    """Hours, queue, staff's word, codes and prints of each device.

    Hours are kept from one device to the next; `forget` when they have changed.
    """

    def __init__(
        self, *, configured: Mapping[str, SiteHours], zone: tzinfo, is_holiday: IsHoliday
    ) -> None:
        self._configured = configured
        self._zone = zone
        self._is_holiday = is_holiday
        self.forget()

    def forget(self) -> None:
        """Read hours anew from now on."""
        self._cache = _Cache(self._zone, self._is_holiday)

    def of(self, rows: Connection, device: Device, now: datetime) -> Holds:
        """Return what holds for a device's plan."""
        site, policy = device.address.site, device.policy
        first, last = reach(device, now)
        # Taken once: what was read before `forget` must not be kept after it.
        cache = self._cache
        openings = self._open(rows, cache, site, first, last)
        restricted = openings is not None or policy.periods or policy.school_days_from
        usable = cache.windows.usable(site, policy, openings, first, last) if restricted else None
        return Holds(
            usable=usable,
            waiting=queue.waiting(rows, site, device.kind) > 0,
            words=staff_words.of_device(rows, device.address),
            staff_codes=staff_words.codes_for(rows, site, first, last),
            prints=tuple(prints.newest(rows, device.address)),
        )

    def _open(
        self, rows: Connection, cache: _Cache, site: str, first: datetime, last: datetime
    ) -> Sequence[Opening] | None:
        key = (site, _midnight(first), _midnight(last))
        if key not in cache.openings:
            configured = self._configured.get(site, NOT_CONFIGURED)
            cache.openings[key] = hours.of_site(
                rows, site, first, last, hours=configured, zone=self._zone
            )
        if len(cache.openings) > _MOST_KEPT:
            self.forget()
        return cache.openings[key]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
