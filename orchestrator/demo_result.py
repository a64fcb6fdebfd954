"""PURE: what the demo comes to, and whether the count agrees with the devices' own journals.

Finished uses are compared. A use that goes on is counted when it ends, and stands in
`open_sessions` until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.client import DeviceNow, Totals
from orchestrator.demo_journal import Truth
from orchestrator.demo_scene import SITE


def differences(totals: Totals, truths: Mapping[str, Truth]) -> Iterator[str]:
    """Yield a sentence for each scripted device whose count is not what it truly did."""
    for device, truth in truths.items():
        counted = totals.of(SITE, device)
        figures = (
            ("sessions", counted.sessions, truth.sessions),
            ("active seconds", _seconds(counted.active_seconds), truth.active_ms / 1000),
            ("idle seconds", _seconds(counted.idle_seconds), truth.idle_ms / 1000),
        )
        for what, said, true in figures:
            if said != true:
                yield f"{device}: {said} {what} were counted, the device's journal says {true}."


def as_json(
    devices: Sequence[DeviceNow], totals: Totals, truths: Mapping[str, Truth], metrics_url: str
) -> dict[str, Any]:
    """Return the whole result. Seconds have three decimals."""
    return {
        "devices": {
            device.device: _device(device, totals, truths.get(device.device)) for device in devices
        },
        "events": totals.events.model_dump(),
        "metrics_url": metrics_url,
    }


def _device(device: DeviceNow, totals: Totals, truth: Truth | None) -> dict[str, Any]:
    counted = totals.of(SITE, device.device)
    result: dict[str, Any] = {
        "link": device.link,
        "state": device.state,
        "sessions": counted.sessions,
        "active_seconds": _seconds(counted.active_seconds),
        "idle_seconds": _seconds(counted.idle_seconds),
        "ended_by_turn": counted.ended_by_turn,
    }
    if truth is not None:
        result |= {
            "journal_sessions": truth.sessions,
            "journal_seconds": truth.active_ms / 1000,
            "journal_idle_seconds": truth.idle_ms / 1000,
            "open_sessions": truth.open,
        }
    return result


def _seconds(value: float) -> float:
    """Round to the millisecond, in which everything is counted."""
    return round(value * 1000) / 1000
