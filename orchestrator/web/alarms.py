"""What staff should look into, as it is read."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from mqtt_schemas.base import UtcTime
from mqtt_schemas.topics import Address
from orchestrator.alarms import Alarms
from orchestrator.domain.alarms import Alarm, Kind, Severity
from orchestrator.domain.devices import Device

_SENTENCES: Mapping[Kind, str] = {
    Kind.USE_OUTSIDE: "{name} is in use though it is closed.",
    Kind.USED_OUTSIDE: "{name} was used {count} without a right to it today.",
    Kind.NOT_OBEYED: "{name} does not end a use that is over.",
    Kind.PLAN_NOT_IN_FORCE: "{name} does not carry out its plan.",
    Kind.CODE_TRIES_USED_UP: (
        "The code of a turn on {name} was given wrong too often: open it by hand."
    ),
}


class AlarmView(BaseModel):
    """One thing to look into. reason: a code word of the device's agent. turn: its booking's id."""

    model_config = ConfigDict(frozen=True)

    site: str
    device: str
    name: str
    alarm: Kind
    severity: Severity
    since: UtcTime
    turn: str | None
    reason: str | None
    count: int | None
    message: str


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


def alarm_routes(alarms: Alarms, devices: Mapping[Address, Device]) -> APIRouter:
    """Return `/api/v1/alarms`."""
    routes = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

    @routes.get("")
    async def read() -> list[AlarmView]:
        """Return what staff should look into now, the most urgent first."""
        return [alarm_view(each, devices[each.address].name) for each in await alarms.look()]

    return routes
