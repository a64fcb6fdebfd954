"""The shapes of what is answered about coverage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mqtt_schemas.base import UtcTime
from orchestrator.domain.coverage import Reason


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShareView(_Answered):
    """How much of a time was observed: observed and all of missing are what was asked for."""

    share: float | None = Field(description="0 to 1; null where no time was asked for")
    asked_seconds: float
    observed_seconds: float
    provisional_seconds: float = Field(description="of observed: by heartbeats, no event yet")
    unsure_seconds: float = Field(description="of observed: dated by a clock nobody compared")
    missing_seconds: dict[Reason, float]


class GapView(_Answered):
    """A time that was not observed."""

    starts_at: UtcTime
    ends_at: UtcTime
    reason: Reason


class PartView(ShareView):
    """One local day (`2026-11-25`) or month (`2026-11`)."""

    name: str


class DeviceCoverageView(ShareView):
    """One device's period. parts: its days or months, where they were asked for."""

    site: str
    device: str
    name: str
    gaps: tuple[GapView, ...]
    parts: tuple[PartView, ...]


class CoverageView(ShareView):
    """All devices' together, and each. The period ends now at the latest."""

    starts_at: UtcTime
    ends_at: UtcTime
    parts: tuple[PartView, ...]
    devices: tuple[DeviceCoverageView, ...]
