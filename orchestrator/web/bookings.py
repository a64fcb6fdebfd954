"""Routes of bookings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Card
from orchestrator.check_in_service import CheckInService, WalkIn
from orchestrator.domain.check_in import Answers
from orchestrator.move_service import MoveService
from orchestrator.web.booking_models import (
    AgeAnswers,
    MovedView,
    NewBlock,
    NewPlace,
    NewSeries,
    NewWalkIn,
    SeriesView,
)
from orchestrator.web.models import BookingView, ChangeView, Name, NewBooking, NewEnd, Why
from orchestrator.web.views import booking_view, change_view, moved_view, series_view


def booking_routes(service: BookingService) -> APIRouter:
    """Return `/api/v1/bookings…`: what is booked, and changing it."""
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
        """Book a turn on a device, or on any of a kind."""
        return change_view(await service.add(_order(new)))

    @routes.post("/series", status_code=201)
    async def add_series(new: NewSeries) -> SeriesView:
        """Book a turn again and again."""
        made = await service.add_series(_order(new), new.every, new.times, partial=new.partial)
        return series_view(made)

    @routes.delete("/series/{series}")
    async def cancel_series(series: Name, why: Why | None = None) -> list[ChangeView]:
        """Cancel what is left of a series, or of a block."""
        return [change_view(each) for each in await service.cancel_series(series, why=why)]

    @routes.post("/blocks", status_code=201)
    async def block(new: NewBlock) -> list[ChangeView]:
        """Keep devices free of turns."""
        made = await service.block(new.devices, new.starts_at, new.ends_at, why=new.why)
        return [change_view(each) for each in made]

    @routes.patch("/{booking}")
    async def set_end(booking: Name, new: NewEnd) -> ChangeView:
        """Give a booking another end."""
        change = await service.set_end(
            booking,
            new.ends_at or timedelta(seconds=new.more_seconds or 0),
            although_waiting=new.although_waiting,
            over_closing=new.over_closing,
            why=new.why,
        )
        return change_view(change)

    @routes.delete("/{booking}")
    async def cancel(booking: Name, why: Why | None = None) -> ChangeView:
        """Cancel a booking; a running turn ends."""
        return change_view(await service.cancel(booking, why=why))

    @routes.post("/{booking}/code")
    async def new_code(booking: Name) -> ChangeView:
        """Give a booking another check-in code."""
        return change_view(await service.new_code(booking))

    return routes


def check_in_routes(service: CheckInService, moves: MoveService) -> APIRouter:
    """Return `/api/v1/bookings…`: what happens when customers come, and when a device breaks."""
    routes = APIRouter(prefix="/api/v1/bookings", tags=["bookings"])

    @routes.post("/walk-ins", status_code=201)
    async def walk_in(new: NewWalkIn) -> ChangeView:
        """Begin a turn now, for who has none booked."""
        order = WalkIn(
            new.device,
            new.kind,
            new.target_group,
            new.party_size,
            None if new.seconds is None else timedelta(seconds=new.seconds),
            Answers(new.old_enough, new.guardian),
            Card(new.card, none=new.no_card),
            although_waiting=new.although_waiting,
        )
        return change_view(await service.walk_in(order))

    @routes.post("/{booking}/check-in")
    async def check_in(booking: Name, asked: AgeAnswers) -> ChangeView:
        """Note that a booking's customer has come."""
        answers = Answers(asked.old_enough, asked.guardian)
        return change_view(await service.check_in(booking, answers))

    @routes.post("/{booking}/move")
    async def move(booking: Name, new: NewPlace) -> MovedView:
        """Move a booking, or a running turn with the time that it has left."""
        return moved_view(await moves.move(booking, device=new.device, why=new.why))

    return routes


def _order(new: NewBooking) -> Order:
    return Order(
        device=new.device,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        target_group=new.target_group,
        party_size=new.party_size,
        kind=new.kind,
        over_closing=new.over_closing,
        card=Card(new.card, none=new.no_card),
        why=new.why,
    )
