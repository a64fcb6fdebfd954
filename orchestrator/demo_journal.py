"""What a scripted device of the demo truly did, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.device_journal import read_uses


@dataclass(frozen=True, slots=True)
class Truth:
    """The finished uses of a device by a right, and how many uses have not ended."""

    sessions: int = 0
    active_ms: int = 0
    idle_ms: int = 0
    open: int = 0


def read_truth(path: Path) -> Truth:
    """Return what the journal tells so far; nothing where there is none yet."""
    uses = read_uses(path)
    rightful = [use for use in uses if use.to_ms is not None and use.rightful]
    return Truth(
        sessions=len(rightful),
        active_ms=sum(use.active_ms for use in rightful),
        idle_ms=sum(use.idle_ms for use in rightful),
        open=sum(use.to_ms is None for use in uses),
    )
