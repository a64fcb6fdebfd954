"""Routes of turns at attended devices, for the desk and a tablet beside the device."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from orchestrator.attended_service import AttendedService, Start
from orchestrator.bookkeeping import Card
from orchestrator.domain.check_in import Answers
from orchestrator.web.models import ChangeView, Name
from orchestrator.web.staff_models import NewTurn, NewTurnEnd, TurnOver
from orchestrator.web.views import change_view


def attended_routes(service: AttendedService) -> APIRouter:
    """Return `/api/v1/attended…`. With a `request` id, each is done once however often asked."""
    routes = APIRouter(prefix="/api/v1/attended", tags=["attended"])

    @routes.post("/{site}/{device}/start", status_code=201)
    async def start(site: Name, device: Name, new: NewTurn) -> ChangeView:
        """Begin a turn now."""
        order = Start(
            f"{site}/{device}",
            booking=new.booking,
            target_group=new.target_group,
            party_size=new.party_size,
            length=None if new.seconds is None else timedelta(seconds=new.seconds),
            answers=Answers(new.old_enough, new.guardian),
            card=Card(new.card, none=new.no_card),
            although_waiting=new.although_waiting,
            request=new.request,
        )
        return change_view(await service.start(order))

    @routes.post("/{site}/{device}/extend")
    async def extend(site: Name, device: Name, new: NewTurnEnd) -> ChangeView:
        """Give the turn in hand another end."""
        change = await service.extend(
            f"{site}/{device}",
            new.ends_at or timedelta(seconds=new.more_seconds or 0),
            although_waiting=new.although_waiting,
            over_closing=new.over_closing,
            why=new.why,
            request=new.request,
        )
        return change_view(change)

    @routes.post("/{site}/{device}/end")
    async def end(site: Name, device: Name, over: TurnOver) -> ChangeView:
        """End the turn in hand, or tell when it ended."""
        change = await service.end(
            f"{site}/{device}",
            ended_at=over.ended_at,
            outcome=over.how,
            why=over.why,
            request=over.request,
        )
        return change_view(change)

    return routes
