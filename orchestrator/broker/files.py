"""Writes files that hold secrets or decide on access: whole or not at all, never readable early."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

#: Only the owner. 0640 for what a broker reads under an account of its own.
PRIVATE = 0o600


def write_file(path: Path, text: str, *, mode: int = PRIVATE) -> None:
    """Put a file in its place in one step, and have it on disk. Raises OSError.

    A reader sees the old text or the new one; whoever may not read sees neither.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_new_file(path: Path, text: str) -> None:
    """Write a file that must not exist yet, mode 0600. Raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def write_files(folder: Path, files: Mapping[str, str], *, mode: int = PRIVATE) -> None:
    """Write rendered files, {name: text}, into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name, text in files.items():
        write_file(folder / name, text, mode=mode)


def _sync_folder(folder: Path) -> None:
    # Without this a power cut may bring the old name, or none, back.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
