"""When the last backup was made."""

from __future__ import annotations

import stat
from pathlib import Path

from orchestrator import last_backup
from orchestrator.places import LAST_BACKUP
from tests.orchestrator.fakes import NOW


def test_it_is_noted_for_everybody(tmp_path: Path) -> None:
    """The orchestrator may be another user than whoever backs up."""
    assert last_backup.read(tmp_path) is None
    last_backup.note(tmp_path, NOW)
    assert last_backup.read(tmp_path) == NOW
    assert stat.S_IMODE((tmp_path / LAST_BACKUP).stat().st_mode) == 0o644


def test_a_damaged_note_is_as_none(tmp_path: Path) -> None:
    """Metrics go on without it."""
    (tmp_path / LAST_BACKUP).write_text("{")
    assert last_backup.read(tmp_path) is None
