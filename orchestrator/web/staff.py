"""Routes of what staff says of devices."""

from __future__ import annotations

from fastapi import APIRouter

from mqtt_schemas.plan import Notice
from orchestrator.delivery import say
from orchestrator.domain.devices import Device
from orchestrator.domain.staff_words import StaffWords
from orchestrator.staff_service import Said, StaffService
from orchestrator.web.models import ChangeView, Name
from orchestrator.web.staff_models import (
    Cleared,
    NewNotice,
    NoticeView,
    OutOfService,
    Remark,
    SaidView,
    StaffCodeView,
    StaffWordsView,
)
from orchestrator.web.views import change_view


def staff_routes(service: StaffService) -> APIRouter:
    """Return `/api/v1/service…` and `/api/v1/staff-codes…`."""
    routes = APIRouter(prefix="/api/v1", tags=["service"])

    @routes.get("/service")
    async def read() -> list[StaffWordsView]:
        """Return the devices of which staff says anything now."""
        return [words_view(device, words) for device, words in await service.listed()]

    @routes.post("/service/{site}/{device}/out")
    async def out(site: Name, device: Name, asked: OutOfService) -> SaidView:
        """Take a device out of service."""
        said = await service.out(f"{site}/{device}", asked.reason, why=asked.why)
        return said_view(said)

    @routes.post("/service/{site}/{device}/back")
    async def back(site: Name, device: Name, asked: Remark) -> SaidView:
        """Put a device back into service."""
        return said_view(await service.back(f"{site}/{device}", why=asked.why))

    @routes.post("/service/{site}/{device}/clear")
    async def clear(site: Name, device: Name, asked: Cleared) -> SaidView:
        """Tell that a finished part was taken off."""
        return said_view(await service.clear(f"{site}/{device}", session=asked.session))

    @routes.post("/service/{site}/{device}/notices", status_code=201)
    async def notice(site: Name, device: Name, new: NewNotice) -> SaidView:
        """Have a device show a phrase."""
        said = await service.notice(f"{site}/{device}", new.phrase, new.until, seconds=new.seconds)
        return said_view(said)

    @routes.delete("/service/{site}/{device}/notices/{notice}")
    async def withdraw(site: Name, device: Name, notice: Name) -> SaidView:
        """Take a notice back."""
        return said_view(await service.withdraw(f"{site}/{device}", notice))

    @routes.post("/service/{site}/{device}/end")
    async def end(site: Name, device: Name, asked: Remark) -> ChangeView:
        """End the turn that runs, at once."""
        return change_view(await service.end_now(f"{site}/{device}", why=asked.why))

    # A POST, since each showing is in the audit log.
    @routes.post("/staff-codes/{site}")
    async def code(site: Name) -> StaffCodeView:
        """Show a site's staff code of today."""
        found = await service.code(site)
        return StaffCodeView(site=found.site, day=found.day, words=found.words)

    return routes


def words_view(device: Device, words: StaffWords) -> StaffWordsView:
    """Return what staff says of a device, as it is answered."""
    return StaffWordsView(
        site=device.address.site,
        device=device.address.device,
        name=device.name,
        out_of_service=words.out_of_service,
        notices=tuple(map(_notice_view, words.notices)),
    )


def said_view(said: Said) -> SaidView:
    """Return the same after a change."""
    view = words_view(said.device, said.words)
    message = say(said.delivery, said.device.name)
    return SaidView(**dict(view), delivery=said.delivery, message=message)


def _notice_view(notice: Notice) -> NoticeView:
    seconds = notice.arguments.get("seconds")
    return NoticeView(
        id=notice.id,
        phrase=notice.phrase,
        seconds=seconds if isinstance(seconds, int) else None,
        until=notice.until,
    )
