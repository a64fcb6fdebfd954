"""`laitevuoro booking …`: the desk's commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError

from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag, refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.counter import Counter, Refused, counter_of
from orchestrator.domain.bookings import LIVE, BookingState
from orchestrator.domain.local_time import InvalidTime, parse_length, parse_moment, say_moment
from orchestrator.web.models import BookingView, ChangeView, NewBooking, NewEnd

#: How far `list` looks ahead where it is not told.
LISTED = timedelta(days=14)

app = typer.Typer(no_args_is_help=True, help="Book turns, and change what is booked.")

Device = Annotated[str, typer.Option(help="Its id, or site/id.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The booking's id, as `list` shows it.")]
_LIST: TypeAdapter[list[BookingView]] = TypeAdapter(list[BookingView])


@app.command()
def add(
    device: Device,
    start: Annotated[str, typer.Option(help='Local: "2026-11-25 14:00"; or with offset; or now.')],
    group: Annotated[str, typer.Option(help="The target group.")],
    end: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="Instead of --end: 90min, 2h.")
    ] = None,
    party: Annotated[int | None, typer.Option(help="How many people.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Book a turn."""
    with _desk(config) as desk:
        starts_at = desk.moment(start)
        new = NewBooking(
            device=device,
            starts_at=starts_at,
            ends_at=desk.end(starts_at, end, length),
            target_group=group,
            party_size=party,
        )
        desk.tell(
            "Booked", desk.counter.ask("POST", ("bookings",), ChangeView, body=new), as_json=as_json
        )


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
    with _desk(config) as desk:
        first = desk.moment(since or "now")
        last = desk.moment(until) if until else first + LISTED
        span = {"ends_after": first.isoformat(), "starts_before": last.isoformat()}
        only = {"device": device} if device is not None else {}
        found = [
            booking
            for booking in desk.counter.ask("GET", ("bookings",), _LIST, params=span | only)
            if everything or booking.state in LIVE
        ]
        if as_json:
            typer.echo(_LIST.dump_json(found, indent=1).decode())
            return
        for booking in found:
            typer.echo(desk.line(booking))
        if not found:
            typer.echo("Nothing is booked.", err=True)


@app.command()
def cancel(booking: Id, config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """Cancel a booking. A running turn ends."""
    with _desk(config) as desk:
        desk.tell(
            "Cancelled",
            desk.counter.ask("DELETE", ("bookings", booking), ChangeView),
            as_json=as_json,
        )


@app.command()
def extend(
    booking: Id,
    end: Annotated[str | None, typer.Option(help="The new end; earlier is fine too.")] = None,
    by: Annotated[str | None, typer.Option(help="Instead: so much more time, 15min.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Give a booking another end."""
    with _desk(config) as desk:
        if (end is None) == (by is None):
            raise Refused("Give either --end or --by.")
        if by is not None:
            new = NewEnd(more_seconds=int(parse_length(by).total_seconds()))
        else:
            new = NewEnd(ends_at=desk.moment(end or ""))
        desk.tell(
            "Changed",
            desk.counter.ask("PATCH", ("bookings", booking), ChangeView, body=new),
            as_json=as_json,
        )


class _Desk:
    """Where a person stands: whom to ask, and in which words to answer."""

    def __init__(self, *, counter: Counter, zone: ZoneInfo) -> None:
        self.counter = counter
        self._zone = zone

    def moment(self, text: str) -> datetime:
        """Return the time that was written. Raises InvalidTime."""
        return parse_moment(text, self._zone, now=datetime.now(UTC))

    def end(self, starts_at: datetime, end: str | None, length: str | None) -> datetime:
        """Return the end, by its own time or by the length. Raises InvalidTime, Refused."""
        if (end is None) == (length is None):
            raise Refused("Give either --end or --for.")
        if length is not None:
            return starts_at + parse_length(length)
        return self.moment(end or "")

    def tell(self, done: str, change: ChangeView, *, as_json: bool) -> None:
        """Say what was done, and how far that has come."""
        if as_json:
            typer.echo(change.model_dump_json(indent=1))
            return
        booking = change.booking
        typer.echo(f"{done} {booking.id}: {booking.name}, {self._span(booking)}. {change.message}")

    def line(self, booking: BookingView) -> str:
        """Return a booking as a line of a list."""
        people = f"{booking.party_size} × " if booking.party_size else ""
        state = "" if booking.state is BookingState.BOOKED else f"  {booking.state}"
        where = f"{booking.site}/{booking.device}"
        return (
            f"{booking.id}  {where:<24}  {self._span(booking):<26}"
            f"  {people}{booking.target_group or '–'}{state}"
        )

    def _span(self, booking: BookingView) -> str:
        first = say_moment(booking.starts_at, self._zone)
        last = say_moment(booking.ends_at, self._zone, beside=booking.starts_at)
        return f"{first} to {last}"


@contextmanager
def _desk(path: Path) -> Iterator[_Desk]:
    """Give the desk of a configuration; a refusal is one sentence and exit code 2."""
    try:
        config: Configuration = load(path, os.environ)
        with counter_of(config) as counter:
            yield _Desk(counter=counter, zone=config.zone)
    except (InvalidConfiguration, InvalidTime, Refused) as error:
        refuse(str(error))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        refuse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
