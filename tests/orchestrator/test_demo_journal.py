"""Reading what a scripted device truly did."""

from __future__ import annotations

from pathlib import Path

from agents.devices.scripted.journal import EndedBy, Journal, Right, UseBegan, UseEnded
from orchestrator.demo_journal import Truth, read_truth


def ended(use: str, right: Right, active_ms: int, idle_ms: int) -> list[UseBegan | UseEnded]:
    """Return the lines of a finished use, as the device writes them."""
    return [
        UseBegan(at_ms=0, use=use, right=right, turn=None),
        UseEnded(
            at_ms=9,
            use=use,
            from_ms=0,
            active_ms=active_ms,
            idle_ms=idle_ms,
            by=EndedBy.CUSTOMER,
            right=right,
            turn=None,
        ),
    ]


def test_finished_uses_by_a_right_are_summed(tmp_path: Path) -> None:
    """What was used by no right is no use; what goes on is only said to be open."""
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.write(
            [
                *ended("a", Right.TURN, 1500, 20),
                *ended("b", Right.OPEN, 3, 0),
                *ended("c", Right.NONE, 7000, 0),
                UseBegan(at_ms=20, use="d", right=Right.TURN, turn="t"),
            ]
        )
    assert read_truth(path) == Truth(sessions=2, active_ms=1503, idle_ms=20, open=1)


def test_there_may_be_no_journal_yet_or_half_a_line(tmp_path: Path) -> None:
    """A device that has not started did nothing; what it is writing is not written yet."""
    path = tmp_path / "journal.jsonl"
    assert read_truth(path) == Truth()
    path.write_text('{"what": "use_be')
    assert read_truth(path) == Truth()
