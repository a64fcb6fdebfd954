"""`laitevuoro`: the commands of an orchestrator's machine."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import structlog
import typer

from orchestrator import (
    alarm_cli,
    attended_cli,
    check_in_cli,
    coverage_cli,
    event_cli,
    hours_cli,
    import_cli,
    logs,
    print_fit_cli,
    queue_cli,
    staff_cli,
    upkeep_cli,
)
from orchestrator.broker.cli import app as broker_app
from orchestrator.cli_options import DEFAULT_CONFIG, USAGE, Config, JsonFlag, refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.notify import Notify

CRASHED = 1
#: New objects until the garbage collector looks through them, 700 by default: a transaction's
#: thousands of events hold no cycles, and searching them costs intake a twentieth.
COLLECT_AFTER = 20_000

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Fair turns on a library's shared equipment.",
)
check_in_cli.app.command("import")(import_cli.import_bookings)
check_in_cli.app.command("export")(import_cli.export_bookings)
app.add_typer(check_in_cli.app, name="booking")
app.add_typer(queue_cli.app, name="queue")
app.add_typer(event_cli.app, name="event")
app.add_typer(hours_cli.app, name="hours")
app.add_typer(attended_cli.app, name="turn")
staff_cli.app.command("fit")(print_fit_cli.fit)
staff_cli.app.command("alarms")(alarm_cli.alarms)
app.add_typer(staff_cli.app, name="service")
app.add_typer(broker_app)
app.add_typer(upkeep_cli.app)
app.command()(coverage_cli.coverage)

_LOG = structlog.get_logger(__name__)


@app.command()
def serve(config: Config = DEFAULT_CONFIG) -> None:
    """Run the orchestrator until SIGTERM or Ctrl-C. SIGHUP reads the credentials again."""
    from orchestrator.app import CanNotServe  # noqa: PLC0415 - no other command needs the web

    configuration = _load(config)
    logs.configure(level=configuration.orchestrator.log_level, stream=sys.stderr)
    gc.set_threshold(COLLECT_AFTER)
    try:
        asyncio.run(_serve(configuration))
    except CanNotServe as error:
        refuse(str(error))
    except Exception:  # noqa: BLE001 - the last word before the process ends
        _LOG.exception("crashed")
        raise typer.Exit(CRASHED) from None


@app.command("check-config")
def check_config(config: Config = DEFAULT_CONFIG) -> None:
    """Read the configuration and print how it is understood."""
    from orchestrator.check_config import described  # noqa: PLC0415 - no other command needs it

    configuration = _load(config)
    typer.echo(f"{config} is understood so:")
    for line in described(configuration, datetime.now(configuration.zone).date()):
        typer.echo(line)


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option("--for", help="End after so many seconds; else on Ctrl-C.")
    ] = None,
    speed: Annotated[int, typer.Option(help="Customers and turns so much faster: 1 to 10.")] = 1,
    octoprint: Annotated[bool, typer.Option(help="With a real OctoPrint.")] = False,  # noqa: FBT002 - a flag
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Show the whole loop on this machine, from devices to figures."""
    from orchestrator.demo import Options, run  # noqa: PLC0415 - no other command needs rich

    options = Options(seconds=seconds, speed=speed, octoprint=octoprint, json=as_json)
    raise typer.Exit(run(options))


@app.command()
def rehearse(
    seed: Annotated[int, typer.Option(help="The same seed spoils the same things again.")] = 1,
    events: Annotated[int, typer.Option(help="How many events there are to be, at least.")] = 1000,
    broker: Annotated[
        Literal["nats", "mosquitto"], typer.Option(help="The broker to rehearse with.")
    ] = "nats",
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Spoil a library of scripted devices in every way, and hold its count against the truth."""
    from orchestrator.rehearsal.run import Options, run  # noqa: PLC0415 - no other command needs it

    options = Options(seed=seed, events=events, broker=broker, json=as_json)
    raise typer.Exit(run(options))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    try:
        code = app(args=arguments, prog_name="laitevuoro", standalone_mode=False)
    except typer.TyperException as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return USAGE
    except typer.Abort:
        return CRASHED
    return code if isinstance(code, int) else 0


async def _serve(config: Configuration) -> None:
    from orchestrator.app import Edges, Signals, serve  # noqa: PLC0415 - no other command needs the web

    signals = Signals(stop=asyncio.Event(), reload=asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.stop.set)
    loop.add_signal_handler(signal.SIGHUP, signals.reload.set)
    edges = Edges(ready=gc.freeze)
    await serve(config, signals=signals, notify=Notify(), edges=edges)


def _load(path: Path) -> Configuration:
    try:
        return load(path, os.environ)
    except InvalidConfiguration as error:
        refuse(str(error))
