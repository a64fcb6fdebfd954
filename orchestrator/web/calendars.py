"""What is booked, as calendars that others subscribe to: they name nobody."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from mqtt_schemas.topics import ID_PATTERN, RESERVED_SITE, Address
from orchestrator.domain.bookings import NotKnown
from orchestrator.export_service import ExportService

_Id = Annotated[str, Path(pattern=ID_PATTERN)]


def calendar_routes(exports: ExportService) -> APIRouter:
    """Return `/api/v1/calendar/{site}/{device}.ics`."""
    routes = APIRouter(prefix="/api/v1/calendar", tags=["calendars"])

    @routes.get("/{site}/{device}.ics", response_class=Response, responses={304: {}})
    async def read(
        site: _Id, device: _Id, if_none_match: Annotated[str, Header()] = ""
    ) -> Response:
        """Return a device's bookings from last week on, or 304 where they are those known."""
        found = None if site == RESERVED_SITE else await exports.feed(Address(site, device))
        if found is None:
            raise NotKnown(f"There is no device {site}/{device}.")
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        if known & {found.tag, "*"}:
            return Response(status_code=304, headers=headers)
        return Response(found.text, headers=headers, media_type="text/calendar; charset=utf-8")

    return routes
