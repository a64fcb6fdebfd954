"""PURE: bookings -> iCalendar (RFC 5545). Who booked is not known here, so it can't be told.

Equal bookings give equal bytes: nothing in them is of the moment at which they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from mqtt_schemas import __version__
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import Booking, Purpose

BOOKED = {"fi": "varattu", "sv": "bokad", "en": "booked"}
BLOCKED = {"fi": "ei varattavissa", "sv": "kan inte bokas", "en": "not to be booked"}
_SECOND = timedelta(seconds=1)


def export(bookings: Iterable[Booking], names: Mapping[Address, str], *, language: str) -> bytes:
    """Return a calendar of all that are live, by start. `names` are the devices'.

    iCalendar knows whole seconds: each is widened to them.
    """
    calendar = Calendar()
    calendar.add("PRODID", f"-//Laitevuoro//Laitevuoro {__version__}//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    for booking in sorted(bookings, key=lambda each: (each.starts_at, each.address, each.id)):
        if booking.live:
            name = names.get(booking.address, booking.address.device)
            calendar.add_component(_event(booking, name, language))
    written: bytes = calendar.to_ical()
    return written


def _event(booking: Booking, name: str, language: str) -> Event:
    event, blocks = Event(), booking.purpose is Purpose.BLOCK
    starts_at = _down(booking.starts_at)
    event.add("UID", f"{booking.id}@laitevuoro")
    # When it was written is not known, and must not change what is.
    event.add("DTSTAMP", starts_at)
    event.add("DTSTART", starts_at)
    event.add("DTEND", _up(booking.ends_at))
    event.add("SUMMARY", f"{name}: {(BLOCKED if blocks else BOOKED).get(language, 'booked')}")
    event.add("LOCATION", str(booking.address))
    event.add("CLASS", "PUBLIC")
    event.add("TRANSP", "OPAQUE")
    if blocks:
        event.add("X-MICROSOFT-CDO-BUSYSTATUS", "OOF")
    if booking.target_group is not None and not booking.group_assumed:
        event.add("CATEGORIES", [booking.target_group])
    if booking.party_size is not None:
        event.add("X-LAITEVUORO-PARTY", str(booking.party_size))
    if booking.purpose is not Purpose.TURN:
        event.add("X-LAITEVUORO-PURPOSE", str(booking.purpose))
    return event


def _down(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _up(moment: datetime) -> datetime:
    return moment if moment.microsecond == 0 else _down(moment) + _SECOND
