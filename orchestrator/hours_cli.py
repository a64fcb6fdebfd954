"""`laitevuoro hours …`: when libraries are open."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter

from orchestrator.calendars.hours_reading import HoursFormat, dated
from orchestrator.calendars.reading import WITHIN
from orchestrator.cli_options import DEFAULT_CONFIG, USAGE, Config, JsonFlag
from orchestrator.counter import Refused
from orchestrator.desk_cli import desk_at
from orchestrator.domain.opening_hours import Source
from orchestrator.domain.policy_words import DAYS
from orchestrator.source_cli import is_url, read_file, read_url
from orchestrator.web.hours_models import HoursImportView, HoursView

#: How far `show` looks ahead where it is not told.
SHOWN = timedelta(days=13)
_SOURCES = {
    Source.EXCEPTION: "an exception",
    Source.IMPORT: "imported",
    Source.WEEKLY: "weekly",
    Source.ALWAYS: "no hours are known, so it is always open",
    Source.UNKNOWN: "not imported, so it is closed",
}
_LIST: TypeAdapter[list[HoursView]] = TypeAdapter(list[HoursView])

app = typer.Typer(no_args_is_help=True, help="When libraries are open.")

Site = Annotated[str, typer.Option(help="The library's id.")]


@app.command()
def show(
    site: Site,
    since: Annotated[str | None, typer.Option("--from", help="A day; default: today.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: 13 days later.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Show a library's hours, where they are from, and public holidays."""
    with desk_at(config) as desk:
        first = _day(since) if since else desk.today()
        last = _day(until) if until else min(first, date.max - SHOWN) + SHOWN
        days = desk.counter.ask(
            "GET",
            ("hours", site),
            _LIST,
            params={"first": first.isoformat(), "last": last.isoformat()},
        )
        if as_json:
            typer.echo(_LIST.dump_json(days, indent=1, by_alias=True).decode())
            return
        width = max(len(_spans(day)) for day in days)
        for day in days:
            typer.echo(_line(day, width))


@app.command("import")
def import_hours(
    *,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="What to read.")],
    site: Site,
    form: Annotated[
        HoursFormat | None, typer.Option("--format", help="Default: as the file looks.")
    ] = None,
    library: Annotated[
        str | None, typer.Option(help="Its number in Kirkanta, where the file lists several.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good entries where others are faulty.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Import a library's hours, from Kirkanta or an iCalendar file."""
    with desk_at(config) as desk:
        url = is_url(source)
        data = read_url(dated(source, desk.today())) if url else read_file(source)
        params = {"partial": "true" if partial else "false"}
        params |= {"format": form} if form else {}
        params |= {"library": library} if library else {}
        done = desk.counter.ask(
            "POST",
            ("hours", site, "import"),
            HoursImportView,
            body=data,
            params=params,
            within=WITHIN + 20,
        )
    if as_json:
        typer.echo(done.model_dump_json(indent=1, by_alias=True))
    else:
        _tell(done)
    if not done.done:
        raise typer.Exit(USAGE)


def _tell(done: HoursImportView) -> None:
    for fault in done.faults:
        typer.echo(fault, err=True)
    if done.fault_count > len(done.faults):
        typer.echo(f"… and {done.fault_count - len(done.faults)} more.", err=True)
    typer.echo(done.message, err=not done.done)
    for day in done.on_holidays:
        typer.echo(f"Open on a public holiday: {_line(day)}")
    if done.stranded:
        typer.echo(
            f"No longer within the hours: {done.stranded_count} booked turns "
            f"({', '.join(done.stranded)}). Move or cancel them."
        )


def _spans(day: HoursView) -> str:
    spans = (
        f"{span.from_}–{span.to}{'' if span.staffed else ' self-service'}" for span in day.spans
    )
    return ", ".join(spans) or "closed"


def _line(day: HoursView, width: int = 0) -> str:
    """Return a day as a line of a list."""
    notes = [_SOURCES[day.source], day.note]
    if day.holiday is not None:
        notes.append(f"public holiday: {day.holiday}")
    said = "; ".join(note for note in notes if note)
    return f"{DAYS[day.day.weekday()]} {day.day}  {_spans(day):<{width}}  {said}"


def _day(text: str) -> date:
    """Return the day that was written. Raises Refused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"{text!r} is no day; write it as '2026-12-24'.") from None
