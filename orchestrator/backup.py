"""Backing up a library's database and credentials, and putting them back.

back_up: copy -> verify -> sync -> into its place -> note the time.
restore: verify -> unpack and verify -> keep the old one aside -> into its place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mqtt_schemas import __version__
from mqtt_schemas.base import ms_from_utc, utc_from_ms
from orchestrator import last_backup
from orchestrator.broker.credentials import USERS
from orchestrator.broker.files import give_to_owner_of, make_folder, sync_folder, write_file
from orchestrator.broker.setup import credentials_folder
from orchestrator.config import Configuration
from orchestrator.places import DATABASE
from orchestrator.store import backup
from orchestrator.store.backup import Backup, Progress
from orchestrator.store.errors import DatabaseInUse, StoreError
from orchestrator.store.lock import Lock

#: Secrets and hashes. `.lock` and the like stay behind.
_CREDENTIALS = (USERS, "*.secret")


class BackupRefused(Exception):
    """What was asked was not done, and nothing was changed. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. aside: where the replaced database is now, if there was one.

    credentials: the files of the backup's that were put back; none where there were some.
    """

    backup: Backup
    aside: Path | None
    credentials: tuple[str, ...]


def back_up(
    config: Configuration, target: Path, *, force: bool, now: datetime, progress: Progress
) -> Backup:
    """Write a backup, whether the orchestrator runs or not. Raises BackupRefused."""
    database = config.orchestrator.state_dir / DATABASE
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _one_sentence():
        _refuse_unless(database.exists(), f"There is no database at {database} yet.")
        _refuse_unless(target.parent.is_dir(), f"There is no folder {target.parent}.")
        _refuse_unless(not target.is_dir(), f"{target} is a folder; give a file's name.")
        _refuse_unless(force or not target.exists(), f"{target} exists; --force replaces it.")
        try:
            made = backup.save(
                database,
                partial,
                files=_credentials(config),
                made_ms=ms_from_utc(now),
                version=__version__,
                progress=progress,
            )
            _sync(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(target.parent)
        last_backup.note(config.orchestrator.state_dir, now)
    return made


def restore(config: Configuration, source: Path, *, now: datetime, progress: Progress) -> Restored:
    """Put a backup in the database's place, while no orchestrator runs. Raises BackupRefused.

    Credentials are put back only where there are none, as on a new machine: those that are
    there know of devices that were enrolled since.
    """
    state_dir = config.orchestrator.state_dir
    database = state_dir / DATABASE
    unpacked = database.with_name(f"{DATABASE}.restoring")
    with _one_sentence():
        _refuse_unless(source.is_file(), f"There is no file {source}.")
        found = backup.verified(source)
        make_folder(state_dir, mode=0o750)
        with _alone(database):
            unpacked.unlink(missing_ok=True)
            try:
                backup.unpack(source, unpacked, progress=progress)
                _sync(unpacked, owner_of=state_dir)
                aside = _set_aside(database, now)
                unpacked.replace(database)
            finally:
                unpacked.unlink(missing_ok=True)
            sync_folder(state_dir)
            return Restored(found, aside, _put_back(config, found.files))


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Keep the present database under a dated name; it also stays until it is replaced."""
    if not database.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", now.astimezone(UTC).timetuple())
    aside = database.with_name(f"{database.name}.replaced-{stamp}")
    backup.settle(database)
    for suffix in ("-wal", "-shm"):
        # Only of one that is broken: SQLite would take them for the new one's.
        beside = database.with_name(f"{database.name}{suffix}")
        if beside.exists():
            beside.rename(aside.with_name(f"{aside.name}{suffix}"))
    os.link(database, aside)
    return aside


def _credentials(config: Configuration) -> dict[str, bytes]:
    folder = credentials_folder(config)
    return {
        path.name: path.read_bytes()
        for pattern in _CREDENTIALS
        for path in sorted(folder.glob(pattern))
    }


def _put_back(config: Configuration, files: Mapping[str, bytes]) -> tuple[str, ...]:
    folder = credentials_folder(config)
    if (folder / USERS).exists():
        return ()
    make_folder(folder)
    wanted = {
        name: content
        for name, content in files.items()
        if "/" not in name and any(Path(name).match(pattern) for pattern in _CREDENTIALS)
    }
    for name, content in wanted.items():
        write_file(folder / name, content.decode())
    return tuple(wanted)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep every orchestrator off, or refuse while one runs."""
    try:
        lock = Lock(database)
    except DatabaseInUse:
        raise BackupRefused(
            f"The orchestrator runs on {database}: stop it first, and start it afterwards."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise BackupRefused(str(error)) from None
    except OSError as error:
        raise BackupRefused(f"{error.filename}: {error.strerror}.") from None


def _refuse_unless(holds: object, sentence: str) -> None:
    if not holds:
        raise BackupRefused(sentence)


def _sync(path: Path, *, owner_of: Path | None = None) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if owner_of is not None:
            give_to_owner_of(owner_of, descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def made_at(found: Backup) -> datetime | None:
    """Return when a backup was made, where it says so."""
    return None if found.made_ms is None else utc_from_ms(found.made_ms)
