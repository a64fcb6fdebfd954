"""All that changes something, on a Unix socket: who may open it may change it."""

from __future__ import annotations

from fastapi import FastAPI

from orchestrator.alarms import Alarms
from orchestrator.services import Services
from orchestrator.web.alarms import alarm_routes
from orchestrator.web.attended import attended_routes
from orchestrator.web.audit import audit_routes
from orchestrator.web.bookings import booking_routes, check_in_routes
from orchestrator.web.errors import speak_plainly
from orchestrator.web.events import event_routes
from orchestrator.web.hours import hours_routes
from orchestrator.web.imports import import_routes
from orchestrator.web.print_fit import print_fit_routes
from orchestrator.web.queue import queue_routes
from orchestrator.web.staff import staff_routes


def admin_app(*, services: Services, version: str, alarms: Alarms | None = None) -> FastAPI:
    """Return the application for the Unix socket. alarms: of a running orchestrator."""
    app = FastAPI(title="Laitevuoro, changes", version=version, docs_url=None, redoc_url=None)
    speak_plainly(app)
    app.include_router(booking_routes(services.bookings))
    app.include_router(check_in_routes(services.check_ins, services.moves))
    app.include_router(audit_routes(services.office))
    app.include_router(print_fit_routes(services.prints, services.office.zone))
    app.include_router(hours_routes(services.hours))
    app.include_router(import_routes(services.imports, services.exports))
    app.include_router(queue_routes(services.queue))
    app.include_router(event_routes(services.events))
    app.include_router(attended_routes(services.attended))
    app.include_router(staff_routes(services.staff))
    app.include_router(alarm_routes(alarms, services.office.devices))
    return app
