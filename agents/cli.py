"""`laitevuoro-agent`: the commands of an agent's machine."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.config import InvalidConfiguration, load

DEFAULT_CONFIG = Path("/etc/laitevuoro/agent.toml")
#: The user's mistake, said in a sentence.
USAGE = 2
#: 128 and the signal's number, as a shell says it.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # These two parse their own options, in modules that a mere `run` need not load.
    if words[:1] == ["helper"]:
        from agents.helper.cli import main as helper  # noqa: PLC0415 - see above

        return helper(words[1:])
    if words[:1] == ["scripted-device"]:
        from agents.devices.scripted.cli import main as scripted  # noqa: PLC0415 - see above

        return scripted(words[1:])
    options = parser(words).parse_args(words)
    if options.command == "turn":
        from agents.turn_cli import command as turn  # noqa: PLC0415 - see above

        return turn(options)
    try:
        return _check(options.config) if options.command == "check" else _run(options.config)
    except InvalidConfiguration as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    except KeyboardInterrupt:  # before `run` has its own handler, and in `check`
        return INTERRUPTED


def parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of all commands; of `turn`, in full only if that is among the words."""
    root = argparse.ArgumentParser(prog="laitevuoro-agent", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}"
    )
    for name, text in (
        ("run", "watch this machine's devices and carry out their plans"),
        ("check", "look at each device and at the broker once, and say what is missing"),
    ):
        commands.add_parser(name, help=text, description=text, parents=[config])
    text = "ask for what people at a device may: check in, walk in, more time"
    turn = commands.add_parser("turn", help=text, description=text)
    if words[:1] == ["turn"]:
        from agents.turn_cli import add_arguments  # noqa: PLC0415 - a mere `run` needs none

        add_arguments(turn, config)
    commands.add_parser("helper", help="show warnings on this desktop")
    commands.add_parser("scripted-device", help="play a device, for demos and rehearsals")
    return root


def _run(path: Path) -> int:
    from agents.app import serve  # noqa: PLC0415 - the other commands need none of it

    configuration = load(path, os.environ)
    logging.basicConfig(
        format="%(levelname)s %(name)s: %(message)s", level=configuration.log_level.upper()
    )
    asyncio.run(serve(configuration))
    return 0


def _check(path: Path) -> int:
    from agents.check import check  # noqa: PLC0415 - the other commands need none of it

    configuration = load(path, os.environ)
    well = asyncio.run(check(configuration, print))
    return 0 if well else 1
