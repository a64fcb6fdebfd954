"""Metric families as data: what /metrics serves and what METRICS.md lists is one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

Labels = Sequence[str]


class Type(StrEnum):
    """Prometheus' types. An info is a gauge that is always 1, its labels being what it says."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name as it is queried, its help, its labels."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str


class Sheet:
    """Families that are being filled."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = {family.name: family for family in families}
        self._metrics = {family.name: _new(family) for family in self._families.values()}

    def put(self, name: str, labels: Labels, value: float) -> None:
        """Add a gauge's or a counter's sample."""
        metric = self._metrics[name]
        assert isinstance(metric, GaugeMetricFamily | CounterMetricFamily)  # noqa: S101 - for mypy
        metric.add_metric(labels, value)

    def tell(self, name: str, labels: Labels) -> None:
        """Add an info's sample."""
        metric = self._metrics[name]
        assert isinstance(metric, InfoMetricFamily)  # noqa: S101 - for mypy
        told = dict(zip(self._families[name].labels, labels, strict=True))
        metric.add_metric([], told)

    def spread(self, name: str, buckets: Sequence[tuple[str, float]], total: float) -> None:
        """Add a histogram's sample: how many were at most each bound, and their sum."""
        metric = self._metrics[name]
        assert isinstance(metric, HistogramMetricFamily)  # noqa: S101 - for mypy
        metric.add_metric([], buckets, total)

    def metrics(self) -> list[Metric]:
        """Return what prometheus_client renders."""
        return list(self._metrics.values())


def _new(family: Family) -> Metric:
    match family.type:
        case Type.GAUGE:
            return GaugeMetricFamily(family.name, family.help, labels=family.labels)
        case Type.COUNTER:
            return CounterMetricFamily(family.name, family.help, labels=family.labels)
        case Type.HISTOGRAM:
            return HistogramMetricFamily(family.name, family.help, labels=family.labels)
        case Type.INFO:
            return InfoMetricFamily(family.name.removesuffix("_info"), family.help, labels=())
