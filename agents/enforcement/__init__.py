"""PURE: plan + session + requests + now -> orders. What may be, made so at the device.

`now_ms` is plan time: milliseconds since 1970 by the orchestrator's clock as the agent knows
it. Deadlines are computed from the plan at every call, never kept as timers, so a late, a
repeated or a missed call comes to the same.
"""

from agents.enforcement.deciding import decide, next_due_ms
from agents.enforcement.ending import (
    MAX_TRIES,
    RETRY_BLOCKED_MS,
    RETRY_MS,
    UNANSWERED_MS,
    VERIFY_MS,
    answered,
)
from agents.enforcement.state import (
    EXTENDED_MS,
    Access,
    Decision,
    End,
    Ending,
    Memory,
    OwnTurn,
    Situation,
    TurnMemory,
)
from agents.enforcement.turns import find, outside

__all__ = [
    "EXTENDED_MS",
    "MAX_TRIES",
    "RETRY_BLOCKED_MS",
    "RETRY_MS",
    "UNANSWERED_MS",
    "VERIFY_MS",
    "Access",
    "Decision",
    "End",
    "Ending",
    "Memory",
    "OwnTurn",
    "Situation",
    "TurnMemory",
    "answered",
    "decide",
    "find",
    "next_due_ms",
    "outside",
]
