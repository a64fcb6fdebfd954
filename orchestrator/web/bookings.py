"""Routes of bookings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from orchestrator.booking_service import BookingService, Order
from orchestrator.web.models import BookingView, ChangeView, Name, NewBooking, NewEnd
from orchestrator.web.views import booking_view, change_view


def booking_routes(service: BookingService) -> APIRouter:
    """Return `/api/v1/bookings…`."""
    routes = APIRouter(prefix="/api/v1/bookings", tags=["bookings"])

    @routes.get("")
    async def read(
        ends_after: AwareDatetime,
        starts_before: AwareDatetime,
        device: Annotated[str | None, Query(max_length=81)] = None,
    ) -> list[BookingView]:
        """Return the bookings that touch a span, cancelled ones too."""
        found = await service.between(ends_after, starts_before, device=device)
        return [booking_view(booking, service.name(booking)) for booking in found]

    @routes.post("", status_code=201)
    async def add(new: NewBooking) -> ChangeView:
        """Book a turn."""
        order = Order(**new.model_dump())
        return change_view(await service.add(order))

    @routes.patch("/{booking}")
    async def set_end(booking: Name, new: NewEnd) -> ChangeView:
        """Give a booking another end."""
        more = timedelta(seconds=new.more_seconds or 0)
        return change_view(await service.set_end(booking, new.ends_at or more))

    @routes.delete("/{booking}")
    async def cancel(booking: Name) -> ChangeView:
        """Cancel a booking; a running turn ends."""
        return change_view(await service.cancel(booking))

    return routes
