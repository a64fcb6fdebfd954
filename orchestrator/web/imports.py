"""Routes of other systems' bookings, and of ours for other systems."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import AwareDatetime

from orchestrator.calendars.model import MAX_SIZE
from orchestrator.calendars.reading import Format
from orchestrator.domain.bookings import BookingRefused
from orchestrator.export_service import ExportService
from orchestrator.import_service import ImportService, Outcome, Source
from orchestrator.web.import_models import CalendarView, ImportView

#: Faults that are told one by one.
TOLD = 200

_FILE = {
    "required": True,
    "content": {
        kind: {"schema": {"type": "string"}}
        for kind in ("text/calendar", "text/csv", "application/json", "application/octet-stream")
    },
}
_SourceName = Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_Name = Annotated[str | None, Query(max_length=81)]


def import_routes(imports: ImportService, exports: ExportService) -> APIRouter:
    """Return `/api/v1/bookings/import` and `/api/v1/calendar`."""
    routes = APIRouter(prefix="/api/v1", tags=["bookings"])

    @routes.post("/bookings/import", openapi_extra={"requestBody": _FILE})
    async def take(  # noqa: PLR0913 - what a source is made of
        request: Request,
        source: _SourceName,
        *,
        device: _Name = None,
        site: _Name = None,
        place: Annotated[list[str] | None, Query(max_length=500)] = None,
        format: Format | None = None,  # noqa: A002 - its name in the query
        free: Annotated[str, Query(pattern="^(skip|block)$")] = "skip",
        partial: bool = False,
        dry_run: bool = False,
    ) -> ImportView:
        """Make the bookings of a source what the file in the body says."""
        meant = Source(
            name=source,
            device=device,
            site=site,
            places=dict(_place(each) for each in place or ()),
            format=format,
            free="block" if free == "block" else "skip",
        )
        data = await file_of(request)
        outcome = await imports.take(data, meant, partial=partial, dry_run=dry_run)
        return import_view(outcome, dry_run=dry_run)

    @routes.get("/calendar")
    async def read(
        ends_after: AwareDatetime, starts_before: AwareDatetime, device: _Name = None
    ) -> CalendarView:
        """Return the bookings that touch a span as iCalendar."""
        found = await exports.between(ends_after, starts_before, device=device)
        return CalendarView(calendar=found.text.decode(), bookings=found.bookings)

    return routes


def import_view(outcome: Outcome, *, dry_run: bool = False) -> ImportView:
    """Return an outcome as it is answered."""
    return ImportView(
        done=outcome.done,
        added=outcome.added,
        changed=outcome.changed,
        removed=outcome.removed,
        same=outcome.same,
        cancelled=outcome.cancelled,
        free=outcome.free,
        outside=outcome.outside,
        past=outcome.past,
        fault_count=len(outcome.faults),
        faults=tuple(str(fault) for fault in outcome.faults[:TOLD]),
        message=outcome.say(dry_run=dry_run),
    )


async def file_of(request: Request) -> bytes:
    """Return the file in a request's body. Raises HTTPException where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MAX_SIZE:
            raise HTTPException(413, f"The file is larger than {MAX_SIZE // 1024 // 1024} MB")
    return b"".join(parts)


def _place(text: str) -> tuple[str, str]:
    """Return the name there and the device here of `Room 1=vr-1`. Raises BookingRefused."""
    name, equals, device = text.rpartition("=")
    if not equals or not name.strip() or not device.strip():
        raise BookingRefused("A place is written as its name there, =, and the device here.")
    return name, device.strip()
