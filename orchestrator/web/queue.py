"""Routes of the queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orchestrator.bookkeeping import Card
from orchestrator.domain.check_in import Answers
from orchestrator.queue_line import Waiter
from orchestrator.queue_service import Newcomer, QueueService
from orchestrator.web.models import ChangeView
from orchestrator.web.queue_models import (
    Acceptance,
    InLine,
    JoinedView,
    NewNumber,
    Number,
    NumberView,
)
from orchestrator.web.views import booking_view, change_view

_Number = Annotated[Number, Path()]


def queue_routes(service: QueueService) -> APIRouter:
    """Return `/api/v1/queue…`: numbers for who has no booking, by kind of device."""
    routes = APIRouter(prefix="/api/v1/queue", tags=["queue"])

    def view(waiter: Waiter) -> NumberView:
        ticket, booking = waiter.ticket, waiter.booking
        wait = service.seconds_until(waiter.expected)
        return NumberView(
            site=ticket.site,
            kind=ticket.kind,
            number=ticket.number,
            state=ticket.state,
            joined_at=ticket.joined_at,
            target_group=ticket.target_group,
            party_size=ticket.party_size,
            expected_at=waiter.expected,
            wait_seconds=wait,
            turn=booking and booking_view(booking, service.device_name(booking)),
        )

    @routes.get("")
    async def read(
        kind: Annotated[str | None, Query(max_length=81)] = None,
    ) -> list[NumberView]:
        """Return who waits, in line, and how long it is likely to take."""
        return [view(waiter) for waiter in await service.listed(kind)]

    @routes.post("", status_code=201)
    async def join(new: NewNumber) -> JoinedView:
        """Give a customer a number, and a turn at once where one is free."""
        card = Card(new.card, none=new.no_card)
        newcomer = Newcomer(new.kind, new.target_group, new.party_size, card)
        joined = await service.join(newcomer)
        return JoinedView(**dict(view(joined.waiter)), code=joined.code)

    @routes.post("/call")
    async def call(line: InLine) -> list[NumberView]:
        """Offer what is free to the first in line, now."""
        return [view(waiter) for waiter in await service.call(line.kind)]

    @routes.post("/{number}/accept")
    async def accept(number: _Number, asked: Acceptance) -> ChangeView:
        """Let an offered turn be taken, at the desk."""
        answers = Answers(asked.old_enough, asked.guardian)
        return change_view(await service.accept(asked.kind, number, answers))

    @routes.post("/{number}/leave")
    async def leave(number: _Number, line: InLine) -> NumberView:
        """Give up a number; a turn that is held for it goes to the next."""
        return view(await service.leave(line.kind, number))

    @routes.post("/{number}/skip")
    async def skip(number: _Number, line: InLine) -> NumberView:
        """Take back the offer of somebody who did not come."""
        return view(await service.skip(line.kind, number))

    return routes
