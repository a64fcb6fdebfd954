"""Metrics of the devices as they are now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mqtt_schemas.base import DeviceState, utc_from_ms
from mqtt_schemas.messages import OutboxState, Phase, PlanInForce, TurnNow
from mqtt_schemas.plan import AtEnd, OutsideTurns, Plan, Turn
from orchestrator.device_metrics import Moment, device_metrics
from orchestrator.twins import Twin
from tests.orchestrator.histories import DEVICES, MORNING, PRINTER, checkpoint, link, log_id, status

NOW = Moment(MORNING, 1000.0)
DIGEST = "a" * 64

Samples = dict[tuple[str, ...], float]


def _samples(twin: Twin, now: Moment = NOW) -> dict[str, Samples]:
    """Return the samples by name and by the values of the labels beyond site, device and kind."""
    found: dict[str, Samples] = {}
    for metric in device_metrics(DEVICES, [twin], now):
        for sample in metric.samples:
            labels = dict(sample.labels)
            assert (labels.pop("site"), labels.pop("device")) == ("main", "printer-1")
            if not sample.name.endswith("_info"):
                labels.pop("kind", None)
            found.setdefault(sample.name, {})[tuple(labels.values())] = sample.value
    return found


def _one(twin: Twin, name: str, now: Moment = NOW) -> float | None:
    return _samples(twin, now).get(f"laitevuoro_{name}", {}).get(())


@pytest.fixture
def twin() -> Twin:
    """Return a device that was heard a moment ago, in a turn, with a session open."""
    twin = Twin(PRINTER)
    twin.take_link(link())
    told = status(
        session=checkpoint(),
        state=DeviceState.IN_USE,
        plan=PlanInForce(issuer="library", revision=6, digest="b" * 64),
        turn=TurnNow(id="t1", phase=Phase.WARNED),
        outbox=OutboxState(log=log_id(1), first_kept=1, last=2, oldest_age_ms=1500),
        readings={"nozzle_celsius": 214.5},
        problems=("no_filament_sensor",),
        blocked="will_not_stop",
    )
    twin.take_status(told, now=990.0, retained=False)
    starts = utc_from_ms(MORNING)
    turn = Turn(id="t1", starts_at=starts, ends_at=starts + timedelta(seconds=90), at_end=AtEnd.END)
    twin.desired = Plan(
        issuer="library",
        revision=7,
        digest=DIGEST,
        issued_at=starts,
        valid_until=starts + timedelta(days=4),
        after_expiry=OutsideTurns.CLOSED,
        outside_turns=OutsideTurns.CLOSED,
        turns=(turn,),
    )
    return twin


def test_agent_and_device_link_are_told_apart(twin: Twin) -> None:
    """The agent lives; the device is up only while both are."""
    assert (_one(twin, "agent_up"), _one(twin, "device_up")) == (1, 1)
    assert _one(twin, "agent_heartbeat_age_seconds") == 10
    late = Moment(MORNING, 1035.1)
    assert (_one(twin, "agent_up", late), _one(twin, "device_up", late)) == (0, 0)


def test_the_state_is_one_hot(twin: Twin) -> None:
    """Exactly one state holds."""
    states = _samples(twin)["laitevuoro_device_state"]
    assert states == {(state.value,): float(state is DeviceState.IN_USE) for state in DeviceState}


def test_the_turn_has_a_phase_and_an_end(twin: Twin) -> None:
    """The time left comes from the plan, and is never negative."""
    phases = _samples(twin)["laitevuoro_device_turn_phase"]
    assert phases == {(phase.value,): float(phase is Phase.WARNED) for phase in Phase}
    assert _one(twin, "device_turn_remaining_seconds") == 90
    assert _one(twin, "device_turn_remaining_seconds", Moment(MORNING + 100_000, 1000)) == 0


def test_the_plan_wanted_and_the_plan_in_force(twin: Twin) -> None:
    """Both revisions, and whether they agree."""
    assert _one(twin, "plan_revision_wanted") == 7
    assert _one(twin, "plan_revision_in_force") == 6
    assert _one(twin, "plan_in_force") == 0


def test_what_the_device_tells_of_itself(twin: Twin) -> None:
    """Readings, problems, blocked use, clock and outbox."""
    samples = _samples(twin)
    assert samples["laitevuoro_device_reading"] == {("nozzle_celsius",): 214.5}
    assert samples["laitevuoro_device_problem"] == {("no_filament_sensor",): 1}
    assert _one(twin, "device_blocked") == 1
    assert _one(twin, "device_session_open") == 1
    assert _one(twin, "agent_clock_offset_seconds") == 0.25
    assert _one(twin, "oldest_unacknowledged_event_seconds") == 1.5
    assert samples["laitevuoro_device_info"] == {("printer", "PRINTER-1", "0.1.0"): 1}


def test_a_device_that_was_never_heard_of_is_down_and_no_more() -> None:
    """No state is claimed for it."""
    samples = _samples(Twin(PRINTER))
    assert _one(Twin(PRINTER), "agent_up") == 0
    assert set(samples) == {
        "laitevuoro_device_info",
        "laitevuoro_agent_up",
        "laitevuoro_device_up",
        "laitevuoro_agent_conflicts_total",
    }
