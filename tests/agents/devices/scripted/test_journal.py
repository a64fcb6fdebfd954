"""The journal of what a device truly did."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.devices.scripted.journal import (
    DeviceStarted,
    EndedBy,
    Journal,
    JournalError,
    Right,
    Span,
    UseBegan,
    UseEnded,
    cut_short,
    read,
)

STARTED = DeviceStarted(at_ms=1, boot_id="b")
BEGAN = UseBegan(at_ms=5, use="u", right=Right.TURN, turn="t-1")
SPAN = Span(at_ms=9, use="u", from_ms=5, active=True, right=Right.TURN, turn="t-1")


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    """Line by line, in the same types; and a new opening goes on behind the last."""
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.write([STARTED, BEGAN])
    with Journal(path) as journal:
        assert journal.before == [STARTED, BEGAN]
        journal.write([SPAN])
    assert read(path) == [STARTED, BEGAN, SPAN]


def test_a_torn_line_is_dropped(tmp_path: Path) -> None:
    """A device killed while it wrote has told nobody of that line."""
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.write([STARTED])
    with path.open("ab") as file:
        file.write(b'{"at_ms": 5, "wha')
    assert read(path) == [STARTED]
    with Journal(path) as journal:
        journal.write([BEGAN])
    assert read(path) == [STARTED, BEGAN]


def test_two_devices_never_write_one_journal(tmp_path: Path) -> None:
    """The second is refused."""
    path = tmp_path / "journal.jsonl"
    with Journal(path), pytest.raises(JournalError, match="another scripted device"):
        Journal(path)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    """One sentence names the file."""
    path = tmp_path / "journal.jsonl"
    path.write_text("something else\n")
    with pytest.raises(JournalError, match=r"journal\.jsonl"):
        Journal(path)


def test_a_use_that_a_kill_left_open_is_cut() -> None:
    """Its figures reach the last thing known; when it truly ended, the journal can't say."""
    (cut,) = cut_short([STARTED, BEGAN, SPAN], 100)
    assert (cut.by, cut.active_ms, cut.idle_ms) == (EndedBy.CUT, 4, 0)
    assert (cut.last_known_ms, cut.at_ms) == (9, 100)


def test_a_use_that_ended_is_not_cut() -> None:
    """Nor is an empty journal."""
    ended = UseEnded(
        at_ms=9,
        use="u",
        from_ms=5,
        active_ms=4,
        idle_ms=0,
        by=EndedBy.CUSTOMER,
        right=Right.TURN,
        turn="t-1",
    )
    assert list(cut_short([STARTED, BEGAN, SPAN, ended], 100)) == []
    assert list(cut_short([], 100)) == []
