"""`laitevuoro-agent helper`: shows the agent's warnings on this desktop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from agents.devices.phrases import LANGUAGES, Language, language_of
from agents.helper.app import run
from agents.helper.notifications import Notifications

#: Where the agent's unit listens (systemd/laitevuoro-agent.service, RuntimeDirectory=).
DEFAULT_SOCKET = Path("/run/laitevuoro-agent/helper.sock")


def main(arguments: Sequence[str]) -> int:
    """Run until the desktop ends. Return the exit code."""
    parser = argparse.ArgumentParser(prog="laitevuoro-agent helper", description=__doc__)
    parser.add_argument(
        "--socket", type=Path, default=DEFAULT_SOCKET, help=f"default: {DEFAULT_SOCKET}"
    )
    parser.add_argument("--language", choices=LANGUAGES, help="default: the desktop's own")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    language = options.language or language_of(os.environ)
    asyncio.run(_until_stopped(options.socket, language))
    return 0


async def _until_stopped(socket: Path, language: Language) -> None:
    helper = asyncio.create_task(
        run(socket=socket, language=language, notifications=Notifications()), name="helper"
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, helper.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await helper
