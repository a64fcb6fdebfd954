"""`laitevuoro service alarms`: what staff should look into."""

from __future__ import annotations

from functools import partial

from pydantic import TypeAdapter

from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag
from orchestrator.desk_cli import Desk, desk_at, tell_list
from orchestrator.web.alarm_models import AlarmView

_LIST: TypeAdapter[list[AlarmView]] = TypeAdapter(list[AlarmView])


def alarms(config: Config = DEFAULT_CONFIG, as_json: JsonFlag = False) -> None:  # noqa: FBT002 - a flag
    """List the devices that do not do what their plan says, the most urgent first."""
    with desk_at(config) as desk:
        found = desk.counter.ask("GET", ("alarms",), _LIST)
        nothing = "All devices do what their plans say."
        tell_list(found, _LIST, partial(_line, desk), nothing, as_json=as_json)


def _line(desk: Desk, alarm: AlarmView) -> str:
    reason = f" ({alarm.reason})" if alarm.reason else ""
    return f"{alarm.severity:<8}  {alarm.message}{reason}  since {desk.say(alarm.since)}"
