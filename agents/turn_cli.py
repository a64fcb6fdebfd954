"""`laitevuoro-agent turn …`: what people ask for at a device, asked from this machine's shell.

The words of a code are read from the standard input, never from the command line, where
everybody on the machine could read them.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agents.config import InvalidConfiguration, load
from agents.devices.phrases import LANGUAGES, language_of, text
from agents.helper.wire import MAX_LINE, BadLine, Show, Shown, Wished, from_agent
from agents.request_socket import NAME
from agents.wishes import Said, Wish

#: Seconds for an answer: a code is verified meanwhile.
WITHIN = 10.0
ACCEPTED, REFUSED, USAGE = 0, 1, 2

_ACTIONS = {
    "check-in": ("check_in", "open the turn with its code, read from the standard input"),
    "walk-in": ("walk_in", "begin a turn without a booking"),
    "staff": ("staff", "open the device with staff's code of the day, read likewise"),
    "more": ("more", "ask for more time"),
    "group": ("group", "say who uses the device"),
    "clear": ("clear", "say that what the last use made was taken away"),
    "end": ("end", "end the turn"),
}


class NoAgent(Exception):
    """Nobody answers. The text is one sentence."""


def add_arguments(parser: argparse.ArgumentParser, config: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser; each action takes those of `config` too."""
    common = argparse.ArgumentParser(add_help=False, parents=[config])
    common.add_argument("--device", help="site/id; needed where the agent has several")
    common.add_argument("--socket", type=Path, help="of a desktop's helper, instead of the agent's")
    common.add_argument("--language", choices=LANGUAGES, help="of the answer")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = {
        name: actions.add_parser(name, help=what, description=what, parents=[common])
        for name, (_, what) in _ACTIONS.items()
    }
    for name in ("walk-in", "group"):
        made[name].add_argument("--group", required=name == "group", help="target group")
        made[name].add_argument("--party", type=int, help="how many people")
    for name in ("walk-in", "staff", "more"):
        made[name].add_argument("--minutes", type=_seconds, required=name == "more")


def command(options: argparse.Namespace) -> int:
    """Ask, and say the answer. 0: granted. 1: refused. 2: nobody could be asked."""
    try:
        path = options.socket or _socket(options.config, options.device)
        wished = Wished(id=1, wish=_wish(options))
        answer = asyncio.run(_ask(path, wished))
    except (InvalidConfiguration, NoAgent) as error:
        return _fail(str(error))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return _fail(f"{'.'.join(str(key) for key in first['loc'])}: {first['msg']}.")
    language = options.language or language_of(os.environ)
    sys.stdout.write(f"{text(answer.phrase, language, **answer.arguments)}\n")
    return ACCEPTED if answer.accepted else REFUSED


def _socket(config: Path, device: str | None) -> Path:
    """Return where a device's agent listens. Raises InvalidConfiguration, NoAgent."""
    configuration = load(config, os.environ)
    known = {str(each.address): each.address.user for each in configuration.device}
    if device is None and len(known) > 1:
        raise NoAgent(f"--device: one of {', '.join(known)}.")
    folder = known.get(device) if device is not None else next(iter(known.values()))
    if folder is None:
        raise NoAgent(f"--device: {config} has no {device}, but {', '.join(known)}.")
    return configuration.state_dir / folder / NAME


def _seconds(minutes: str) -> int:
    """Return the seconds of so many minutes. Raises ValueError, as argparse wants it."""
    seconds = float(minutes) * 60
    if not 1 <= seconds <= 86_400:
        raise ValueError(minutes)
    return round(seconds)


def _wish(options: argparse.Namespace) -> Wish:
    given: dict[str, Any] = {"what": _ACTIONS[options.action][0]}
    for name in ("group", "party"):
        given[name] = getattr(options, name, None)
    given["seconds"] = getattr(options, "minutes", None)
    if options.action in ("check-in", "staff"):
        given["words"] = _words()
    return Wish.model_validate(given)


def _words() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Code: ")
    return sys.stdin.readline().strip()


async def _ask(path: Path, wished: Wished) -> Said:
    """Return the agent's answer. Raises NoAgent."""
    try:
        async with asyncio.timeout(WITHIN):
            return await _answer(path, wished)
    except TimeoutError:
        raise NoAgent(f"{path}: the agent does not answer.") from None
    except OSError as error:
        why = error.strerror or error
        raise NoAgent(f"{path}: {why}: does the agent run, and may you ask it?") from None
    except (BadLine, ValueError) as error:
        raise NoAgent(f"{path}: the agent was not understood: {error}.") from None


async def _answer(path: Path, wished: Wished) -> Said:
    reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE)
    try:
        writer.write(wished.line())
        while line := await reader.readline():
            told = from_agent(line)
            if not isinstance(told, Show):
                return told.said
            writer.write(Shown(id=told.id, shown=False).line())
    finally:
        writer.close()
    raise NoAgent(f"{path}: the agent does not hear you here.")


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return USAGE
