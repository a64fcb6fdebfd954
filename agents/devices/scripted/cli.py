"""`laitevuoro-agent scripted-device`: plays a device with customers, for demos and rehearsals."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from agents.clock import SystemClock
from agents.devices.scripted.journal import Journal, JournalError
from agents.devices.scripted.play import Play
from agents.devices.scripted.script import Script, ScriptError, load
from agents.devices.scripted.server import Server

#: Of `sun_path` in unix(7), less the closing zero.
MAX_SOCKET_PATH = 107


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("--script", type=Path, required=True, help="what happens (TOML)")
    parser.add_argument("--journal", type=Path, required=True, help="what truly happened")
    parser.add_argument("--socket", type=Path, required=True, help="where the agent connects")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="laitevuoro-agent scripted-device", description=__doc__)
    add_arguments(parser)
    return command(parser.parse_args(arguments))


def command(options: argparse.Namespace) -> int:
    """Play until SIGTERM or SIGINT. 2: bad input, said in one sentence."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    if len(str(options.socket).encode()) > MAX_SOCKET_PATH:
        return _refuse(f"{options.socket}: a socket's path is at most 107 bytes long")
    try:
        script = load(options.script)
        with Journal(options.journal) as journal:
            asyncio.run(_play(script, journal, options.socket))
    except (ScriptError, JournalError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or options.socket}: {error.strerror or error}")
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


async def _play(script: Script, journal: Journal, socket: Path) -> None:
    clock, epoch = SystemClock(), uuid4().hex
    server = Server(
        play=Play(script=script, epoch=epoch, now_ms=clock.boot_ms()),
        journal=journal,
        epoch=epoch,
        boot_id=clock.boot_id,
        boot_ms=clock.boot_ms,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.run(socket)
