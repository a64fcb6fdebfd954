"""PURE: when an open session is closed without a word of its device.

Such a closing is provisional: the device's own word, should it ever come, replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why the orchestrator closed a session.

    new_log: the device began another log, loss: it no longer has the events in which the end
    may have been. silence: it was not heard for too long. untold: it is there and has told all
    that it has, but nothing of this session any more.
    """

    NEW_LOG = "new_log"
    LOSS = "loss"
    SILENCE = "silence"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a device with an open session.

    told_all: everything that it ever logged is committed here, as far as it says. session: the
    one that it says is open. silent_ms: since it was last heard.
    """

    online: bool
    told_all: bool
    session: str | None
    silent_ms: int


def why_close(session: str, seen: Seen, *, after_ms: int) -> Reason | None:
    """Return why a session is to be closed now, or None."""
    if seen.online:
        return Reason.UNTOLD if seen.told_all and seen.session != session else None
    return Reason.SILENCE if seen.silent_ms >= after_ms else None
