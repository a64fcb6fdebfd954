"""`laitevuoro event …`: groups on several devices at once, and how many took part."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from pydantic import TypeAdapter

from orchestrator.booking_options import Group, Why, seconds
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.counter import Refused
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.domain.group_events import LONGEST_LABEL, EventState
from orchestrator.domain.local_time import say_length
from orchestrator.web.event_models import (
    Counting,
    EventChangeView,
    EventView,
    NewGroupEvent,
    OtherDevice,
    PeopleAsked,
)

#: How far `list` looks ahead, and back, where it is not told.
LISTED = timedelta(days=28)

app = typer.Typer(no_args_is_help=True, help="Plan group events, and say how many took part.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The event's id, as `list` shows it.")]
Under = Annotated[int | None, typer.Option("--under-18", help="How many of under 18.")]
Over = Annotated[int | None, typer.Option("--over-18", help="How many of 18 or over.")]
Unknown = Annotated[
    int | None, typer.Option("--unknown", help="How many of whom nobody knows that.")
]
Estimated = Annotated[bool, typer.Option("--estimated", help="Nobody counted them.")]
_LIST: TypeAdapter[list[EventView]] = TypeAdapter(list[EventView])


@app.command()
def add(  # noqa: PLR0913 - what an event is made of
    *,
    device: Annotated[list[str], typer.Option(help="Each device: its id, or site/id.")],
    start: Annotated[str, typer.Option(help='Local: "2026-11-25 14:00"; or with offset.')],
    label: Annotated[
        str, typer.Option(help=f"At most {LONGEST_LABEL} letters. Shown to staff; name nobody.")
    ],
    end: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="Instead of --end: 90min, 2h.")
    ] = None,
    group: Group = None,
    rotate: Annotated[
        str | None, typer.Option(help="Participants change places every: 6min.")
    ] = None,
    pause: Annotated[
        str | None, typer.Option(help="Keep the devices free after it: 30min. None: their own.")
    ] = None,
    outside_hours: Annotated[
        bool, typer.Option("--outside-hours", help="The library is opened for it.")
    ] = False,
    not_counted: Annotated[
        str | None, typer.Option(help="Why its people are not counted here.")
    ] = None,
    under: Under = None,
    over: Over = None,
    unknown: Unknown = None,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Plan an event on all its devices, or on none. People told now are an estimate."""
    with desk_at(config) as desk:
        starts_at = desk.moment(start)
        told = (under, over, unknown) != (None, None, None)
        people = _people(under, over, unknown, estimated=True, why=None) if told else None
        new = NewGroupEvent(
            devices=tuple(device),
            starts_at=starts_at,
            ends_at=desk.end(starts_at, end, length),
            label=label,
            target_group=group,
            rotate=seconds(rotate),
            buffer=seconds(pause),
            outside_hours=outside_hours,
            not_counted=not_counted,
            people=people,
            why=why,
        )
        made = desk.counter.ask("POST", ("events",), EventChangeView, body=new)
        _changed(desk, "Planned", made, as_json=as_json)
        typer.echo("The label is kept with the event: it must name nobody.", err=True)


@app.command("list")
def list_events(
    since: Annotated[str | None, typer.Option("--from", help="Default: 28 days ago.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: in 28 days.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cancelled ones too.")] = False,  # noqa: FBT002 - a flag
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """List events, with how many took part; a dash where nobody has told."""
    with desk_at(config) as desk:
        now = desk.moment("now")
        first = desk.moment(since) if since else now - LISTED
        last = desk.moment(until) if until else max(now, first) + LISTED
        span = {"ends_after": first.isoformat(), "starts_before": last.isoformat()}
        found = [
            event
            for event in desk.counter.ask("GET", ("events",), _LIST, params=span)
            if everything or event.state is EventState.PLANNED
        ]
        tell_list(found, _LIST, partial(_line, desk), "No event is planned.", as_json=as_json)


@app.command()
def show(event: Id, config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """Show an event: its turns, all figures that were told, and what its devices saw."""
    with desk_at(config) as desk:
        found = desk.counter.ask("GET", ("events", event), EventView)
        if as_json:
            typer.echo(found.model_dump_json(indent=1))
            return
        _show(desk, found)


@app.command()
def participants(
    event: Id,
    under: Under = None,
    over: Over = None,
    unknown: Unknown = None,
    estimated: Estimated = False,  # noqa: FBT002 - a flag
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Say who took part, all figures at once. A correction needs --why; nothing is lost by it."""
    with desk_at(config) as desk:
        if (under, over, unknown) == (None, None, None):
            raise Refused("Say how many: --under-18, --over-18, --unknown.")
        asked = _people(under, over, unknown, estimated=estimated, why=why)
        path = ("events", event, "participants")
        _told(desk, desk.counter.ask("PUT", path, EventView, body=asked), as_json=as_json)


@app.command("not-counted")
def not_counted(
    event: Id,
    why: Annotated[str, typer.Option(help="For instance: in the hobby club's own figures.")],
    undo: Annotated[bool, typer.Option("--undo", help="Count them here after all.")] = False,  # noqa: FBT002 - a flag
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Keep an event's people out of the sums, since they are counted elsewhere."""
    with desk_at(config) as desk:
        asked = Counting(counted=undo, why=why)
        path = ("events", event, "counted")
        _told(desk, desk.counter.ask("PUT", path, EventView, body=asked), as_json=as_json)


@app.command("move-device")
def move_device(
    event: Id,
    device: Annotated[str, typer.Option(help="The one that breaks.")],
    to: Annotated[str, typer.Option(help="The one that takes over what is left.")],
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Give an event another device for one of its own."""
    with desk_at(config) as desk:
        asked = OtherDevice(device=device, to=to, why=why)
        path = ("events", event, "devices")
        moved = desk.counter.ask("POST", path, EventChangeView, body=asked)
        _changed(desk, "Moved", moved, as_json=as_json)


@app.command()
def cancel(
    event: Id,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Cancel an event. One that has begun ends now, and is counted."""
    with desk_at(config) as desk:
        params = {} if why is None else {"why": why}
        gone = desk.counter.ask("DELETE", ("events", event), EventChangeView, params=params)
        done = "Cancelled" if gone.state is EventState.CANCELLED else "Ended"
        _changed(desk, done, gone, as_json=as_json)


def _people(
    under: int | None, over: int | None, unknown: int | None, *, estimated: bool, why: str | None
) -> PeopleAsked:
    """Return the figures; what is not named is nobody."""
    return PeopleAsked(
        under_18=under or 0,
        over_18=over or 0,
        unknown=unknown or 0,
        estimated=estimated,
        why=why,
    )


def _changed(desk: Desk, done: str, event: EventChangeView, *, as_json: bool) -> None:
    if as_json:
        typer.echo(event.model_dump_json(indent=1))
        return
    typer.echo(f"{done} {_line(desk, event)}")
    for change in event.changes:
        typer.echo(f"  {change.booking.id}  {change.message}")


def _told(desk: Desk, event: EventView, *, as_json: bool) -> None:
    typer.echo(event.model_dump_json(indent=1) if as_json else _line(desk, event))


def _show(desk: Desk, event: EventView) -> None:
    typer.echo(_line(desk, event))
    if event.rotate is not None:
        typer.echo(f"  places change every {say_length(timedelta(seconds=event.rotate))}")
    for turn in event.turns:
        typer.echo(f"  {desk.line(turn)}")
    for count in event.told:
        told = f"{count.under_18} under 18, {count.over_18} of 18 or over, {count.unknown} unknown"
        marks = ", estimated" if count.estimated else ""
        why = f" ({count.why})" if count.why else ""
        typer.echo(f"  {desk.say(count.at)}  {count.role}: {told}{marks}{why}")
    hours = event.use.active_seconds / 3600
    typer.echo(f"  {event.use.sessions} sessions, {hours:.1f} h in use; sessions are not people")


def _line(desk: Desk, event: EventView) -> str:
    """Return an event as a line."""
    people = "–"
    if event.participants is not None:
        told = event.participants
        people = f"{told.under_18 + told.over_18 + told.unknown} people"
        marks = [
            word
            for word, holds in (("estimated", told.estimated), ("corrected", event.corrected))
            if holds
        ]
        people += f" ({', '.join(marks)})" if marks else ""
    if not event.counted:
        people += f", not counted: {event.not_counted}"
    state = "" if event.state is EventState.PLANNED else f"  {event.state}"
    span = desk.between(event.starts_at, event.ends_at)
    number = len({turn.device for turn in event.turns})
    devices = f"{number} device{'' if number == 1 else 's'}"
    return f"{event.id}  {span:<26}  {devices:<10}  {event.label}  {people}{state}"
