"""PURE: a booking that demo or rehearsal lays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BookedTurn:
    """One booking to lay."""

    device: str
    starts_at: datetime
    ends_at: datetime
    group: str
    party: int = 1
