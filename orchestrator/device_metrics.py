"""Metrics of the devices as they are now: what they report, and what is wanted of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import Metric

from mqtt_schemas.base import DeviceLink, DeviceState, ms_from_utc
from mqtt_schemas.messages import Phase, Status
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.metric_families import Family, Sheet, Type
from orchestrator.twins import Twin

_DEVICE = ("site", "device")

FAMILIES = (
    Family(
        "laitevuoro_device_info",
        Type.INFO,
        (*_DEVICE, "kind", "name", "agent_version"),
        "The device as it is configured, and the version of its agent.",
    ),
    Family(
        "laitevuoro_agent_up",
        Type.GAUGE,
        _DEVICE,
        "1 while the agent's heartbeat is not older than 45 s.",
    ),
    Family(
        "laitevuoro_agent_heartbeat_age_seconds",
        Type.GAUGE,
        _DEVICE,
        "Since the agent's last heartbeat; absent where none was heard since the start.",
    ),
    Family(
        "laitevuoro_agent_conflicts_total",
        Type.COUNTER,
        _DEVICE,
        "Heartbeats of a second agent under the same name, since the start.",
    ),
    Family(
        "laitevuoro_device_up",
        Type.GAUGE,
        _DEVICE,
        "1 while the agent is up and reaches its device.",
    ),
    Family(
        "laitevuoro_device_state",
        Type.GAUGE,
        (*_DEVICE, "kind", "state"),
        "1 for the state that the device last reported, 0 for the others.",
    ),
    Family(
        "laitevuoro_device_session_open",
        Type.GAUGE,
        _DEVICE,
        "1 while a session is open.",
    ),
    Family(
        "laitevuoro_device_turn_phase",
        Type.GAUGE,
        (*_DEVICE, "phase"),
        "1 for the phase of the turn in hand, 0 for the others; all 0 outside turns.",
    ),
    Family(
        "laitevuoro_device_turn_remaining_seconds",
        Type.GAUGE,
        _DEVICE,
        "Until the end of the turn in hand; absent outside turns.",
    ),
    Family(
        "laitevuoro_device_blocked",
        Type.GAUGE,
        _DEVICE,
        "1 while the device does not obey its plan.",
    ),
    Family(
        "laitevuoro_device_problem",
        Type.GAUGE,
        (*_DEVICE, "problem"),
        "1 for each thing that the agent can't see or do at the device.",
    ),
    Family(
        "laitevuoro_device_reading",
        Type.GAUGE,
        (*_DEVICE, "reading"),
        "What the device measures, in the unit that the reading's name ends with.",
    ),
    Family(
        "laitevuoro_plan_revision_wanted",
        Type.GAUGE,
        _DEVICE,
        "Revision of the plan that the orchestrator gave out.",
    ),
    Family(
        "laitevuoro_plan_revision_in_force",
        Type.GAUGE,
        _DEVICE,
        "Revision of the plan that the agent carries out.",
    ),
    Family(
        "laitevuoro_plan_in_force",
        Type.GAUGE,
        _DEVICE,
        "1 while issuer, revision and digest of both are the same.",
    ),
    Family(
        "laitevuoro_agent_clock_offset_seconds",
        Type.GAUGE,
        _DEVICE,
        "The orchestrator's clock less the machine's.",
    ),
    Family(
        "laitevuoro_oldest_unacknowledged_event_seconds",
        Type.GAUGE,
        _DEVICE,
        "Age of the oldest event that the agent still waits for an acknowledgement of; else 0.",
    ),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks."""

    wall_ms: int
    monotonic: float


def device_metrics(
    devices: Mapping[Address, Device], twins: Iterable[Twin], now: Moment
) -> list[Metric]:
    """Return the families, filled."""
    sheet = Sheet(FAMILIES)
    for twin in twins:
        device = devices.get(twin.address)
        if device is not None:
            _put_agent(sheet, device, twin, now)
            _put_plan(sheet, twin)
            if twin.status is not None:
                _put_status(sheet, device, twin, twin.status, now)
    return sheet.metrics()


def _put_agent(sheet: Sheet, device: Device, twin: Twin, now: Moment) -> None:
    labels = (twin.address.site, twin.address.device)
    version = twin.link.version if twin.link else ""
    sheet.tell("laitevuoro_device_info", (*labels, device.kind, device.name, version))
    if device.kind == ATTENDED:
        return  # it has no agent that could be away
    online = twin.online(now.monotonic)
    connected = twin.status is not None and twin.status.device_link is DeviceLink.CONNECTED
    sheet.put("laitevuoro_agent_up", labels, online)
    sheet.put("laitevuoro_device_up", labels, online and connected)
    sheet.put("laitevuoro_agent_conflicts_total", labels, twin.conflicts)
    heard = twin.heard
    if heard is not None:
        age = max(0.0, now.monotonic - heard)
        sheet.put("laitevuoro_agent_heartbeat_age_seconds", labels, age)


def _put_plan(sheet: Sheet, twin: Twin) -> None:
    labels = (twin.address.site, twin.address.device)
    desired = twin.desired
    if desired is not None:
        sheet.put("laitevuoro_plan_revision_wanted", labels, desired.revision)
        sheet.put("laitevuoro_plan_in_force", labels, twin.in_agreement)


def _put_status(sheet: Sheet, device: Device, twin: Twin, status: Status, now: Moment) -> None:
    labels = (twin.address.site, twin.address.device)
    for state in DeviceState:
        one_hot = (*labels, device.kind, state.value)
        sheet.put("laitevuoro_device_state", one_hot, status.state is state)
    sheet.put("laitevuoro_device_session_open", labels, status.session is not None)
    sheet.put("laitevuoro_device_blocked", labels, status.blocked is not None)
    for problem in sorted(set(status.problems)):
        sheet.put("laitevuoro_device_problem", (*labels, problem), 1)
    for reading, value in status.readings.items():
        sheet.put("laitevuoro_device_reading", (*labels, reading), value)
    if status.plan is not None:
        sheet.put("laitevuoro_plan_revision_in_force", labels, status.plan.revision)
    if status.clock.offset_ms is not None:
        offset = status.clock.offset_ms / 1000
        sheet.put("laitevuoro_agent_clock_offset_seconds", labels, offset)
    age = (status.outbox.oldest_age_ms or 0) / 1000
    sheet.put("laitevuoro_oldest_unacknowledged_event_seconds", labels, age)
    _put_turn(sheet, twin, status, now)


def _put_turn(sheet: Sheet, twin: Twin, status: Status, now: Moment) -> None:
    labels = (twin.address.site, twin.address.device)
    for phase in Phase:
        running = status.turn is not None and status.turn.phase is phase
        sheet.put("laitevuoro_device_turn_phase", (*labels, phase.value), running)
    turn = twin.turn
    if turn is not None:
        left = max(0, ms_from_utc(turn.ends_at) - now.wall_ms) / 1000
        sheet.put("laitevuoro_device_turn_remaining_seconds", labels, left)
