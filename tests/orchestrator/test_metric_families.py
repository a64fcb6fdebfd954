"""Metric families as data, and their text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.metric_families import Family, Sheet, Type

FAMILIES = (
    Family("a_seconds", Type.GAUGE, ("site", "device"), "A."),
    Family("b_total", Type.COUNTER, (), "B."),
    Family("c_info", Type.INFO, ("version",), "C."),
    Family("d_seconds", Type.HISTOGRAM, (), "D."),
    Family("e", Type.GAUGE, (), "E."),
)


def test_each_type_is_written_under_the_name_that_it_was_given() -> None:
    """As it is queried, with help and labels, and also where there is no sample yet."""
    sheet = Sheet(FAMILIES)
    sheet.put("a_seconds", ("main", "vr-1"), 0.5)
    sheet.put("a_seconds", ("main", "vr-2"), bool(sheet))
    sheet.put("b_total", (), 3.0)
    sheet.put("c_info", ("1.0",), 1)
    sheet.spread("d_seconds", [("1.0", 2), ("+Inf", 3)], 4.5)
    assert sheet.text() == (
        "# HELP a_seconds A.\n# TYPE a_seconds gauge\n"
        'a_seconds{site="main",device="vr-1"} 0.5\n'
        'a_seconds{site="main",device="vr-2"} 1\n'
        "# HELP b_total B.\n# TYPE b_total counter\n"
        "b_total 3\n"
        "# HELP c_info C.\n# TYPE c_info gauge\n"
        'c_info{version="1.0"} 1\n'
        "# HELP d_seconds D.\n# TYPE d_seconds histogram\n"
        'd_seconds_bucket{le="1.0"} 2\nd_seconds_bucket{le="+Inf"} 3\n'
        "d_seconds_sum 4.5\nd_seconds_count 3\n"
        "# HELP e E.\n# TYPE e gauge\n"
    )


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('\n\\"')),
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
)
def test_any_label_and_number_is_read_back(label: str, number: float) -> None:
    """Prometheus' own parser finds what was put in: a device may have any name."""
    sheet = Sheet(FAMILIES)
    sheet.put("a_seconds", ("main", label), number)
    (family,) = (
        each for each in text_string_to_metric_families(sheet.text()) if each.name == "a_seconds"
    )
    (sample,) = family.samples
    assert (sample.labels, sample.value) == ({"site": "main", "device": label}, float(number))
