"""`laitevuoro booking …`: when customers come, when a device breaks, and who did what."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from pydantic import TypeAdapter

from orchestrator import booking_cli
from orchestrator.booking_options import (
    AlthoughWaiting,
    Card,
    Device,
    Group,
    Guardian,
    Id,
    Kind,
    NoCard,
    OldEnough,
    Party,
    Why,
    read_card,
    seconds,
    yes_or_no,
)
from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.web.booking_models import AgeAnswers, AuditView, MovedView, NewPlace, NewWalkIn
from orchestrator.web.models import ChangeView

#: The same commands' group, with more of them.
app = booking_cli.app

_AUDIT: TypeAdapter[list[AuditView]] = TypeAdapter(list[AuditView])


@app.command("check-in")
def check_in(
    booking: Id,
    old_enough: OldEnough = None,
    guardian: Guardian = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Note that a booking's customer has come."""
    with desk_at(config) as desk:
        asked = AgeAnswers(
            old_enough=yes_or_no(old_enough, "--old-enough"),
            guardian=yes_or_no(guardian, "--guardian"),
        )
        path = ("bookings", booking, "check-in")
        desk.tell(
            "Checked in", desk.counter.ask("POST", path, ChangeView, body=asked), as_json=as_json
        )


@app.command("walk-in")
def walk_in(  # noqa: PLR0913 - what a turn is made of
    *,
    device: Device = None,
    kind: Kind = None,
    group: Group = None,
    length: Annotated[str | None, typer.Option("--for", help="Default: as long as may be.")] = None,
    party: Party = None,
    old_enough: OldEnough = None,
    guardian: Guardian = None,
    card_file: Card = None,
    no_card: NoCard = False,
    although_waiting: AlthoughWaiting = False,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,
) -> None:
    """Begin a turn now, for who has none booked."""
    with desk_at(config) as desk:
        new = NewWalkIn(
            device=device,
            kind=kind,
            target_group=group,
            party_size=party,
            seconds=seconds(length),
            old_enough=yes_or_no(old_enough, "--old-enough"),
            guardian=yes_or_no(guardian, "--guardian"),
            card=read_card(card_file),
            no_card=no_card,
            although_waiting=although_waiting,
        )
        change = desk.counter.ask("POST", ("bookings", "walk-ins"), ChangeView, body=new)
        desk.tell("Begun", change, as_json=as_json)


@app.command()
def move(
    booking: Id,
    to: Annotated[str | None, typer.Option(help="A device; none: any other of its kind.")] = None,
    why: Why = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Move a booking, or a running turn with the time that it has left, to another device."""
    with desk_at(config) as desk:
        body, path = NewPlace(device=to, why=why), ("bookings", booking, "move")
        desk.tell("Moved", desk.counter.ask("POST", path, MovedView, body=body), as_json=as_json)


@app.command()
def code(booking: Id, config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """Give a booking another check-in code. The old one opens nothing any more."""
    with desk_at(config) as desk:
        change = desk.counter.ask("POST", ("bookings", booking, "code"), ChangeView)
        desk.tell("Changed", change, as_json=as_json)


@app.command()
def audit(
    since: Annotated[str | None, typer.Option("--from", help="Default: a week ago.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: now.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Show who did what, when and why: by role, never by name."""
    with desk_at(config) as desk:
        last = desk.moment(until or "now")
        first = desk.moment(since) if since else last - timedelta(days=7)
        span = {"from": first.isoformat(), "to": last.isoformat()}
        found = desk.counter.ask("GET", ("audit",), _AUDIT, params=span)
        tell_list(found, _AUDIT, partial(_line, desk), "Nothing was done.", as_json=as_json)


def _line(desk: Desk, entry: AuditView) -> str:
    details = "".join(f"  {name}={value}" for name, value in entry.details.items())
    why = f"  ({entry.why})" if entry.why else ""
    when = desk.say(entry.at)
    return f"{when}  {entry.role:<7} {entry.what:<18} {entry.target}{details}{why}"
