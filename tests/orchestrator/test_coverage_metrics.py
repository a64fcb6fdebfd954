"""The metric of today's coverage."""

from __future__ import annotations

from prometheus_client.core import Metric

from orchestrator.coverage_metrics import FAMILIES, coverage_metrics
from tests.orchestrator.histories import PRINTER, STATION


def samples(metrics: list[Metric]) -> dict[str, float]:
    """Return the values by device."""
    return {sample.labels["device"]: sample.value for each in metrics for sample in each.samples}


def test_each_device_has_its_share() -> None:
    """From 0 to 1, as ratios are."""
    told = coverage_metrics({STATION: 0.5, PRINTER: 1.0})
    assert samples(told) == {"printer-1": 1.0, "vr-1": 0.5}
    assert [metric.name for metric in told] == [family.name for family in FAMILIES]


def test_before_the_first_look_there_is_no_sample() -> None:
    """A share that is not known is not zero."""
    assert samples(coverage_metrics({})) == {}
