"""Metrics of use as it was counted."""

from __future__ import annotations

from datetime import UTC

from mqtt_schemas.base import Basis, Outcome
from orchestrator.domain.sessions import apply
from orchestrator.domain.usage import Totals, change, no_totals, without_hours
from orchestrator.usage_metrics import usage_metrics
from tests.orchestrator.histories import DEVICES, MINUTE, PRINTER, STATION, ended, group_set


def _totals() -> Totals:
    totals = no_totals()
    for event in (
        ended("a", group="lapset", party=3, categories={"game": 9000}, overrun_ms=500),
        ended("b", outcome=Outcome.TURN_OVER, figures={"filament_mm": 120}, unobserved_ms=2000),
        ended("c", basis=Basis.BLOCKED, active=4000, idle=1000),
    ):
        change(totals, PRINTER, None, apply(None, event), UTC)
    counted = apply(None, ended("a", group="lapset", party=3))
    corrected = apply(counted, group_set("a", "nuoret"))
    change(totals, PRINTER, counted, corrected, UTC)
    return without_hours(totals)


def _samples(totals: Totals) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for metric in usage_metrics(DEVICES, totals.items(), ["lapset", "nuoret"]):
        for sample in metric.samples:
            labels = dict(sample.labels)
            if labels.pop("device") == "printer-1":
                assert (labels.pop("site"), labels.pop("kind")) == ("main", "printer")
                assert labels.pop("source") == "observed"
                found.setdefault(sample.name, {})["".join(labels.values())] = sample.value
    return found


def test_use_is_told_by_group() -> None:
    """What counts is the one less the other: a correction withdraws and enters anew."""
    samples = _samples(_totals())
    assert samples["laitevuoro_sessions_total"] == {"unknown": 1, "lapset": 1, "nuoret": 1}
    assert samples["laitevuoro_withdrawn_sessions_total"] == {
        "unknown": 0,
        "lapset": 1,
        "nuoret": 0,
    }
    active = 20 * MINUTE / 1000
    assert samples["laitevuoro_session_active_seconds_total"] == {
        "unknown": active,
        "lapset": active,
        "nuoret": active,
    }
    assert samples["laitevuoro_withdrawn_active_seconds_total"]["lapset"] == active
    assert samples["laitevuoro_session_idle_seconds_total"]["lapset"] == 10 * MINUTE / 1000
    assert samples["laitevuoro_session_unobserved_seconds_total"]["unknown"] == 2
    assert samples["laitevuoro_session_people_total"]["lapset"] == 3


def test_what_else_is_told_of_counted_sessions() -> None:
    """Outcomes, overrun, categories, the device's own figures."""
    samples = _samples(_totals())
    outcomes = samples["laitevuoro_session_outcomes_total"]
    assert (outcomes["turn_over"], outcomes["customer"], outcomes["staff"]) == (1, 2, 0)
    assert samples["laitevuoro_session_overrun_seconds_total"] == {"": 0.5}
    assert samples["laitevuoro_session_category_seconds_total"] == {"game": 9}
    assert samples["laitevuoro_session_figure_total"] == {"filament_mm": 120}


def test_what_was_no_use_is_told_apart() -> None:
    """By why it was none, and in no other figure."""
    samples = _samples(_totals())
    assert samples["laitevuoro_uncounted_sessions_total"] == {"blocked": 1, "outside": 0}
    assert samples["laitevuoro_uncounted_seconds_total"] == {"blocked": 5, "outside": 0}


def test_counters_begin_at_zero() -> None:
    """So that the first session is an increase, for each group that may be chosen."""
    samples = _samples(no_totals())
    assert samples["laitevuoro_sessions_total"] == {"unknown": 0, "lapset": 0, "nuoret": 0}
    assert set(samples["laitevuoro_session_outcomes_total"]) == {each.value for each in Outcome}
    assert samples["laitevuoro_session_overrun_seconds_total"] == {"": 0}


def test_devices_that_are_not_configured_are_left_out() -> None:
    """A retired device's use is in the reports."""
    metrics = usage_metrics({STATION: DEVICES[STATION]}, _totals().items())
    assert {sample.labels["device"] for each in metrics for sample in each.samples} == {"vr-1"}
