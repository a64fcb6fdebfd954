"""The print in hand, over a restart of the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.devices.octoprint.memory import Memory
from agents.devices.octoprint.payloads import File
from agents.devices.octoprint.prints import Print

USE = "0123456789abcdef"
HELD = Print(USE, File("local/secret.gcode", 586, 1_795_574_445), seen_ms=1, print_ms=4000)


def test_a_kept_print_is_recalled_without_its_name(tmp_path: Path) -> None:
    """Size and date of upload are enough to know it again; its name is on no disk of ours."""
    path = tmp_path / "print.json"
    Memory(path).keep(HELD)
    assert "secret" not in path.read_text()
    recalled = Memory(path).recall(77)
    assert recalled == Print(
        USE, File("", 586, 1_795_574_445), seen_ms=77, print_ms=4000, confirmed=True
    )


def test_nothing_is_recalled_after_the_print_ended(tmp_path: Path) -> None:
    """Nor after one of which OctoPrint knows too little to tell it again."""
    path = tmp_path / "print.json"
    memory = Memory(path)
    memory.keep(HELD)
    memory.keep(None)
    assert Memory(path).recall(0) is None
    memory.keep(Print(USE, File("sdcard/x"), seen_ms=1))
    assert Memory(path).recall(0) is None


def test_it_writes_only_what_is_new(tmp_path: Path) -> None:
    """Not with every look; but for sure where it is told to."""
    path = tmp_path / "print.json"
    memory = Memory(path)
    memory.keep(HELD)
    path.unlink()
    memory.keep(HELD)
    assert not path.exists()
    memory.keep(HELD, now=True)
    assert path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"use": "x"}', b"\xff"])
def test_a_spoilt_file_is_no_memory(tmp_path: Path, content: bytes) -> None:
    """A print that runs is then taken for a new use; nothing worse."""
    path = tmp_path / "print.json"
    path.write_bytes(content)
    assert Memory(path).recall(0) is None


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    """And a folder that is not there stops nobody."""
    Memory(None).keep(HELD)
    assert Memory(None).recall(0) is None
    Memory(tmp_path / "none" / "print.json").keep(HELD)


@pytest.mark.parametrize("part", [True, False, None])
def test_whether_a_part_is_on_the_bed_is_kept(
    tmp_path: Path,
    part: bool | None,  # noqa: FBT001 - a case
) -> None:
    """Until the next print is in hand."""
    path = tmp_path / "print.json"
    memory = Memory(path)
    memory.keep(None, part=part)
    assert Memory(path).recall_part() is part
    assert Memory(path).recall(0) is None
    memory.keep(HELD)
    assert Memory(path).recall_part() is None
