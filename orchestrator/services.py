"""All services of the desk, made over one office."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.attended_service import AttendedService
from orchestrator.booking_service import BookingService
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.check_in_service import CheckInService
from orchestrator.event_service import EventService
from orchestrator.export_service import ExportService
from orchestrator.hours_service import HoursService
from orchestrator.import_service import ImportService
from orchestrator.move_service import MoveService
from orchestrator.office import Office
from orchestrator.print_fit_service import PrintFitService
from orchestrator.queue_service import QueueService
from orchestrator.staff_service import StaffService


@dataclass(frozen=True, slots=True)
class Services:
    """What HTTP and the command line ask."""

    office: Office
    bookings: BookingService
    check_ins: CheckInService
    moves: MoveService
    attended: AttendedService
    staff: StaffService
    hours: HoursService
    imports: ImportService
    exports: ExportService
    prints: PrintFitService
    queue: QueueService
    events: EventService


def services(office: Office) -> Services:
    """Return the services of an office."""
    books = Bookkeeping(office)
    attended = AttendedService(books)
    return Services(
        office=office,
        bookings=BookingService(books),
        check_ins=CheckInService(books),
        moves=MoveService(books),
        attended=attended,
        staff=StaffService(books, attended),
        hours=HoursService(office),
        imports=ImportService(office),
        exports=ExportService(office),
        prints=PrintFitService(office),
        queue=QueueService(books),
        events=EventService(books),
    )
