"""The machine's boot time, from which durations come: a stepped wall clock can't alter them."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Boot(NamedTuple):
    """Milliseconds of CLOCK_BOOTTIME (monotonic, suspended time included), and of which boot."""

    id: str
    ms: int


def boot() -> Boot:
    """Return the boot time of now."""
    return Boot(_boot_id(), time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


@lru_cache(maxsize=1)
def _boot_id(file: str = "/proc/sys/kernel/random/boot_id") -> str:
    return Path(file).read_text(encoding="ascii").strip()
