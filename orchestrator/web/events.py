"""Routes of group events."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import AwareDatetime

from orchestrator.domain.group_events import Count, participants
from orchestrator.event_service import EventService, NewEvent, People, Sheet
from orchestrator.web.event_models import (
    Counting,
    CountView,
    EventChangeView,
    EventView,
    NewGroupEvent,
    OtherDevice,
    PeopleAsked,
    UseView,
)
from orchestrator.web.models import Name, Why
from orchestrator.web.views import booking_view, change_view


def event_routes(service: EventService) -> APIRouter:
    """Return `/api/v1/events…`: one event over several devices, whose people count once."""
    routes = APIRouter(prefix="/api/v1/events", tags=["events"])

    def view(sheet: Sheet) -> EventView:
        event, now = sheet.event, participants(sheet.event, sheet.told)
        return EventView(
            id=event.id,
            site=event.site,
            label=event.label,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            state=event.state,
            target_group=event.target_group,
            rotate=event.rotate,
            buffer=event.buffer,
            counted=now.counted,
            not_counted=event.not_counted,
            participants=_count(now.count) if now.count else None,
            corrected=now.corrected,
            told=tuple(map(_count, sheet.told)),
            turns=tuple(booking_view(turn, service.device_name(turn)) for turn in sheet.turns),
            use=UseView(
                sessions=len(sheet.sessions),
                active_seconds=sum(each.active_ms for each in sheet.sessions) / 1000,
                idle_seconds=sum(each.idle_ms for each in sheet.sessions) / 1000,
            ),
        )

    def changed(sheet: Sheet) -> EventChangeView:
        changes = tuple(map(change_view, sheet.changes))
        return EventChangeView(**dict(view(sheet)), changes=changes)

    @routes.get("")
    async def read(ends_after: AwareDatetime, starts_before: AwareDatetime) -> list[EventView]:
        """Return the events that touch a span, cancelled ones too."""
        return [view(sheet) for sheet in await service.between(ends_after, starts_before)]

    @routes.post("", status_code=201)
    async def add(new: NewGroupEvent) -> EventChangeView:
        """Plan an event on all its devices, or on none."""
        order = NewEvent(
            devices=new.devices,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            label=new.label,
            target_group=new.target_group,
            rotate=new.rotate,
            buffer=new.buffer,
            outside_hours=new.outside_hours,
            not_counted=new.not_counted,
            people=None if new.people is None else _people(new.people),
            why=new.why,
        )
        return changed(await service.add(order))

    @routes.get("/{event}")
    async def show(event: Name) -> EventView:
        """Return an event with its turns, its figures and what its devices saw."""
        return view(await service.sheet(event))

    @routes.put("/{event}/participants")
    async def tell(event: Name, asked: PeopleAsked) -> EventView:
        """Tell who took part, or correct it."""
        return view(await service.set_participants(event, _people(asked), why=asked.why))

    @routes.put("/{event}/counted")
    async def count(event: Name, asked: Counting) -> EventView:
        """Say whether an event's people are to be counted."""
        return view(await service.set_counted(event, counted=asked.counted, why=asked.why))

    @routes.post("/{event}/devices")
    async def move(event: Name, asked: OtherDevice) -> EventChangeView:
        """Give an event another device for one of its own."""
        sheet = await service.move_device(event, device=asked.device, to=asked.to, why=asked.why)
        return changed(sheet)

    @routes.delete("/{event}")
    async def cancel(event: Name, why: Why | None = None) -> EventChangeView:
        """Cancel an event; one that has begun ends now."""
        return changed(await service.cancel(event, why=why))

    return routes


def _people(asked: PeopleAsked) -> People:
    return People(asked.under_18, asked.over_18, asked.unknown, asked.estimated)


def _count(count: Count) -> CountView:
    return CountView(
        at=count.at,
        role=count.role,
        under_18=count.under_18,
        over_18=count.over_18,
        unknown=count.unknown,
        estimated=count.estimated,
        why=count.why,
    )
