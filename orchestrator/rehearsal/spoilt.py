"""What a rehearsed process is told: how things are to be from now on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spoilt(BaseModel):
    """What the wall clock is ahead, and whether the disk is full.

    The same as agents.rehearsal.Spoilt: neither wing imports the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    wall_ahead_ms: int = 0
    disk_full: bool = False
