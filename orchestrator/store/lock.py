"""The lock that keeps a second orchestrator off a database."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from orchestrator.broker.files import give_to_owner_of
from orchestrator.store.errors import DatabaseInUse, DatabaseUnusable


class Lock:
    """An flock on a file beside the database. The kernel lets go of it when the process dies."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            give_to_owner_of(path.parent, self._file)
        except OSError as error:
            raise DatabaseUnusable(f"{path} can't be opened: {error.strerror}.") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            who = f" (process {holder})" if holder.isdigit() else ""
            raise DatabaseInUse(f"{database} is in use by another process{who}.") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files."""
        os.close(self._file)
