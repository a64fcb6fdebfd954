"""`laitevuoro booking …`: what is booked, and changing it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter

from orchestrator.booking_options import (
    AlthoughWaiting,
    Card,
    Device,
    Group,
    Id,
    Kind,
    NoCard,
    OverClosing,
    Party,
    Why,
    read_card,
    seconds,
)
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.counter import Refused
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.domain.bookings import LIVE
from orchestrator.domain.series import Every
from orchestrator.web.booking_models import NewBlock, NewSeries, SeriesView
from orchestrator.web.models import BookingView, ChangeView, NewBooking, NewEnd

#: How far `list` looks ahead where it is not told.
LISTED = timedelta(days=14)

app = typer.Typer(no_args_is_help=True, help="Book turns, and change what is booked.")

Start = Annotated[str, typer.Option(help='Local: "2026-11-25 14:00"; or with offset; or now.')]
End = Annotated[str | None, typer.Option(help="Likewise.")]
Length = Annotated[str | None, typer.Option("--for", help="Instead of --end: 90min, 2h.")]
_LIST: TypeAdapter[list[BookingView]] = TypeAdapter(list[BookingView])
_CHANGES: TypeAdapter[list[ChangeView]] = TypeAdapter(list[ChangeView])


@app.command()
def add(  # noqa: PLR0913 - what a booking is made of
    *,
    start: Start,
    device: Device = None,
    kind: Kind = None,
    group: Group = None,
    end: End = None,
    length: Length = None,
    party: Party = None,
    every: Annotated[Every | None, typer.Option(help="Again and again, so far apart.")] = None,
    times: Annotated[int | None, typer.Option(help="With --every: how many turns.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="With --every: not all or none.")
    ] = False,
    card_file: Card = None,
    no_card: NoCard = False,
    over_closing: OverClosing = False,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Book a turn, or with --every a series."""
    with desk_at(config) as desk:
        starts_at = desk.moment(start)
        new = NewBooking(
            device=device,
            kind=kind,
            starts_at=starts_at,
            ends_at=desk.end(starts_at, end, length),
            target_group=group,
            party_size=party,
            card=read_card(card_file),
            no_card=no_card,
            over_closing=over_closing,
            why=why,
        )
        if every is None and times is None and not partial:
            change = desk.counter.ask("POST", ("bookings",), ChangeView, body=new)
            desk.tell("Booked", change, as_json=as_json)
            return
        if every is None or times is None:
            raise Refused("A series takes both --every and --times.")
        series = NewSeries(**dict(new), every=every, times=times, partial=partial)
        made = desk.counter.ask("POST", ("bookings", "series"), SeriesView, body=series)
        _tell_series(desk, made, as_json=as_json)


@app.command("list")
def list_bookings(
    device: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Default: now.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: in 14 days.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cancelled ones too.")] = False,  # noqa: FBT002 - a flag
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """List bookings."""
    with desk_at(config) as desk:
        first = desk.moment(since or "now")
        last = desk.moment(until) if until else first + LISTED
        span = {"ends_after": first.isoformat(), "starts_before": last.isoformat()}
        only = {"device": device} if device is not None else {}
        found = [
            booking
            for booking in desk.counter.ask("GET", ("bookings",), _LIST, params=span | only)
            if everything or booking.state in LIVE
        ]
        tell_list(found, _LIST, desk.line, "Nothing is booked.", as_json=as_json)


@app.command()
def cancel(
    booking: Annotated[str | None, typer.Argument(metavar="[ID]", help="The booking's id.")] = None,
    series: Annotated[str | None, typer.Option(help="Instead: all that is left of it.")] = None,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Cancel a booking, or what is left of a series or block. A running turn ends."""
    with desk_at(config) as desk:
        reason = {} if why is None else {"why": why}
        if booking is not None and series is None:
            path: tuple[str, ...] = ("bookings", booking)
            change = desk.counter.ask("DELETE", path, ChangeView, params=reason)
            desk.tell("Cancelled", change, as_json=as_json)
            return
        if booking is not None or series is None:
            raise Refused("Give either the ID of a booking or --series.")
        path = ("bookings", "series", series)
        changes = desk.counter.ask("DELETE", path, _CHANGES, params=reason)
        _tell_all(desk, "Cancelled", changes, as_json=as_json)


@app.command()
def extend(
    booking: Id,
    end: Annotated[str | None, typer.Option(help="The new end; earlier is fine too.")] = None,
    by: Annotated[str | None, typer.Option(help="Instead: so much more time, 15min.")] = None,
    although_waiting: AlthoughWaiting = False,  # noqa: FBT002 - a flag
    over_closing: OverClosing = False,  # noqa: FBT002 - a flag
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Give a booking another end."""
    with desk_at(config) as desk:
        if (end is None) == (by is None):
            raise Refused("Give either --end or --by.")
        until = (
            {"more_seconds": seconds(by)} if by is not None else {"ends_at": desk.moment(end or "")}
        )
        new = NewEnd.model_validate(
            until | {"although_waiting": although_waiting, "over_closing": over_closing, "why": why}
        )
        change = desk.counter.ask("PATCH", ("bookings", booking), ChangeView, body=new)
        desk.tell("Changed", change, as_json=as_json)


@app.command()
def block(
    device: Annotated[list[str], typer.Option(help="Its id, or site/id; several times.")],
    start: Start,
    end: End = None,
    length: Length = None,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Keep devices free of turns, all of them or none. Ends by `cancel --series`."""
    with desk_at(config) as desk:
        starts_at = desk.moment(start)
        new = NewBlock(
            devices=tuple(device),
            starts_at=starts_at,
            ends_at=desk.end(starts_at, end, length),
            why=why,
        )
        changes = desk.counter.ask("POST", ("bookings", "blocks"), _CHANGES, body=new)
        _tell_all(desk, "Blocked", changes, as_json=as_json)


def _tell_all(desk: Desk, done: str, changes: list[ChangeView], *, as_json: bool) -> None:
    if as_json:
        typer.echo(_CHANGES.dump_json(changes, indent=1).decode())
        return
    for change in changes:
        desk.tell(done, change, as_json=False)
    if changes and changes[0].booking.series is not None:
        typer.echo(f"Together they are {changes[0].booking.series}.")


def _tell_series(desk: Desk, made: SeriesView, *, as_json: bool) -> None:
    if as_json:
        typer.echo(made.model_dump_json(indent=1))
        return
    _tell_all(desk, "Booked", list(made.bookings), as_json=False)
    for refused in made.refused:
        typer.echo(f"Not booked, {refused.at}: {refused.error}", err=True)
    if made.code is not None:
        typer.echo(f"The check-in code of all, told this once: {made.code}")
