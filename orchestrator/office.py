"""What every service of the desk works with: the store, the devices, the clock, the planner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.boot_clock import Boot, boot
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import Desk
from orchestrator.domain.devices import Device
from orchestrator.domain.next_turn import Condition
from orchestrator.domain.opening_hours import NOT_CONFIGURED, SiteHours
from orchestrator.domain.windows import IsHoliday
from orchestrator.public_holidays import is_holiday
from orchestrator.store.database import Database
from orchestrator.store.intake import Taken

#: (device, from when on the change matters; None: at once) -> how far it has come.
Deliver = Callable[[Address, datetime | None], Awaitable[Delivery]]


def keep_nothing(_: Taken) -> None:
    """Hear where no orchestrator runs: it reads everything anew when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Shared by all services; none of them keeps state of its own.

    deliver: plan a device anew after a change and tell how far that came. replan: have
    devices planned anew soon, without waiting for it. hours: as configured, by site. conditions:
    whether devices with an agent can be given to a customer now; those left out can't. boot: the
    machine's boot time. keep: hears, after the commit, what events that were logged here did.
    to_clear: the session whose part is still on a device, as it last told; None: it told of none.
    """

    database: Database
    devices: Mapping[Address, Device]
    target_groups: Collection[str]
    zone: tzinfo
    language: str
    now: Callable[[], datetime]
    deliver: Deliver
    replan: Callable[[Collection[Address]], None]
    hours: Mapping[str, SiteHours] = field(default_factory=dict)
    is_holiday: IsHoliday = is_holiday
    conditions: Callable[[], Mapping[Address, Condition]] = dict
    boot: Callable[[], Boot] = boot
    keep: Callable[[Taken], None] = keep_nothing
    to_clear: Callable[[Address], str | None] = lambda _: None

    def desk(self, device: Device) -> Desk:
        """Return where and when somebody asks now."""
        return Desk(device, to_utc(self.now()), self.zone)

    def hours_of_site(self, site: str) -> SiteHours:
        """Return what is configured of a site's hours."""
        return self.hours.get(site, NOT_CONFIGURED)


async def to_nobody(_: Address, __: datetime | None) -> Delivery:
    """Deliver where no orchestrator runs."""
    return Delivery.NOT_RUNNING


def not_now(_: Collection[Address]) -> None:
    """Replan where no orchestrator runs: it plans everything anew when it starts."""
