"""PURE: when a site is open, from weekly hours, exceptions and imported days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """A span in which a site is open, in UTC. staffed: else it is self-service."""

    starts_at: datetime
    ends_at: datetime
    staffed: bool = True
