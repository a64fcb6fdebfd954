"""Files that hold secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestrator.broker.files import SHARED, make_folder, write_file, write_files, write_new_file

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def mode(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new text is there, with its mode, and nothing else is left in the folder."""
    path = tmp_path / "x"
    write_file(path, "old")
    write_file(path, "new", mode=SHARED)
    assert path.read_text() == "new"
    assert mode(path) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Text that can't be written does not cost what was there."""
    path = tmp_path / "x"
    write_file(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "\ud800")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_new_file_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    write_new_file(tmp_path / "x", "first")
    with pytest.raises(FileExistsError):
        write_new_file(tmp_path / "x", "second")
    assert (tmp_path / "x").read_text() == "first"
    assert mode(tmp_path / "x") == 0o600


def test_files_are_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    """Each name becomes a file."""
    write_files(tmp_path / "a" / "b", {"x": "1", "y": "2"})
    assert (tmp_path / "a" / "b" / "x").read_text() == "1"
    assert mode(tmp_path / "a" / "b" / "y") == 0o600


@root_only
def test_what_root_makes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    """A command run by root leaves nothing that the service can't read."""
    os.chown(tmp_path, 12345, 23456)
    make_folder(tmp_path / "a" / "b")
    write_file(tmp_path / "a" / "b" / "x", "secret")
    for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "x"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@root_only
def test_a_group_may_be_given(tmp_path: Path) -> None:
    """The broker's group reads what is shared with it."""
    write_file(tmp_path / "x", "", mode=SHARED, group=34567)
    assert (tmp_path / "x").stat().st_gid == 34567
