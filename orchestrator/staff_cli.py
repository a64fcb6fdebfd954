"""`laitevuoro service …`: what staff says of a device, and the staff's code of today."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer
from pydantic import BaseModel, TypeAdapter

from orchestrator.booking_options import Why, seconds
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.domain.local_time import parse_length
from orchestrator.web.models import ChangeView
from orchestrator.web.staff_models import (
    Cleared,
    NewNotice,
    OutOfService,
    Remark,
    SaidView,
    StaffCodeView,
    StaffWordsView,
)

app = typer.Typer(no_args_is_help=True, help="Say what holds for a device.")

DeviceName = Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, or site/id.")]
Reason = Annotated[
    Literal["fault", "maintenance", "cleaning", "other"], typer.Option(help="Why it can't be used.")
]
_LIST: TypeAdapter[list[StaffWordsView]] = TypeAdapter(list[StaffWordsView])


@app.command()
def out(
    device: DeviceName,
    reason: Reason = "other",
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Take a device out of service. A turn that runs there ends at once: move it first.

    Bookings ahead stay, and nobody can begin them before it is back; move those that can't wait.
    At a device without an agent staff ends the turn that runs.
    """
    with desk_at(config) as desk:
        said = _say(desk, device, "out", body=OutOfService(reason=reason, why=why))
        _tell(f"{said.name} is out of service: {said.out_of_service}", said, as_json=as_json)


@app.command()
def back(
    device: DeviceName,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Put a device back into service."""
    with desk_at(config) as desk:
        said = _say(desk, device, "back", body=Remark(why=why))
        _tell(f"{said.name} is in service", said, as_json=as_json)


@app.command()
def clear(
    device: DeviceName,
    session: Annotated[
        str | None, typer.Option(help="Whose part; else the one that the device tells of.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell that a finished part was taken off a device, so that it is free."""
    with desk_at(config) as desk:
        said = _say(desk, device, "clear", body=Cleared(session=session))
        _tell(f"{said.name} is cleared", said, as_json=as_json)


@app.command()
def notice(
    device: DeviceName,
    phrase: Annotated[str, typer.Argument(metavar="PHRASE", help="E.g. come_to_desk, closes_in.")],
    length: Annotated[str, typer.Option("--for", help="How long it is shown: 15min.")] = "15min",
    left: Annotated[
        str | None, typer.Option("--in", help="The time that the phrase tells: closes in 10min.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Have a device show a phrase."""
    with desk_at(config) as desk:
        new = NewNotice(
            phrase=phrase,
            until=desk.moment("now") + parse_length(length),
            seconds=seconds(left),
        )
        said = _say(desk, device, "notices", body=new)
        _tell(f"Notice {said.notices[-1].id}: {phrase}", said, as_json=as_json)


@app.command()
def withdraw(
    device: DeviceName,
    notice_id: Annotated[str, typer.Argument(metavar="NOTICE", help="As `list` shows it.")],
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Take a notice back."""
    with desk_at(config) as desk:
        said = _say(desk, device, "notices", notice_id, method="DELETE")
        _tell(f"Withdrawn {notice_id}", said, as_json=as_json)


@app.command()
def end(
    device: DeviceName,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """End the turn that runs at a device, at once and without grace."""
    with desk_at(config) as desk:
        path = ("service", *desk.place(device), "end")
        change = desk.counter.ask("POST", path, ChangeView, body=Remark(why=why))
        desk.tell("Ended", change, as_json=as_json)


@app.command("list")
def list_words(config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """List the devices that are out of service or show a notice."""
    with desk_at(config) as desk:
        found = desk.counter.ask("GET", ("service",), _LIST)
        nothing = "All devices are in service."
        tell_list(found, _LIST, partial(_line, desk), nothing, as_json=as_json)


@app.command()
def code(
    site: Annotated[str, typer.Option(help="The site's id.")],
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Show the staff's code of today, which opens a site's devices by hand. It is noted."""
    with desk_at(config) as desk:
        shown = desk.counter.ask("POST", ("staff-codes", site), StaffCodeView)
        if as_json:
            typer.echo(shown.model_dump_json(indent=1))
            return
        typer.echo(f"{shown.words}  ({shown.site}, {shown.day})")


def _say(
    desk: Desk, device: str, *what: str, body: BaseModel | None = None, method: str = "POST"
) -> SaidView:
    return desk.counter.ask(method, ("service", *desk.place(device), *what), SaidView, body=body)


def _tell(done: str, said: SaidView, *, as_json: bool) -> None:
    typer.echo(said.model_dump_json(indent=1) if as_json else f"{done}. {said.message}")


def _line(desk: Desk, words: StaffWordsView) -> str:
    shown = "".join(
        f"  {each.phrase} until {desk.say(each.until)} ({each.id})" for each in words.notices
    )
    state = f"  out of service: {words.out_of_service}" if words.out_of_service else ""
    return f"{words.site + '/' + words.device:<24}  {words.name}{state}{shown}"
