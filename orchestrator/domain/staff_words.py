"""PURE: what staff says of a device until they say otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mqtt_schemas.plan import Notice

#: A plan holds twenty; the others are for what the orchestrator itself has to say.
MOST_NOTICES = 10

#: Why a device is out of service.
REASONS = ("fault", "maintenance", "cleaning", "other")


@dataclass(frozen=True, slots=True)
class StaffWords:
    """The words that hold for one device.

    out_of_service: one of REASONS; None: in service. cleared: the session whose finished part
    was taken off it, the newest one. notices: in the order in which they were given. ended: the
    turn, the newest one, that staff ended at once: it has no grace.
    """

    out_of_service: str | None = None
    cleared: str | None = None
    notices: tuple[Notice, ...] = ()
    ended: str | None = None

    def at(self, now: datetime) -> StaffWords:
        """Return what still holds: without the notices whose time is over."""
        return replace(self, notices=tuple(each for each in self.notices if each.until > now))


NOTHING_SAID = StaffWords()
