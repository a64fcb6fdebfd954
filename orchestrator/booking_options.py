"""Options that several commands about bookings share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.counter import Refused
from orchestrator.domain.local_time import parse_length

#: More is no card's number; a whole file by mistake is not read.
_MOST = 80

Id = Annotated[str, typer.Argument(metavar="ID", help="The booking's id, as `list` shows it.")]
Device = Annotated[str | None, typer.Option(help="Its id, or site/id.")]
Kind = Annotated[str | None, typer.Option(help="Instead: any device of a kind, or of site/kind.")]
Group = Annotated[str | None, typer.Option(help="The target group; none: not declared.")]
Party = Annotated[int | None, typer.Option(help="How many people.")]
Why = Annotated[str | None, typer.Option(help="For the audit log; never a person's name.")]
Card = Annotated[
    Path | None,
    typer.Option("--card-file", help="A file with the library card's number; -: standard input."),
]
NoCard = Annotated[bool, typer.Option("--no-card", help="The customer has none.")]
AlthoughWaiting = Annotated[
    bool, typer.Option("--although-waiting", help="Others in the queue wait longer for it.")
]
OverClosing = Annotated[
    bool, typer.Option("--over-closing", help="Let it run on after closing, by staff's leave.")
]
OldEnough = Annotated[str | None, typer.Option(help="yes or no: is everybody of the device's age?")]
Guardian = Annotated[
    str | None, typer.Option(help="yes or no: old enough to come alone, or a guardian consents?")
]


def read_card(path: Path | None) -> str | None:
    """Return a card's number, which no command line ever holds. Raises Refused."""
    if path is None:
        return None
    try:
        if str(path) == "-":
            return sys.stdin.readline(_MOST).strip()
        with path.open(encoding="utf-8") as file:
            return file.readline(_MOST).strip()
    except (OSError, UnicodeDecodeError):
        raise Refused(f"{path}: the card's number can't be read from there.") from None


def seconds(length: str | None) -> int | None:
    """Return a length, as `15min`, in seconds. Raises InvalidTime."""
    return None if length is None else int(parse_length(length).total_seconds())


def yes_or_no(text: str | None, option: str) -> bool | None:
    """Return an answer. Raises Refused."""
    if text is None:
        return None
    if text.lower() not in {"yes", "no"}:
        raise Refused(f"{option} is yes or no, not {text!r}.")
    return text.lower() == "yes"
