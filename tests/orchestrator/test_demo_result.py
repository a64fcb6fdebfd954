"""What the demo comes to."""

from __future__ import annotations

from orchestrator.client import DeviceNow, DeviceTotals, EventTotals, Totals
from orchestrator.demo_journal import Truth
from orchestrator.demo_result import as_json, differences

EVENTS = EventTotals(accepted=9, duplicates=0, set_aside=0, rejected=0)
COUNTED = DeviceTotals(sessions=2, active_seconds=26.1 + 0.2, idle_seconds=3.0, ended_by_turn=1)
TOTALS = Totals(devices={"demo/vr": COUNTED}, events=EVENTS)
TRUE = Truth(sessions=2, active_ms=26_300, idle_ms=3000, open=1)


def test_a_count_that_equals_the_journal_is_no_difference() -> None:
    """To the millisecond, whatever floats make of it."""
    assert list(differences(TOTALS, {"vr": TRUE})) == []


def test_every_figure_that_differs_is_said() -> None:
    """A millisecond is enough."""
    wrong = Truth(sessions=1, active_ms=26_301, idle_ms=2999)
    said = list(differences(TOTALS, {"vr": wrong}))
    assert len(said) == 3
    assert "26.3 active seconds were counted, the device's journal says 26.301" in said[1]


def test_a_device_of_which_nothing_was_counted_is_compared_too() -> None:
    """Zeros are figures."""
    assert list(differences(TOTALS, {"printer": Truth()})) == []
    assert len(list(differences(TOTALS, {"printer": TRUE}))) == 3


def test_the_result_has_every_device_and_the_events() -> None:
    """Journals are only of scripted devices."""
    devices = [
        DeviceNow(device="pc", name="PC", link="online", state="free"),
        DeviceNow(device="vr", name="VR", link="online", state="in_use"),
    ]
    result = as_json(devices, TOTALS, {"vr": TRUE}, "http://x/metrics")
    assert result["events"] == {"accepted": 9, "duplicates": 0, "set_aside": 0, "rejected": 0}
    assert result["metrics_url"] == "http://x/metrics"
    assert result["devices"]["vr"] == {
        "link": "online",
        "state": "in_use",
        "sessions": 2,
        "active_seconds": 26.3,
        "idle_seconds": 3.0,
        "ended_by_turn": 1,
        "journal_sessions": 2,
        "journal_seconds": 26.3,
        "journal_idle_seconds": 3.0,
        "open_sessions": 1,
    }
    assert result["devices"]["pc"]["sessions"] == 0
    assert "journal_seconds" not in result["devices"]["pc"]
