"""When a device may be used: what its library's hours and its policy make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.domain.bookings import Hours, Usable
from orchestrator.domain.devices import Device, Policy
from orchestrator.office import Office
from orchestrator.store.database import Connection


@dataclass(frozen=True, slots=True)
class _Always:
    starts_at: datetime
    ends_at: datetime
    group: str | None = None
    exclusive: bool = False
    staffed: bool = True


def hours_of(rows: Connection, office: Office, device: Device) -> Hours:  # noqa: ARG001 - opening hours are to come
    """Return the hours of a device, read as they are needed within a transaction."""

    def hours(_: Policy, first: datetime, last: datetime) -> Sequence[Usable]:
        return [_Always(first, last)] if first < last else []

    return hours
