"""The simulation finds what it is there to find: real parts broken in one place each."""

from __future__ import annotations

import pytest

from orchestrator.store import intake
from tests.simulation.conftest import Simulate
from tests.simulation.library import RANDOM, Parts, Scenario
from tests.simulation.mutants import (
    EarlyWriter,
    ForgetfulLink,
    UnsyncedOutbox,
    accepts_gaps,
)

#: Within so many seeds each must be found.
SEEDS = 60


def caught(run: Simulate, parts: Parts, scenario: Scenario = RANDOM) -> str:
    """Return what the first seed that finds anything finds."""
    for seed in range(SEEDS):
        findings = run(seed, parts, scenario).findings
        if findings:
            return findings[0]
    pytest.fail(f"{SEEDS} seeds found nothing")


def test_acknowledging_before_the_commit_is_found(run: Simulate) -> None:
    """By the acknowledgement itself."""
    assert "is acknowledged" in caught(run, Parts(writer=EarlyWriter))


def test_accepting_out_of_sequence_is_found(run: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the event that never came."""
    monkeypatch.setattr(intake, "judge", accepts_gaps)
    assert "has vanished" in caught(run, Parts())


def test_deleting_from_the_outbox_on_a_puback_is_found(run: Simulate) -> None:
    """By a loss of what the orchestrator never had."""
    assert "was never committed" in caught(run, Parts(link=ForgetfulLink))


def test_losing_the_outboxs_sync_is_found(run: Simulate) -> None:
    """By what a power cut takes."""
    scenario = Scenario(kinds=["cut_power", "part_agent"])
    assert caught(run, Parts(outbox=UnsyncedOutbox), scenario)
    assert not run(0, scenario=scenario).findings
