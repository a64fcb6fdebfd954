"""Reading what a scripted device truly did, from a journal that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.devices.scripted import journal
from agents.devices.scripted.journal import EndedBy, Journal, Right
from orchestrator.device_journal import Span, read_uses


def ended(use: str, at_ms: int, **more: Any) -> journal.UseEnded:  # noqa: ANN401 - any figure
    """Return the end of a use."""
    usual: dict[str, Any] = {
        "from_ms": 100,
        "active_ms": 30,
        "idle_ms": 20,
        "by": EndedBy.CUSTOMER,
        "right": Right.OPEN,
        "turn": None,
    }
    return journal.UseEnded(use=use, at_ms=at_ms, **(usual | more))


def span(use: str, from_ms: int, at_ms: int, *, active: bool) -> journal.Span:
    """Return a stretch of a use."""
    return journal.Span(
        use=use, from_ms=from_ms, at_ms=at_ms, active=active, right=Right.OPEN, turn=None
    )


def write(path: Path, *lines: journal.Line) -> None:
    """Write a journal as the device does."""
    with Journal(path) as book:
        book.write(list(lines))


def began(use: str, at_ms: int, right: Right = Right.OPEN) -> journal.UseBegan:
    """Return the begin of a use."""
    return journal.UseBegan(use=use, at_ms=at_ms, right=right, turn=None)


def test_a_use_has_its_stretches_and_its_figures(tmp_path: Path) -> None:
    """Whatever else is in the journal."""
    path = tmp_path / "journal"
    write(
        path,
        journal.DeviceStarted(at_ms=1, boot_id="b"),
        began("u", 100),
        span("u", 100, 130, active=True),
        span("u", 130, 150, active=False),
        ended("u", 150),
        journal.DeviceStopped(at_ms=200),
    )
    (use,) = read_uses(path)
    assert (use.id, use.from_ms, use.to_ms, use.latest_ms, use.rightful) == (
        *("u", 100, 150, 150),
        True,
    )
    assert (use.active_ms, use.idle_ms) == (30, 20)
    assert use.spans == [Span(100, 130, active=True), Span(130, 150, active=False)]


def test_under_a_killed_device_the_end_is_somewhere_up_to_its_next_start(tmp_path: Path) -> None:
    """Known is that it was going on at the last line before."""
    path = tmp_path / "journal"
    write(path, began("u", 100), ended("u", 900, by=EndedBy.CUT, last_known_ms=140))
    (use,) = read_uses(path)
    assert (use.to_ms, use.latest_ms) == (140, 900)


def test_a_use_that_goes_on_has_no_end_yet(tmp_path: Path) -> None:
    """Nor has one whose last line is torn."""
    path = tmp_path / "journal"
    write(path, began("u", 100), ended("u", 150), began("v", 200))
    with path.open("ab") as file:
        file.write(b'{"what":"use_end')
    first, second = read_uses(path)
    assert first.to_ms == 150
    assert second.to_ms is None


def test_a_use_of_a_closed_device_is_not_rightful(tmp_path: Path) -> None:
    """Unless a turn opened under it: what holds at its end counts."""
    path = tmp_path / "journal"
    none, turn = Right.NONE, Right.TURN
    write(path, began("u", 1, none), ended("u", 2, right=none))
    write(path, began("v", 3, none), ended("v", 4, right=turn))
    assert [use.rightful for use in read_uses(path)] == [False, True]


def test_before_the_device_has_started_there_is_no_use(tmp_path: Path) -> None:
    """Its journal is not there yet."""
    assert read_uses(tmp_path / "journal") == []
