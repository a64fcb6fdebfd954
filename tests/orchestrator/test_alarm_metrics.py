"""The metric of alarms."""

from __future__ import annotations

from orchestrator.alarm_metrics import FAMILIES, alarm_metrics
from orchestrator.domain.alarms import Alarm, Kind
from tests.orchestrator.fakes import NOW
from tests.orchestrator.histories import PRINTER, STATION


def test_each_alarm_is_one_sample() -> None:
    """By device, kind and severity; neither a turn nor anything else of a customer."""
    alarms = (
        Alarm(PRINTER, Kind.NOT_OBEYED, NOW, turn="t", reason="does_not_lock"),
        Alarm(STATION, Kind.USED_OUTSIDE, NOW, count=3),
    )
    [metric] = alarm_metrics(alarms)
    assert [(sample.labels, sample.value) for sample in metric.samples] == [
        (
            {
                "site": "main",
                "device": "printer-1",
                "alarm": "not_obeyed",
                "severity": "critical",
            },
            1.0,
        ),
        ({"site": "main", "device": "vr-1", "alarm": "used_outside", "severity": "note"}, 1.0),
    ]


def test_without_alarms_there_is_only_the_name() -> None:
    """So a rule of Prometheus knows that it is served."""
    assert [metric.name for metric in alarm_metrics(())] == [each.name for each in FAMILIES]
