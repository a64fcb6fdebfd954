"""When a device may be used: what its library's hours and its policy make together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orchestrator.domain.bookings import Hours, Usable
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.opening_hours import Opening
from orchestrator.domain.windows import usable
from orchestrator.office import Office
from orchestrator.store import hours as stored
from orchestrator.store.database import Connection


def openings_of(
    rows: Connection, office: Office, site: str, first: datetime, last: datetime
) -> list[Opening] | None:
    """Return a site's openings around a span (store.hours.of_site); None: always open."""
    return stored.of_site(
        rows, site, first, last, hours=office.hours_of_site(site), zone=office.zone
    )


def hours_of(rows: Connection, office: Office, device: Device) -> Hours:
    """Return the hours of a device, read as they are needed within a transaction."""
    read: dict[tuple[datetime, datetime], list[Opening] | None] = {}

    def hours(policy: Policy, first: datetime, last: datetime) -> Sequence[Usable]:
        if (first, last) not in read:
            read[first, last] = openings_of(rows, office, device.address.site, first, last)
        return usable(policy, read[first, last], first, last, office.zone, office.is_holiday)

    return hours
