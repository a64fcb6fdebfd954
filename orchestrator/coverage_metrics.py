"""The metric of how much of today was observed. Looked at now and then, not at each scrape."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import Metric

from mqtt_schemas.topics import Address
from orchestrator.metric_families import Family, Sheet, Type

FAMILIES = (
    Family(
        "laitevuoro_device_observed_ratio",
        Type.GAUGE,
        ("site", "device"),
        "Share of the local day, up to two minutes ago, in which the device was observed; absent"
        " before it was first seen. A gap that its agent reports later is none.",
    ),
)


def coverage_metrics(today: Mapping[Address, float]) -> list[Metric]:
    """Return the families with each device's share."""
    sheet = Sheet(FAMILIES)
    for address, share in sorted(today.items()):
        sheet.put("laitevuoro_device_observed_ratio", (address.site, address.device), share)
    return sheet.metrics()
