"""The benchmarks' runner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import run
from tests.benchmarks.registry import Result


def test_a_rate_is_held_against_a_floor() -> None:
    """With `at_least`, less than that share of the limit is a miss."""
    enough = Result(name="rate", value=70, unit="1/s", limit=100, at_least=0.7)
    short = Result(name="rate", value=69, unit="1/s", limit=100, at_least=0.7)
    assert (enough.met, enough.target, short.met) == (True, ">= 0.7", False)


def test_a_cost_is_held_against_a_ceiling() -> None:
    """With `at_most`, more than that share of the limit is a miss."""
    enough = Result(name="memory", value=45, unit="MB", limit=45, at_most=1)
    over = Result(name="memory", value=46, unit="MB", limit=45, at_most=1)
    assert (enough.met, enough.target, over.met) == (True, "<= 1", False)


def test_a_result_without_a_target_is_refused() -> None:
    """A figure that nothing is asked of can't be met."""
    with pytest.raises(ValueError, match="either at_least or at_most"):
        Result(name="rate", value=1, unit="1/s", limit=1)


@pytest.mark.parametrize(("limit", "code"), [(2.0, 0), (0.5, 1)])
def test_the_results_are_written_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float, code: int
) -> None:
    """Every figure goes to the file with all its fields, and a miss is the exit code."""

    def sample() -> Iterator[Result]:
        yield Result(name="sample", value=1.0, unit="µs", limit=limit, at_most=1)

    monkeypatch.setattr(run, "BENCHMARKS", [sample])
    output = tmp_path / "benchmarks.json"
    assert run.main(["sample"], output=output) == code
    (entry,) = json.loads(output.read_text())
    assert entry == {
        "name": "sample",
        "value": 1.0,
        "unit": "µs",
        "limit": limit,
        "ratio": 1 / limit,
        "target": "<= 1",
        "met": code == 0,
    }


def test_an_unknown_name_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asking for a benchmark that is not there fails with exit code 2 and writes nothing."""
    output = tmp_path / "benchmarks.json"
    assert run.main(["no-such-thing"], output=output) == 2
    assert "No benchmark is named like no-such-thing." in capsys.readouterr().err
    assert not output.exists()
