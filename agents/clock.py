"""Wall time, boot time, and the offset to the orchestrator.

Durations come from boot time (CLOCK_BOOTTIME: monotonic, suspended time included) alone.
Turns begin and end on the orchestrator's time: boot time plus the last good offset, so a
stepped wall clock moves nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: A round trip longer than this says too little of the time between (design: 2 s).
MAX_ROUND_TRIP_MS = 2000


class Clock(Protocol):
    """The machine's two clocks and the boot that the second one counts from."""

    boot_id: str

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by the wall clock, right or wrong."""

    def boot_ms(self) -> int:
        """Return milliseconds since boot."""


class SystemClock:
    """The clocks of Linux."""

    def __init__(self, boot_id_file: str = "/proc/sys/kernel/random/boot_id") -> None:
        self.boot_id = Path(boot_id_file).read_text().strip()

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by CLOCK_REALTIME."""
        return time.time_ns() // 1_000_000

    def boot_ms(self) -> int:
        """Return milliseconds of CLOCK_BOOTTIME."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(frozen=True, slots=True)
class Offset:
    """What one nonce exchange told.

    epoch_ms: the orchestrator's time less boot time, valid in `boot_id`.
    offset_ms: the orchestrator's time less the wall clock, at `measured_boot_ms`.
    """

    boot_id: str
    epoch_ms: int
    offset_ms: int
    measured_boot_ms: int
    round_trip_ms: int


def measure(
    *,
    boot_id: str,
    sent_boot_ms: int,
    back_boot_ms: int,
    back_wall_ms: int,
    received_ms: int,
    answered_ms: int,
) -> Offset | None:
    """Return the offset from one exchange, or None where the round trip was over 2 s.

    The half-way rule of NTP (RFC 5905, section 8): the answer is as old as half the time
    that the exchange spent on the way.
    """
    round_trip = (back_boot_ms - sent_boot_ms) - (answered_ms - received_ms)
    if not 0 <= round_trip <= MAX_ROUND_TRIP_MS:
        return None
    orchestrator_ms = answered_ms + round_trip // 2
    return Offset(
        boot_id=boot_id,
        epoch_ms=orchestrator_ms - back_boot_ms,
        offset_ms=orchestrator_ms - back_wall_ms,
        measured_boot_ms=back_boot_ms,
        round_trip_ms=round_trip,
    )


def plan_time_ms(*, wall_ms: int, boot_ms: int, boot_id: str, offset: Offset | None) -> int:
    """Return the time that turns go by, in milliseconds since 1970.

    After a boot and before the first exchange, the wall clock with its last known error
    is the best guess; with no exchange ever, the wall clock alone.
    """
    if offset is None:
        return wall_ms
    if offset.boot_id == boot_id:
        return boot_ms + offset.epoch_ms
    return wall_ms + offset.offset_ms
