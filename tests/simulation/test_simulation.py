"""Whatever fails, every use is counted once: seeds of faults, each of which can be seen again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.conftest import Simulate
from tests.simulation.library import Outcome, Scenario

#: Seconds of seeds: in CI, for a developer, and by `make proof`.
CI_SECONDS, SECONDS, PROOF_SECONDS = 90.0, 15.0, 900.0
#: Seeds that found something once. As the simulation grows they come to mean something else;
#: what they found has a test of its own beside the module that was wrong.
FOUND = (
    41,
    126,
    187,
    206,
    309,
    487,
    520,
    534,
    627,
    668,
    797,
    932,
    935,
    2105,
    2549,
    2619,
    2669,
    10585,
)


def hold(outcome: Outcome) -> None:
    """Fail where anything was found, saying how to see it again."""
    if outcome.findings:
        print("\n".join(outcome.lines))  # noqa: T201 - shown where the test fails
        pytest.fail(
            f"{outcome}\nSee it again: pytest tests/simulation --seed {outcome.seed}",
            pytrace=False,
        )


def run_seeds(run: Simulate, first: int, seconds: float) -> str:
    """Run seeds for so long; return how many, and of what."""
    end = time.monotonic() + seconds
    seeds = steps = uses = 0
    virtual = 0.0
    faults: Counter[str] = Counter()
    while time.monotonic() < end:
        outcome = run(first + seeds)
        hold(outcome)
        seeds += 1
        steps += outcome.steps
        uses += outcome.sessions
        virtual += outcome.seconds
        faults.update(outcome.faults)
    return (
        f"{seeds} seeds from {first}: {virtual / 3600:.1f} h of {uses} uses in {steps} steps"
        f" with {faults.total()} faults of {len(faults)} kinds, all exact"
    )


@pytest.mark.timeout(200)
def test_what_is_counted_is_what_is_true(
    run: Simulate, seed: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing lost, doubled or counted beyond the truth, and all agrees, seed after seed."""
    if seed is not None:
        hold(run(seed))
        return
    seconds = CI_SECONDS if os.environ.get("CI") else SECONDS
    told = run_seeds(run, 0, seconds)
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201 - how far it came


@pytest.mark.proof
@pytest.mark.timeout(2 * PROOF_SECONDS)
def test_what_is_counted_is_what_is_true_for_long(
    run: Simulate, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with seeds of which CI sees none, for LAITEVUORO_SIMULATION_SECONDS."""
    seconds = float(os.environ.get("LAITEVUORO_SIMULATION_SECONDS", PROOF_SECONDS))
    told = run_seeds(run, 100_000, seconds)
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201 - how far it came


@pytest.mark.parametrize("number", FOUND)
def test_a_seed_that_found_something_finds_nothing_now(run: Simulate, number: int) -> None:
    """What was mended stays so."""
    hold(run(number))


def test_a_seed_is_the_same_run_each_time(run: Simulate) -> None:
    """The whole trace is equal, step by step."""
    one, other = run(8), run(8)
    assert one.lines == other.lines
    assert one.trace_hash == other.trace_hash
    assert run(9).trace_hash != one.trace_hash


def test_a_seed_is_the_same_run_in_every_process(run: Simulate, folder: Path) -> None:
    """Also where strings are hashed otherwise, so that what CI finds is found at home."""
    code = (
        "import logging, sys, pathlib, structlog\n"
        "from tests.simulation.library import simulate\n"
        "wrapper = structlog.make_filtering_bound_logger(logging.CRITICAL)\n"
        "structlog.configure(wrapper_class=wrapper)\n"
        "print(simulate(8, pathlib.Path(sys.argv[1])).trace_hash)\n"
    )
    here = run(8).trace_hash
    for hashing in ("1", "2"):
        disks = folder / hashing
        disks.mkdir()
        there = subprocess.run(
            [sys.executable, "-c", code, str(disks)],
            env={**os.environ, "PYTHONHASHSEED": hashing},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert there == here


@pytest.mark.parametrize("kill", ["agent", "orchestrator"])
@pytest.mark.parametrize("where", ["step", "write"])
def test_a_kill_at_any_point_loses_nothing(run: Simulate, kill: str, where: str) -> None:
    """At awaits and between writes all over half a minute of one device; by `proof` at each."""
    _kill_at(run, kill, where, most=40)


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kill", ["agent", "orchestrator"])
@pytest.mark.parametrize("where", ["step", "write"])
def test_a_kill_at_every_point_loses_nothing(run: Simulate, kill: str, where: str) -> None:
    """At every await and between every two writes."""
    _kill_at(run, kill, where, most=100_000)


def _kill_at(run: Simulate, kill: str, where: str, *, most: int) -> None:
    calm = next(
        each
        for seed in range(100)
        if (each := run(seed, scenario=Scenario(calm=True))).sessions >= 3
    )
    hold(calm)
    points = calm.points[f"{kill} {where}s"]
    assert points >= 10
    for point in range(1, points + 1, max(1, points // most)):
        at = {f"at_{where}": point}
        hold(run(calm.seed, scenario=Scenario(calm=True, kill=kill, **at)))  # type: ignore[arg-type]  # by name
