"""`laitevuoro service alarms`: what staff should look into."""

from __future__ import annotations

import typer
from pydantic import TypeAdapter

from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import desk_at
from orchestrator.web.alarm_models import AlarmView

_LIST: TypeAdapter[list[AlarmView]] = TypeAdapter(list[AlarmView])


def alarms(config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """List the devices that do not do what their plan says, the most urgent first."""
    with desk_at(config) as desk:
        found = desk.counter.ask("GET", ("alarms",), _LIST)
        if as_json:
            typer.echo(_LIST.dump_json(found, indent=1).decode())
            return
        for alarm in found:
            reason = f" ({alarm.reason})" if alarm.reason else ""
            typer.echo(
                f"{alarm.severity:<8}  {alarm.message}{reason}  since {desk.say(alarm.since)}"
            )
        if not found:
            typer.echo("All devices do what their plans say.", err=True)
