"""What a rehearsal comes to."""

from __future__ import annotations

import json
from dataclasses import replace

from orchestrator.rehearsal.compare import Figures
from orchestrator.rehearsal.faults import Kind
from orchestrator.rehearsal.result import Result, as_json, as_text

RESULT = Result(
    seed=7,
    broker="nats",
    seconds=41.26,
    events=1234,
    named_losses=3,
    faults={Kind.NETWORK_CUT: 12, Kind.AGENT_KILLED: 2},
    figures=Figures(
        uses=500,
        sessions=498,
        true_ms=100_001,
        counted_ms=90_000,
        unobserved_ms=9_500,
        lost=1,
        doubled=2,
        overcounted_ms=250,
        unexplained_ms=501,
    ),
)


def test_the_object_has_all_figures_in_seconds() -> None:
    """To the millisecond, and it is JSON."""
    told = json.loads(json.dumps(as_json(RESULT)))
    assert told["faults"] == {"agent_killed": 2, "network_cut": 12}
    assert (told["seed"], told["broker"], told["events"]) == (7, "nats", 1234)
    assert (told["lost"], told["doubled"], told["named_losses"]) == (1, 2, 3)
    assert (told["overcounted_seconds"], told["unexplained_seconds"]) == (0.25, 0.501)
    assert (told["true_seconds"], told["counted_seconds"]) == (100.001, 90.0)


def test_people_read_the_same_in_lines() -> None:
    """Kind by kind, and what must be zero last."""
    lines = list(as_text(RESULT))
    assert lines[0] == "Seed 7, nats, 41 s"
    assert lines[1] == "14 faults:"
    assert [line.split() for line in lines if "killed" in line or "cut" in line] == [
        ["agent_killed", "2"],
        ["network_cut", "12"],
    ]
    assert [line.split()[0] for line in lines[-4:]] == [
        *("lost", "doubled", "overcounted", "unexplained")
    ]
    assert lines[-1].endswith("0.501")


def test_exact_means_that_all_four_are_zero() -> None:
    """Whichever is not."""
    zero = Figures()
    assert zero.exact
    for wrong in (
        replace(zero, lost=1),
        replace(zero, doubled=1),
        replace(zero, overcounted_ms=1),
        replace(zero, unexplained_ms=1),
    ):
        assert not wrong.exact
