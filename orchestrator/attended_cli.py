"""`laitevuoro turn …`: turns at devices without an agent, which staff begins and ends."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from orchestrator.booking_options import (
    AlthoughWaiting,
    Card,
    Group,
    Guardian,
    NoCard,
    OldEnough,
    OverClosing,
    Party,
    Why,
    read_card,
    seconds,
    yes_or_no,
)
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.counter import Refused
from orchestrator.desk_cli import desk_at
from orchestrator.staff_cli import DeviceName
from orchestrator.web.models import ChangeView
from orchestrator.web.staff_models import NewTurn, NewTurnEnd, TurnOver

app = typer.Typer(no_args_is_help=True, help="Begin and end turns at devices without an agent.")

Request = Annotated[
    str | None, typer.Option(help="An id of yours: asked again, it is done only once.")
]


@app.command()
def start(  # noqa: PLR0913 - what a turn is made of
    device: DeviceName,
    *,
    booking: Annotated[str | None, typer.Option(help="Whose turn it is; none: a walk-in.")] = None,
    group: Group = None,
    party: Party = None,
    length: Annotated[str | None, typer.Option("--for", help="Of a walk-in: 30min.")] = None,
    old_enough: OldEnough = None,
    guardian: Guardian = None,
    card_file: Card = None,
    no_card: NoCard = False,
    although_waiting: AlthoughWaiting = False,
    request: Request = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Begin a turn now: of a booking, or of somebody without one."""
    with desk_at(config) as desk:
        new = NewTurn(
            booking=booking,
            target_group=group,
            party_size=party,
            seconds=seconds(length),
            old_enough=yes_or_no(old_enough, "--old-enough"),
            guardian=yes_or_no(guardian, "--guardian"),
            card=read_card(card_file),
            no_card=no_card,
            although_waiting=although_waiting,
            request=request,
        )
        path = ("attended", *desk.place(device), "start")
        desk.tell("Begun", desk.counter.ask("POST", path, ChangeView, body=new), as_json=as_json)


@app.command()
def extend(  # noqa: PLR0913 - what an end is made of
    device: DeviceName,
    *,
    until: Annotated[str | None, typer.Option("--end", help="The new end.")] = None,
    by: Annotated[str | None, typer.Option(help="Instead: so much more time, 15min.")] = None,
    although_waiting: AlthoughWaiting = False,
    over_closing: OverClosing = False,
    why: Why = None,
    request: Request = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Give the turn in hand another end."""
    with desk_at(config) as desk:
        if (until is None) == (by is None):
            raise Refused("Give either --end or --by.")
        new = NewTurnEnd(
            ends_at=None if until is None else desk.moment(until),
            more_seconds=seconds(by),
            although_waiting=although_waiting,
            over_closing=over_closing,
            why=why,
            request=request,
        )
        path = ("attended", *desk.place(device), "extend")
        change = desk.counter.ask("POST", path, ChangeView, body=new)
        desk.tell("Changed", change, as_json=as_json)


@app.command()
def end(
    device: DeviceName,
    *,
    at: Annotated[str | None, typer.Option(help="When it ended; default: now.")] = None,
    outcome: Annotated[
        Literal["customer", "staff", "closing", "device_fault"] | None,
        typer.Option(help="Why; default: the customer left, or the turn was over."),
    ] = None,
    why: Why = None,
    request: Request = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """End the turn in hand, or tell when one ended that the plan has ended already."""
    with desk_at(config) as desk:
        over = TurnOver(
            ended_at=None if at is None else desk.moment(at),
            outcome=outcome,
            why=why,
            request=request,
        )
        path = ("attended", *desk.place(device), "end")
        desk.tell("Ended", desk.counter.ask("POST", path, ChangeView, body=over), as_json=as_json)
