"""Whether a device can be given to the next customer, by what it last reported."""

from __future__ import annotations

from mqtt_schemas.base import DeviceLink, DeviceState
from orchestrator.domain.next_turn import Condition
from orchestrator.twins import Twin

_CONDITIONS = {
    DeviceState.FREE: Condition.READY,
    DeviceState.LOCKED: Condition.READY,
    DeviceState.IN_USE: Condition.BUSY,
    DeviceState.PAUSED: Condition.BUSY,
    DeviceState.TO_BE_CLEARED: Condition.BUSY,
    DeviceState.FAULT: Condition.AWAY,
    DeviceState.OFF: Condition.AWAY,
}


def condition_of(twin: Twin, now: float) -> Condition:
    """Return a device's condition; `now` is monotonic. On the path of every status."""
    status = twin.status
    if status is None or not twin.online(now):
        return Condition.AWAY
    if status.device_link is not DeviceLink.CONNECTED or status.blocked is not None:
        return Condition.AWAY
    condition = _CONDITIONS[status.state]
    if condition is Condition.READY and status.to_be_cleared is not None:
        return Condition.BUSY
    return condition
