"""PURE: the intervals in which a device was watched, told as `observed` events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mqtt_schemas.base import DeviceLink
from mqtt_schemas.events import WatchEnd

#: An interval is told at least this often, so that a cut leaves little untold.
TELL_EVERY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Watch:
    """An interval of boot time, in milliseconds, with one state of the device's link."""

    from_ms: int
    to_ms: int
    device_link: DeviceLink


def watch(
    held: Watch | None, link: DeviceLink | None, at_ms: int
) -> tuple[Watch | None, Watch | None]:
    """Return (interval to tell, interval that goes on) after a look at `at_ms`.

    `link` None: only time has passed. An interval ends when the link changes and after an hour.
    """
    if held is None:
        return None, None if link is None else Watch(at_ms, at_ms, link)
    if link is not None and link is not held.device_link:
        # Seen late, as by a look that nothing answered: what was held until now was not so.
        changed_ms = max(at_ms, held.from_ms)
        until_ms = max(at_ms, held.to_ms)
        return replace(held, to_ms=changed_ms), Watch(changed_ms, until_ms, link)
    at_ms = max(at_ms, held.to_ms)
    grown = replace(held, to_ms=at_ms)
    if at_ms - held.from_ms >= TELL_EVERY_MS:
        return grown, Watch(at_ms, at_ms, held.device_link)
    return None, grown


def why(told: Watch, kept: Watch | None) -> WatchEnd:
    """Return why `watch` told an interval, the other one going on."""
    changed = kept is None or kept.device_link is not told.device_link
    return WatchEnd.LINK_CHANGED if changed else WatchEnd.HOUR
