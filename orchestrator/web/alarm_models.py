"""What staff should look into: the shape of the answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mqtt_schemas.base import UtcTime
from orchestrator.domain.alarms import Kind, Severity


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
