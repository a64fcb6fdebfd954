"""The lock on a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.store.errors import DatabaseInUse, DatabaseUnusable
from orchestrator.store.lock import Lock


def test_a_second_holder_is_refused_with_the_firsts_process(tmp_path: Path) -> None:
    """The sentence names the file and who has it."""
    path = tmp_path / "laitevuoro.db"
    lock = Lock(path)
    with pytest.raises(DatabaseInUse, match=rf"{path} is in use .*process {os.getpid()}"):
        Lock(path)
    lock.release()


def test_a_released_lock_can_be_taken(tmp_path: Path) -> None:
    """The file stays, and is no obstacle."""
    Lock(tmp_path / "laitevuoro.db").release()
    Lock(tmp_path / "laitevuoro.db").release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """Nothing is left to be cleared away by hand after a kill -9."""
    path = tmp_path / "laitevuoro.db"
    program = (
        "import sys, pathlib; from orchestrator.store.lock import Lock;"
        "Lock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DatabaseInUse, match=str(holder.pid)):
            Lock(path)
        holder.kill()
    Lock(path).release()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One sentence, no trace."""
    with pytest.raises(DatabaseUnusable, match=r"nowhere.*No such file or directory"):
        Lock(tmp_path / "nowhere" / "laitevuoro.db")
