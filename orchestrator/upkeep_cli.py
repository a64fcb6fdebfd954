"""`laitevuoro backup`, `restore`, `rebuild`: what city IT does with the database."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mqtt_schemas.topics import Address
from orchestrator.backup import BackupRefused, back_up, made_at, restore
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag, refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.domain.local_time import say_moment
from orchestrator.domain.usage import DeviceUsage
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseInUse, StoreError
from orchestrator.store.rebuild import Progress, Rebuilt, rebuild

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE")]


@app.command("backup")
def backup_command(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,  # noqa: FBT002 - a flag
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write database and credentials into FILE, whether the orchestrator runs or not.

    FILE is an ordinary SQLite database, verified before it is put in its place. It holds
    secrets: only its owner can read it.
    """
    from orchestrator.progress import bar  # noqa: PLC0415 - no other command needs rich

    with _one_sentence(), bar("Backing up") as progress:
        configuration = load(config, os.environ)
        made = back_up(configuration, file, force=force, now=datetime.now(UTC), progress=progress)
    size = file.stat().st_size / 1_000_000
    typer.echo(
        f"{file} holds {made.events:,} events and {len(made.files)} files of credentials,"
        f" {size:.1f} MB, verified."
    )


@app.command("restore")
def restore_command(file: File, config: Config = DEFAULT_CONFIG) -> None:
    """Put the database of FILE in place of the present one, which is kept under a dated name.

    The orchestrator must not run. Afterwards the devices send again what FILE lacks.
    """
    from orchestrator.progress import bar  # noqa: PLC0415 - no other command needs rich

    with _one_sentence(), bar("Restoring") as progress:
        configuration = load(config, os.environ)
        restored = restore(configuration, file, now=datetime.now(UTC), progress=progress)
    of = made_at(restored.backup)
    when = f" of {say_moment(of, configuration.zone)}" if of else ""
    typer.echo(f"Restored {restored.backup.events:,} events{when}.")
    if restored.aside is not None:
        typer.echo(f"What was there before is now {restored.aside}.")
    if restored.credentials:
        typer.echo(f"Credentials are restored too: {', '.join(restored.credentials)}.")
    elif restored.backup.files:
        typer.echo("The credentials that are here are kept; those of the backup are not used.")


@app.command("rebuild")
def rebuild_command(config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """Make sessions and totals again from the event log, by the rules of this version.

    The orchestrator must not run. Events that an earlier version set aside are tried again.
    Until the end everything stays as it was.
    """
    from orchestrator.progress import bar  # noqa: PLC0415 - no other command needs rich

    with _one_sentence(), bar("Rebuilding") as progress:
        configuration = load(config, os.environ)
        with _database(configuration) as database:
            rebuilt = _rebuild(database, configuration.zone, progress)
    if as_json:
        typer.echo(json.dumps(_as_json(rebuilt), indent=1))
    else:
        for line in _told(rebuilt, configuration):
            typer.echo(line)


class _Stopped(Exception):
    """Ctrl-C was pressed."""


def _rebuild(database: Database, zone: tzinfo, progress: Progress) -> Rebuilt:
    stop = threading.Event()

    def tell(done: int, everything: int) -> None:
        if stop.is_set():
            raise _Stopped
        progress(done, everything)

    try:
        return asyncio.run(database.write(partial(rebuild, zone=zone, progress=tell)))
    except KeyboardInterrupt:
        stop.set()
        raise


@contextmanager
def _database(config: Configuration) -> Iterator[Database]:
    path = config.orchestrator.state_dir / DATABASE
    if not path.exists():
        raise BackupRefused(f"There is no database at {path} yet.")
    try:
        database = Database.open(path)
    except DatabaseInUse:
        raise BackupRefused(
            f"The orchestrator runs on {path}: stop it first, and start it afterwards."
        ) from None
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except (InvalidConfiguration, BackupRefused, StoreError) as error:
        refuse(str(error))


def _told(rebuilt: Rebuilt, config: Configuration) -> Iterator[str]:
    aside = f", {rebuilt.set_aside:,} of them set aside" if rebuilt.set_aside else ""
    yield f"Sessions and totals follow from {rebuilt.events:,} events{aside}."
    if rebuilt.understood:
        yield f"{rebuilt.understood:,} events that were set aside are understood now."
    changes = list(_changes(rebuilt))
    if not rebuilt.changed and not changes:
        yield "Nothing changed."
        return
    yield f"{rebuilt.changed:,} sessions changed."
    for address, before, after in changes:
        name = config.devices[address].name if address in config.devices else str(address)
        yield (
            f"{name} ({address}): {before.sessions:,} sessions, {_hours(before)} h active"
            f" → {after.sessions:,} sessions, {_hours(after)} h active"
        )


def _as_json(rebuilt: Rebuilt) -> dict[str, object]:
    return {
        "events": rebuilt.events,
        "set_aside": rebuilt.set_aside,
        "understood": rebuilt.understood,
        "changed_sessions": rebuilt.changed,
        "devices": {
            str(address): {"before": _figures(before), "after": _figures(after)}
            for address, before, after in _changes(rebuilt)
        },
    }


def _changes(rebuilt: Rebuilt) -> Iterator[tuple[Address, DeviceUsage, DeviceUsage]]:
    for address in sorted({*rebuilt.before, *rebuilt.after}):
        before = rebuilt.before.get(address, DeviceUsage())
        after = rebuilt.after.get(address, DeviceUsage())
        if before != after:
            yield address, before, after


def _figures(usage: DeviceUsage) -> dict[str, float]:
    return {"sessions": usage.sessions, "active_seconds": usage.active_ms / 1000}


def _hours(usage: DeviceUsage) -> str:
    return f"{usage.active_ms / 3_600_000:.1f}"
