"""All services of the desk, made over one office."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.booking_service import BookingService
from orchestrator.office import Office


@dataclass(frozen=True, slots=True)
class Services:
    """What HTTP and the command line ask."""

    office: Office
    bookings: BookingService


def services(office: Office) -> Services:
    """Return the services of an office."""
    return Services(office=office, bookings=BookingService(office))
