"""Writes files that hold secrets or decide on access: whole or not at all, never readable early."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

#: Only the owner.
PRIVATE = 0o600
#: The owner and the group: what a broker reads under an account of its own.
SHARED = 0o640


def write_file(path: Path, text: str, *, mode: int = PRIVATE, group: int | None = None) -> None:
    """Put a file in its place in one step, and have it on disk. Raises OSError.

    A reader sees the old text or the new one; whoever may not read sees neither. `group` is the
    number of the group that the file shall belong to.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            give_to_owner_of(path.parent, file.fileno())
            if group is not None:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new_file(path: Path, text: str, *, mode: int = PRIVATE) -> None:
    """Write a file that must not exist yet. Raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def write_files(
    folder: Path, files: Mapping[str, str], *, mode: int = PRIVATE, group: int | None = None
) -> None:
    """Write rendered files, {name: text}, into a folder, which is made if need be."""
    make_folder(folder, mode=0o755)
    for name, text in files.items():
        write_file(folder / name, text, mode=mode, group=group)


def make_folder(folder: Path, *, mode: int = 0o700) -> None:
    """Make a folder, and those above it, where it is not there yet. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent, mode=0o755)
    folder.mkdir(exist_ok=True, mode=mode)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        give_to_owner_of(folder.parent, descriptor)
    finally:
        os.close(descriptor)


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Where root makes a file in a service's folder, have it belong to the service.

    Else a command run with sudo would leave files that the orchestrator itself can't read.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on disk."""
    # Without this a power cut may bring the old name, or none, back.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
