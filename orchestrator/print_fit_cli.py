"""`laitevuoro service fit`: would a print be done in time."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import desk_at
from orchestrator.domain.local_time import parse_length
from orchestrator.web.print_fit_models import PrintFitView


def fit(
    device: Annotated[str, typer.Option(help="Its id, or site/id.")],
    length: Annotated[str, typer.Option("--for", help="As the slicer estimates it: 3h, 200min.")],
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell whether a print would be done in time, and the next turn in which it would."""
    with desk_at(config) as desk:
        seconds = str(round(parse_length(length).total_seconds()))
        asked = {"device": device, "seconds": seconds}
        found = desk.counter.ask("GET", ("print-fit",), PrintFitView, params=asked)
        typer.echo(found.model_dump_json(indent=1) if as_json else found.message)
