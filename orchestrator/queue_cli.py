"""`laitevuoro queue …`: turns for customers without a booking, in the order in which they came."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from orchestrator.booking_options import (
    Card,
    Group,
    Guardian,
    NoCard,
    OldEnough,
    Party,
    read_card,
    yes_or_no,
)
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.domain.queue import TicketState
from orchestrator.web.models import ChangeView
from orchestrator.web.queue_models import Acceptance, InLine, JoinedView, NewNumber, NumberView

app = typer.Typer(no_args_is_help=True, help="Give out numbers, and see who is next.")

KindOf = Annotated[str, typer.Option("--kind", help="The kind of device, or site/kind.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="As `list` shows it.")]
_LIST: TypeAdapter[list[NumberView]] = TypeAdapter(list[NumberView])


@app.command()
def join(
    kind: KindOf,
    group: Group = None,
    party: Party = None,
    card_file: Card = None,
    no_card: NoCard = False,  # noqa: FBT002 - a flag
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Give a customer a number; where a device is free, it is held for them at once."""
    with desk_at(config) as desk:
        new = NewNumber(
            kind=kind,
            target_group=group,
            party_size=party,
            card=read_card(card_file),
            no_card=no_card,
        )
        joined = desk.counter.ask("POST", ("queue",), JoinedView, body=new)
        if as_json:
            typer.echo(joined.model_dump_json(indent=1))
            return
        typer.echo(_said(desk, joined))
        if joined.code is not None:
            typer.echo(f"The check-in code, told this once: {joined.code}")


@app.command("list")
def list_numbers(
    kind: Annotated[str | None, typer.Option(help="Only this, or site/kind.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """List who waits, the first in line first, and how long it is likely to take."""
    with desk_at(config) as desk:
        params = {"kind": kind} if kind is not None else {}
        _tell(desk, desk.counter.ask("GET", ("queue",), _LIST, params=params), as_json=as_json)


@app.command()
def call(kind: KindOf, config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """Offer what is free to the first in line, where that was not done yet."""
    with desk_at(config) as desk:
        body = InLine(kind=kind)
        _tell(desk, desk.counter.ask("POST", ("queue", "call"), _LIST, body=body), as_json=as_json)


@app.command()
def accept(
    number: Number,
    kind: KindOf,
    old_enough: OldEnough = None,
    guardian: Guardian = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Note that a number's customer has come for the turn that is held."""
    with desk_at(config) as desk:
        asked = Acceptance(
            kind=kind,
            old_enough=yes_or_no(old_enough, "--old-enough"),
            guardian=yes_or_no(guardian, "--guardian"),
        )
        path = ("queue", str(number), "accept")
        change = desk.counter.ask("POST", path, ChangeView, body=asked)
        desk.tell("Checked in", change, as_json=as_json)


@app.command()
def leave(
    number: Number,
    kind: KindOf,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Give up a number. A turn that is held for it goes to the next in line."""
    _give_up("leave", number, kind, config, as_json=as_json)


@app.command()
def skip(
    number: Number,
    kind: KindOf,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Take back the offer of somebody who did not come; it goes to the next in line."""
    _give_up("skip", number, kind, config, as_json=as_json)


def _give_up(how: str, number: int, kind: str, config: Path, *, as_json: bool) -> None:
    with desk_at(config) as desk:
        path, body = ("queue", str(number), how), InLine(kind=kind)
        _tell(desk, [desk.counter.ask("POST", path, NumberView, body=body)], as_json=as_json)


def _tell(desk: Desk, numbers: list[NumberView], *, as_json: bool) -> None:
    tell_list(numbers, _LIST, partial(_said, desk), "Nobody waits.", as_json=as_json)


def _said(desk: Desk, number: NumberView) -> str:
    """Return a number as a line."""
    people = f", {number.party_size} people" if (number.party_size or 1) > 1 else ""
    name = f"{number.site}/{number.kind} {number.number}{people}"
    turn = number.turn
    if number.state is TicketState.OFFERED and turn is not None:
        until = f", held until {desk.say(turn.hold_until)}" if turn.hold_until else ""
        return f"{name}: {turn.name}, {desk.span(turn)}{until}"
    if number.state is not TicketState.WAITING:
        return f"{name}: {number.state}"
    if number.expected_at is None or number.wait_seconds is None:
        return f"{name}: no turn is foreseen today"
    minutes = -(-number.wait_seconds // 60)
    return f"{name}: in about {minutes} min, {desk.say(number.expected_at)}"
