"""Bookings for other systems."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.calendars.ics_export import export
from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.naming import device_named
from orchestrator.office import Office
from orchestrator.store import bookings

#: What a device's feed shows: so much of the past, so much of what is ahead.
PAST, AHEAD = timedelta(days=7), timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Exported:
    """A calendar. tag: of its content, for whoever asks again."""

    text: bytes
    bookings: int

    @property
    def tag(self) -> str:
        """An entity tag (RFC 9110)."""
        return f'"{hashlib.sha256(self.text).hexdigest()[:32]}"'


class ExportService:
    """Tells what is booked as iCalendar."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def between(
        self, ends_after: datetime, starts_before: datetime, *, device: str | None = None
    ) -> Exported:
        """Return the live bookings that touch a span. Raises BookingRefused, StoreFailed."""
        devices = self._office.devices
        only = None if device is None else device_named(device, devices).address
        try:
            first, last = to_utc(ends_after), to_utc(starts_before)
        except ValueError as error:
            raise BookingRefused(f"{str(error).capitalize()}.") from None
        return await self._export(first, last, only)

    async def feed(self, address: Address) -> Exported | None:
        """Return the bookings of a device from last week on; None where there is no such device."""
        if address not in self._office.devices:
            return None
        # From midnight on, so that equal bookings are an equal feed all day.
        today = to_utc(self._office.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._export(today - PAST, today + AHEAD, address)

    async def _export(self, first: datetime, last: datetime, only: Address | None) -> Exported:
        found = await self._office.database.read(
            lambda rows: bookings.between(rows, ends_after=first, starts_before=last)
        )
        told = [each for each in found if each.live and only in (None, each.address)]
        names = {address: device.name for address, device in self._office.devices.items()}
        return Exported(export(told, names, language=self._office.language), len(told))
