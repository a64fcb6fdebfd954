"""What staff should look into, as it is read."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

from mqtt_schemas.topics import Address
from orchestrator.alarms import Alarms
from orchestrator.domain.alarms import Alarm, Kind
from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.devices import Device
from orchestrator.web.alarm_models import AlarmView

_SENTENCES: Mapping[Kind, str] = {
    Kind.USE_OUTSIDE: "{name} is in use though it is closed.",
    Kind.USED_OUTSIDE: "{name} was used {count} without a right to it today.",
    Kind.NOT_OBEYED: "{name} does not end a use that is over.",
    Kind.PLAN_NOT_IN_FORCE: "{name} does not carry out its plan.",
    Kind.CODE_TRIES_USED_UP: (
        "The code of a turn on {name} was given wrong too often: open it by hand."
    ),
}


def alarm_view(alarm: Alarm, name: str) -> AlarmView:
    """Return an alarm as it is answered. `name` is its device's."""
    times = "once" if alarm.count == 1 else f"{alarm.count} times"
    return AlarmView(
        site=alarm.address.site,
        device=alarm.address.device,
        name=name,
        alarm=alarm.kind,
        severity=alarm.severity,
        since=alarm.since,
        turn=alarm.turn,
        reason=alarm.reason,
        count=alarm.count,
        message=_SENTENCES[alarm.kind].format(name=name, count=times),
    )


def alarm_routes(alarms: Alarms | None, devices: Mapping[Address, Device]) -> APIRouter:
    """Return `/api/v1/alarms`. alarms: None where no orchestrator runs."""
    routes = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

    @routes.get("")
    async def read() -> list[AlarmView]:
        """Return what staff should look into now, the most urgent first."""
        if alarms is None:
            raise BookingRefused("The orchestrator is not running, so nobody watches the devices.")
        return [alarm_view(each, devices[each.address].name) for each in await alarms.look()]

    return routes
