"""Stand-ins for what an agent has at its edges: clocks, a device, a broker's connection."""

from __future__ import annotations

from dataclasses import dataclass

from agents.model import Observation
from mqtt_schemas.base import DeviceLink, DeviceState
from mqtt_schemas.topics import Address

BOOT = "00000000-0000-0000-0000-00000000000a"
OTHER_BOOT = "00000000-0000-0000-0000-00000000000b"
ADDRESS = Address("library", "pc-1")
#: 2026-11-25T09:00Z
MORNING_MS = 1_795_597_200_000


@dataclass
class FakeClock:
    """Clocks that stand still until `pass_`. Either may be set to anything."""

    wall: int = MORNING_MS
    boot: int = 1_000_000
    boot_id: str = BOOT

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.wall

    def boot_ms(self) -> int:
        """Return the time since boot."""
        return self.boot

    def pass_(self, milliseconds: int) -> None:
        """Let time pass on both."""
        self.wall += milliseconds
        self.boot += milliseconds


def free(clock: FakeClock) -> Observation:
    """Return that nobody uses the device now."""
    return Observation(clock.boot, DeviceLink.CONNECTED, DeviceState.FREE)


def used(clock: FakeClock, use: str = "u") -> Observation:
    """Return that somebody uses the device now."""
    return Observation(clock.boot, DeviceLink.CONNECTED, DeviceState.IN_USE, use=use, active=True)
