"""Metric families as data."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from orchestrator.metric_families import Family, Sheet, Type

FAMILIES = (
    Family("a_seconds", Type.GAUGE, ("site",), "A."),
    Family("b_total", Type.COUNTER, (), "B."),
    Family("c_info", Type.INFO, ("version",), "C."),
    Family("d_seconds", Type.HISTOGRAM, (), "D."),
)


class _One(Collector):
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet

    def collect(self) -> list[Metric]:
        return self._sheet.metrics()


def test_each_type_is_rendered_under_the_name_that_it_was_given() -> None:
    """As it is queried, with help and labels."""
    sheet = Sheet(FAMILIES)
    sheet.put("a_seconds", ("main",), 0.5)
    sheet.put("b_total", (), 3)
    sheet.tell("c_info", ("1.0",))
    sheet.spread("d_seconds", [("1.0", 2), ("+Inf", 3)], 4.5)
    registry = CollectorRegistry()
    registry.register(_One(sheet))
    assert generate_latest(registry).decode() == (
        "# HELP a_seconds A.\n# TYPE a_seconds gauge\n"
        'a_seconds{site="main"} 0.5\n'
        "# HELP b_total B.\n# TYPE b_total counter\n"
        "b_total 3.0\n"
        "# HELP c_info C.\n# TYPE c_info gauge\n"
        'c_info{version="1.0"} 1.0\n'
        "# HELP d_seconds D.\n# TYPE d_seconds histogram\n"
        'd_seconds_bucket{le="1.0"} 2.0\nd_seconds_bucket{le="+Inf"} 3.0\n'
        "d_seconds_count 3.0\nd_seconds_sum 4.5\n"
    )
