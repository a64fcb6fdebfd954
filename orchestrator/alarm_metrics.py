"""Metrics of alarms."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from orchestrator.domain.alarms import Alarm
from orchestrator.metric_families import Family, Sheet, Type

FAMILIES = (
    Family(
        "laitevuoro_alarm",
        Type.GAUGE,
        ("site", "device", "alarm", "severity"),
        "1 for each thing at the device that staff should look into; absent where there is none.",
    ),
)


def alarm_metrics(alarms: Iterable[Alarm]) -> list[Metric]:
    """Return the family, filled."""
    sheet = Sheet(FAMILIES)
    for alarm in alarms:
        labels = (alarm.address.site, alarm.address.device, str(alarm.kind), str(alarm.severity))
        sheet.put("laitevuoro_alarm", labels, 1)
    return sheet.metrics()
