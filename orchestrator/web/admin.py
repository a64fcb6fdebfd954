"""Bookings, on a Unix socket: who may open it may change them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import AwareDatetime

from orchestrator.booking_service import BookingService, Order
from orchestrator.web.errors import speak_plainly
from orchestrator.web.models import BookingView, ChangeView, Name, NewBooking, NewEnd
from orchestrator.web.views import booking_view, change_view


def admin_app(*, service: BookingService, version: str) -> FastAPI:
    """Return the application for the Unix socket."""
    app = FastAPI(title="Laitevuoro, changes", version=version, docs_url=None, redoc_url=None)
    speak_plainly(app)

    @app.get("/api/v1/bookings")
    async def read(
        ends_after: AwareDatetime,
        starts_before: AwareDatetime,
        device: Annotated[str | None, Query(max_length=81)] = None,
    ) -> list[BookingView]:
        """Return the bookings that touch a span, cancelled ones too."""
        found = await service.between(ends_after, starts_before, device=device)
        return [booking_view(booking, service.name(booking)) for booking in found]

    @app.post("/api/v1/bookings", status_code=201)
    async def add(new: NewBooking) -> ChangeView:
        """Book a turn."""
        order = Order(**new.model_dump())
        return change_view(await service.add(order))

    @app.patch("/api/v1/bookings/{booking}")
    async def set_end(booking: Name, new: NewEnd) -> ChangeView:
        """Give a booking another end."""
        more = timedelta(seconds=new.more_seconds or 0)
        return change_view(await service.set_end(booking, new.ends_at or more))

    @app.delete("/api/v1/bookings/{booking}")
    async def cancel(booking: Name) -> ChangeView:
        """Cancel a booking; a running turn ends."""
        return change_view(await service.cancel(booking))

    return app
