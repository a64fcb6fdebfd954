"""PURE: whether a print that begins in a turn will be done in time, and what becomes of it.

A print is judged once, when its device first tells an estimate of it. Only one that has just
begun is refused: a print is never ended midway because it will be late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agents.schedule import ScheduledTurn
from mqtt_schemas.plan import PrintFit

#: Printed for longer, a print has no longer just begun. Its heating up takes most of it.
JUST_BEGUN_MS = 120_000
#: The figures of a use that a device tells of a print: what the whole is estimated to take,
#: and how long it has been printed, pauses left out; in milliseconds.
ESTIMATED, PRINTED = "estimated_ms", "print_ms"


class Judged(NamedTuple):
    """What was found of a print. over_ms: past the moment by which it must be done; 0: it fits."""

    over_ms: int
    refused: bool


def judge(
    fit: PrintFit, turn: ScheduledTurn, figures: Mapping[str, int], now_ms: int
) -> Judged | None:
    """Return whether the print with those figures is done in time; None: nothing tells yet."""
    estimated_ms = figures.get(ESTIMATED)
    if estimated_ms is None:
        return None
    printed_ms = figures.get(PRINTED, 0)
    left_ms = max(0, estimated_ms * fit.ratio_percent // 100 - printed_ms)
    over_ms = max(0, now_ms + left_ms - turn.ends_ms - turn.run_on_ms)
    just_begun = printed_ms <= JUST_BEGUN_MS
    return Judged(over_ms, refused=over_ms > 0 and just_begun and fit.misfit == "refuse")
