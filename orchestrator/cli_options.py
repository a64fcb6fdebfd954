"""What the commands share: options, and how they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

DEFAULT_CONFIG = Path("/etc/laitevuoro/laitevuoro.toml")
#: What was asked can't be done as asked; the sentence says why.
USAGE = 2

Config = Annotated[
    Path,
    typer.Option("--config", envvar="LAITEVUORO_CONFIG", help="The orchestrator's configuration."),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def refuse(sentence: str) -> NoReturn:
    """Say on standard error why something can't be done, and end with exit code 2."""
    typer.echo(sentence, err=True)
    raise typer.Exit(USAGE)
