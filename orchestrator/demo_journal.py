"""What a scripted device says that it truly did. Only its finished uses are read.

The journal is written by agents.devices.scripted, which nothing here imports: a count is held
against what the device wrote, not against what the counting side believes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Truth:
    """The finished uses of a device by a right, and how many uses have not ended."""

    sessions: int = 0
    active_ms: int = 0
    idle_ms: int = 0
    open: int = 0


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    what: str


class _Ended(_Line):
    what: Literal["use_ended"]
    right: str
    active_ms: int
    idle_ms: int


def read_truth(path: Path) -> Truth:
    """Return what the journal tells so far; nothing where there is none yet."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return Truth()
    began, ended = 0, list[_Ended]()
    for line in lines:
        what = _Line.model_validate_json(line).what
        began += what == "use_began"
        if what == "use_ended":
            ended.append(_Ended.model_validate_json(line))
    rightful = [use for use in ended if use.right != "none"]
    return Truth(
        sessions=len(rightful),
        active_ms=sum(use.active_ms for use in rightful),
        idle_ms=sum(use.idle_ms for use in rightful),
        open=began - len(ended),
    )
