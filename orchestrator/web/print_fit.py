"""Whether a print would be done in time, as it is asked and answered."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Annotated

from fastapi import APIRouter, Query

from orchestrator.domain.local_time import say_length, say_moment
from orchestrator.domain.print_fit import Fit, Why
from orchestrator.print_fit_service import PrintFit, PrintFitService
from orchestrator.web.models import Name
from orchestrator.web.print_fit_models import NextTurnView, PrintFitView

Estimate = Annotated[int, Query(ge=1, le=10**9)]

_LIMITS = {
    Why.TURN: "the turn ends",
    Why.BOOKING: "the next booking",
    Why.CLOSING: "the library closes",
}


def print_fit_view(found: PrintFit, zone: tzinfo) -> PrintFitView:
    """Return an answer with a sentence for the desk."""
    now, later = found.now, found.next
    return PrintFitView(
        site=found.device.address.site,
        device=found.device.address.device,
        takes_seconds=round(found.needs.total_seconds()),
        ratio_percent=found.ratio_percent,
        fits=None if now is None else now.fits,
        done_at=None if now is None else now.done_at,
        limit_at=None if now is None else now.limit.at,
        limited_by=None if now is None else now.limit.why,
        next_turn=None
        if later is None
        else NextTurnView(starts_at=later.starts_at, ends_at=later.ends_at, done_at=later.done_at),
        message=f"{_say_now(now, zone)}{_say_next(found, zone)}",
    )


def _say_now(now: Fit | None, zone: tzinfo) -> str:
    if now is None:
        return "No turn runs now."
    done = say_moment(now.done_at, zone)
    if now.limit.at is None:
        return f"It fits: done at about {done}."
    limit = f"{_LIMITS[now.limit.why]} ({_beside(now.limit.at, now.done_at, zone)})"
    if now.fits:
        return f"It fits: done at about {done}, before {limit}."
    return f"It does not fit: done at about {done}, after {limit}."


def _say_next(found: PrintFit, zone: tzinfo) -> str:
    if found.now is not None and found.now.fits:
        return ""
    if found.next is None:
        return " No free turn is long enough for it."
    length = say_length(found.next.ends_at - found.next.starts_at)
    return f" It would fit in a turn of {length} at {say_moment(found.next.starts_at, zone)}."


def _beside(moment: datetime, other: datetime, zone: tzinfo) -> str:
    return say_moment(moment, zone, beside=other)


def print_fit_routes(service: PrintFitService, zone: tzinfo) -> APIRouter:
    """Return `/api/v1/devices/{site}/{device}/print-fit`, and the same by a device's name."""
    routes = APIRouter(prefix="/api/v1", tags=["prints"])

    async def answer(device: str, seconds: int) -> PrintFitView:
        return print_fit_view(await service.judge(device, timedelta(seconds=seconds)), zone)

    @routes.get("/devices/{site}/{device}/print-fit")
    async def read(site: Name, device: Name, seconds: Estimate) -> PrintFitView:
        """Return whether a print whose slicer estimates so many seconds would be done in time."""
        return await answer(f"{site}/{device}", seconds)

    @routes.get("/print-fit")
    async def read_by_name(device: Name, seconds: Estimate) -> PrintFitView:
        """Return the same of a device as people write it: `site/device`, or `device`."""
        return await answer(device, seconds)

    return routes
