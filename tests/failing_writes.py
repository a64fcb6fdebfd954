"""A disk that answers writes with an error: not full, but failing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def failing_writes(database: Path) -> Iterator[None]:
    """Let every write that would make a database's log longer fail with EFBIG.

    That is the one error that the kernel gives without a broken disk, and SQLite takes any but
    ENOSPC for an I/O error. Python ignores the signal that comes with it.
    """
    size = Path(f"{database}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
