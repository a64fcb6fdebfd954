"""Routes of opening hours."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from orchestrator.calendars.hours_reading import HoursFormat
from orchestrator.domain.hours_words import clock
from orchestrator.hours_service import HoursImport, HoursService, ShownDay
from orchestrator.web.hours_models import HoursImportView, HoursView, SpanView
from orchestrator.web.imports import TOLD, file_of

_Site = Annotated[str, Path(max_length=81)]
_Library = Annotated[str | None, Query(pattern=r"^\d{1,12}$")]


def hours_routes(service: HoursService) -> APIRouter:
    """Return `/api/v1/hours/{site}`: when a library is open, and importing that."""
    routes = APIRouter(prefix="/api/v1/hours", tags=["hours"])

    @routes.get("/{site}")
    async def read(site: _Site, first: date, last: date) -> list[HoursView]:
        """Return the hours of each day from `first` to `last`."""
        return [hours_view(day) for day in await service.show(site, first, last)]

    @routes.post("/{site}/import")
    async def take(
        request: Request,
        site: _Site,
        format: HoursFormat | None = None,  # noqa: A002 - its name in the query
        library: _Library = None,
        partial: bool = False,  # noqa: FBT001, FBT002 - of the query
    ) -> HoursImportView:
        """Let a library's imported hours be what the file in the body says."""
        data = await file_of(request)
        return import_view(
            await service.take(site, data, format=format, library=library, partial=partial)
        )

    return routes


def hours_view(day: ShownDay) -> HoursView:
    """Return a day as it is answered."""
    spans = (
        SpanView.model_validate(
            {"from": clock(span.from_), "to": clock(span.to), "staffed": span.staffed}
        )
        for span in day.hours.spans
    )
    return HoursView(
        day=day.hours.day,
        spans=tuple(spans),
        source=day.hours.source,
        note=day.hours.note,
        holiday=day.holiday,
    )


def import_view(done: HoursImport) -> HoursImportView:
    """Return an import as it is answered."""
    return HoursImportView(
        done=done.done,
        added=done.changed.added,
        changed=done.changed.changed,
        removed=done.changed.removed,
        same=done.changed.same,
        outside=done.outside,
        fault_count=len(done.faults),
        faults=tuple(str(fault) for fault in done.faults[:TOLD]),
        on_holidays=tuple(hours_view(day) for day in done.on_holidays),
        stranded_count=len(done.stranded),
        stranded=tuple(booking.id for booking in done.stranded[:TOLD]),
        message=done.say(),
    )
