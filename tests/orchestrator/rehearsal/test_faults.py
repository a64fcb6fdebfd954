"""Which faults come when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.rehearsal.faults import (
    AGENTS,
    APART,
    DEVICES_EACH,
    ORCHESTRATOR,
    WEIGHTS,
    Kind,
    agent_of,
    agents,
    devices,
    devices_of,
    schedule,
)

seeds, sizes = st.integers(), st.integers(100, 20_000)


@given(seeds, sizes)
def test_the_same_seed_spoils_the_same_things_at_the_same_times(seed: int, events: int) -> None:
    """So that what it found can be found again."""
    assert schedule(seed, events) == schedule(seed, events)


@given(seeds, sizes)
def test_each_kind_comes_and_each_fault_has_its_time(seed: int, events: int) -> None:
    """However few there are; one after the other, neither all at once nor hours apart."""
    faults = schedule(seed, events)
    assert {fault.kind for fault in faults} == set(Kind)
    assert all(APART[0] - 0.01 < b.at - a.at < APART[1] + 0.01 for a, b in pairwise(faults))
    assert all(fault.lasts >= 0 for fault in faults)


@given(seeds, sizes)
def test_every_fault_has_a_target_that_can_have_it(seed: int, events: int) -> None:
    """A broker has no outbox, and only a clock can be stepped."""
    everything = {*agents(), *devices(), ORCHESTRATOR, "broker"}
    for fault in schedule(seed, events):
        assert fault.target in everything
        if fault.kind in {Kind.DEVICE_KILLED, Kind.OUTBOX_RESTORED, Kind.OUTBOX_CLONED}:
            assert fault.target in devices()
        assert fault.kind is Kind.CLOCK_STEPPED or fault.hours == 0


@given(seeds)
def test_an_older_state_is_put_back_when_there_is_one(seed: int) -> None:
    """Not in the first half of the faults."""
    kinds = [fault.kind for fault in schedule(seed, 5000)]
    half = kinds[: len(kinds) // 2]
    assert Kind.BACKUP_RESTORED not in half
    assert Kind.OUTBOX_RESTORED not in half


@pytest.mark.parametrize(("events", "least"), [(1000, 20), (5000, 100)])
def test_there_are_as_many_as_the_size_asks_for(events: int, least: int) -> None:
    """And they fit into the time."""
    faults = schedule(1, events)
    assert len(faults) >= least
    assert faults[-1].at < {1000: 40, 5000: 200}[events]


def test_other_seeds_spoil_other_things() -> None:
    """A library may try as many as it likes."""
    assert len({schedule(seed, 1000) for seed in range(50)}) == 50


def test_every_kind_has_a_weight() -> None:
    """None comes only once in a long rehearsal."""
    assert set(WEIGHTS) == set(Kind)
    assert min(WEIGHTS.values()) > 0


def test_each_device_has_one_agent() -> None:
    """Names tell which."""
    assert len(set(devices())) == AGENTS * DEVICES_EACH
    assert {device: agent_of(device) for device in devices()} == {
        device: agent for agent in agents() for device in devices_of(agent)
    }
