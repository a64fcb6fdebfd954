"""PURE: coverage as it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.topics import Address
from orchestrator.coverage import Coverages, Found
from orchestrator.domain.coverage import Coverage, together
from orchestrator.domain.periods import Part
from orchestrator.web.coverage_models import (
    CoverageView,
    DeviceCoverageView,
    GapView,
    PartView,
)


def coverage_view(found: Found, coverages: Coverages) -> CoverageView:
    """Return what was found as it is answered."""
    starts_at, ends_at = map(utc_from_ms, found.span)
    each_part = zip(*found.by_part.values(), strict=True)
    return CoverageView(
        **_share(together(found.devices.values())),
        starts_at=starts_at,
        ends_at=ends_at,
        parts=_parts(found.cut, [together(each) for each in each_part]),
        devices=tuple(
            _device_view(address, found, coverages.devices[address].name)
            for address in found.devices
        ),
    )


def _device_view(address: Address, found: Found, name: str) -> DeviceCoverageView:
    whole = found.devices[address]
    return DeviceCoverageView(
        **_share(whole),
        site=address.site,
        device=address.device,
        name=name,
        gaps=tuple(
            GapView(
                starts_at=utc_from_ms(gap.from_ms),
                ends_at=utc_from_ms(gap.to_ms),
                reason=gap.reason,
            )
            for gap in whole.gaps
        ),
        parts=_parts(found.cut, found.by_part[address]),
    )


def _parts(cut: Sequence[Part], coverages: Sequence[Coverage]) -> tuple[PartView, ...]:
    pairs = zip(cut, coverages, strict=False)  # no device has no parts
    return tuple(PartView(**_share(each), name=part.name) for part, each in pairs)


def _share(found: Coverage) -> dict[str, Any]:
    """Return the fields of a ShareView."""
    return {
        "share": found.share,
        "asked_seconds": found.asked_ms / 1000,
        "observed_seconds": found.observed_ms / 1000,
        "provisional_seconds": found.provisional_ms / 1000,
        "unsure_seconds": found.unsure_ms / 1000,
        "missing_seconds": {reason: ms / 1000 for reason, ms in found.missing_ms.items()},
    }
