"""The helper's process: listens to the agent and shows what it says, for as long as the desktop.

serve: connect to the agent -> show each phrase, answer each -> connected again when it went away
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from agents.devices.phrases import Language, UnknownPhrase, text
from agents.helper.notifications import Notifications, NotShown
from agents.helper.wire import MAX_LINE, BadLine, Show, Shown, show_from

log = logging.getLogger(__name__)

#: Seconds between tries to reach the agent: first, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
#: In the last minute a warning is urgent: it stays on the screen and above a game.
URGENT_SECONDS = 60


async def run(
    *,
    socket: Path,
    language: Language,
    notifications: Notifications,
    first_wait: float = FIRST_WAIT,
) -> None:
    """Run until cancelled. Without an agent, or once it has gone, try again and again."""
    wait = first_wait
    try:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(socket, limit=MAX_LINE)
            except OSError as error:
                log.debug("no agent at %s: %s", socket, error.strerror)
            else:
                if await _serve(reader, writer, language, notifications):
                    wait = first_wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
    finally:
        notifications.close()


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    language: Language,
    notifications: Notifications,
) -> bool:
    """Show what the agent says until it goes. Tell whether it said anything."""
    spoken = False
    try:
        while line := await reader.readline():
            show = show_from(line)
            shown = await show_phrase(show, language, notifications)
            writer.write(Shown(id=show.id, shown=shown).line())
            await writer.drain()
            spoken = True
    except (OSError, ValueError, BadLine) as error:
        # ValueError: a line longer than the limit.
        log.warning("the agent was not understood: %s", error)
    finally:
        writer.close()
    return spoken


async def show_phrase(show: Show, language: Language, notifications: Notifications) -> bool:
    """Show a phrase in the desktop's language. Tell whether the desktop took it."""
    arguments = dict(show.arguments)
    if show.seconds_left is not None:
        arguments.setdefault("seconds", show.seconds_left)
    urgent = show.seconds_left is not None and show.seconds_left <= URGENT_SECONDS
    try:
        await notifications.show(text(show.phrase, language, **arguments), urgent=urgent)
    except (UnknownPhrase, NotShown) as error:
        log.warning("not shown: %s", error)
        return False
    return True
