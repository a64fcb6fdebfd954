"""`laitevuoro booking import` and `booking export`: bookings from other systems, and for them."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.calendars.hours_reading import dated
from orchestrator.calendars.model import MAX_SIZE
from orchestrator.calendars.reading import WITHIN, Format
from orchestrator.cli_options import DEFAULT_CONFIG, USAGE, Config, JsonFlag
from orchestrator.config import Configuration, load
from orchestrator.config_feeds import UrlUnknown
from orchestrator.counter import Refused
from orchestrator.desk_cli import Desk, desk_at
from orchestrator.import_service import source_of_file
from orchestrator.source_cli import is_url, read_file, read_url
from orchestrator.web.import_models import CalendarView, ImportView


@dataclass(frozen=True, slots=True)
class _File:
    """What is to be imported: its bytes, and what the import is told of them."""

    data: bytes
    told: dict[str, str | list[str]] = field(default_factory=dict)


def import_bookings(  # noqa: PLR0913 - what a source is made of
    *,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|URL", help="iCalendar, CSV or JSON; - is stdin.")
    ] = None,
    feed: Annotated[
        str | None, typer.Option(help="Instead: a [[feed]] of the configuration, as it is there.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Of all entries: its id, or site/id.")] = None,
    place: Annotated[
        list[str] | None, typer.Option(help='A name there and the device here: "Room 1=vr-1".')
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Whose bookings these are. Default: by the file's name or the URL."),
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Default: as the file looks.")
    ] = None,
    free: Annotated[
        Literal["skip", "block"] | None,
        typer.Option(help="What becomes of entries that are shown as free."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good entries where others are faulty.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Make the bookings of another system what its file says: added, changed, cancelled."""
    with _desk(config) as (desk, configuration):
        if (file is None) == (feed is None):
            raise Refused("Name either a file, a URL or, with --feed, a feed.")
        found = _of_feed(configuration, feed, desk.today()) if feed else _of_file(file or "")
        told = found.told | {
            key: value
            for key, value in (
                ("device", device),
                ("place", place),
                ("source", source),
                ("format", format_),
                ("free", free),
            )
            if value
        }
        told |= {"partial": str(partial).lower()} if partial else {}
        told |= {"dry_run": "true"} if dry_run else {}
        view = desk.counter.ask(
            "POST",
            ("bookings", "import"),
            ImportView,
            body=found.data,
            params=told,
            within=WITHIN + 30,
        )
    _tell(view, as_json=as_json)
    if not view.done and not dry_run:
        raise typer.Exit(USAGE)


def export_bookings(
    *,
    since: Annotated[str, typer.Option("--from", help='Local: "2026-11-25 00:00"; or now.')],
    until: Annotated[str, typer.Option("--to", help="Likewise.")],
    device: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. Default: standard output.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write what is booked as iCalendar, which names nobody."""
    with desk_at(config) as desk:
        span = {
            "ends_after": desk.moment(since).isoformat(),
            "starts_before": desk.moment(until).isoformat(),
        }
        only = {"device": device} if device is not None else {}
        view = desk.counter.ask("GET", ("calendar",), CalendarView, params=span | only)
        data = view.calendar.encode()
        if output is None:
            sys.stdout.buffer.write(data)
            return
        try:
            output.write_bytes(data)
        except OSError as error:
            raise Refused(f"{output}: {error.strerror}.") from None
    plural = "" if view.bookings == 1 else "s"
    typer.echo(f"{output}: {view.bookings} booking{plural}.")


@contextmanager
def _desk(path: Path) -> Iterator[tuple[Desk, Configuration]]:
    with desk_at(path) as desk:
        yield desk, load(path, os.environ)


def _of_file(name: str) -> _File:
    """Return a file, or what a URL gives. Raises Refused."""
    if is_url(name):
        data = read_url(name)
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        return _File(data, {"source": f"url-{digest}"})
    if name == "-":
        return _File(sys.stdin.buffer.read(MAX_SIZE + 1), {"source": "stdin"})
    return _File(read_file(name), {"source": source_of_file(Path(name).name)})


def _of_feed(config: Configuration, name: str, today: date) -> _File:
    """Return what a configured feed gives, and how it is meant. Raises Refused."""
    section = next((feed for feed in config.feed if feed.id == name), None)
    if section is None or section.kind != "bookings":
        raise Refused(f"There is no [[feed]] of bookings called {name!r}.")
    told: dict[str, str | list[str]] = {
        "source": section.id,
        "site": section.site,
        "free": section.free,
        "place": [f"{there}={here}" for there, here in section.meant.items()],
    }
    if section.address:
        told["device"] = section.address
    if section.format:
        told["format"] = section.format
    if section.partial:
        told["partial"] = "true"
    try:
        return _File(read_url(dated(section.read_url(), today)), told)
    except UrlUnknown as error:
        raise Refused(str(error)) from None


def _tell(view: ImportView, *, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json(indent=1))
        return
    for fault in view.faults:
        typer.echo(fault, err=True)
    if view.fault_count > len(view.faults):
        typer.echo(f"… and {view.fault_count - len(view.faults)} more.", err=True)
    typer.echo(view.message)
    passed = {
        "cancelled": view.cancelled,
        "shown as free": view.free,
        "over": view.past,
        "too far ahead or past": view.outside,
    }
    said = ", ".join(f"{number} {why}" for why, number in passed.items() if number)
    if said:
        typer.echo(f"Passed over: {said}.")
