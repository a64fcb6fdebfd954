"""What an agent sends while it is connected: its status, and its events until acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from agents.link import Connection
from agents.outbox import Outbox
from mqtt_schemas.codec import batch_bytes, encode
from mqtt_schemas.messages import Status
from mqtt_schemas.topics import Channel

log = logging.getLogger(__name__)

HEARTBEAT = 15.0
#: Events under way without an acknowledgement. More would only wait in the broker.
WINDOW = 400
FIRST_RESEND, LAST_RESEND = 5.0, 60.0


async def send_status(
    connection: Connection, make: Callable[[str], Status], changed: asyncio.Event
) -> None:
    """Publish the status now, on each change and every 15 s. Raises LinkLost."""
    while True:
        changed.clear()
        await connection.publish(Channel.STATUS, encode(make(connection.id)), retain=True)
        await _within(HEARTBEAT, changed)


async def send_events(connection: Connection, outbox: Outbox, changed: asyncio.Event) -> None:
    """Publish what is not acknowledged, oldest first; again where no acknowledgement comes.

    `changed` is set when an event was committed or an acknowledgement taken. Only the
    orchestrator's own acknowledgement counts; a PUBACK is the broker's and promises nothing.
    Raises LinkLost.
    """
    loop = asyncio.get_running_loop()
    history, reached = outbox.log, outbox.acknowledged
    sent, wait, due = reached, FIRST_RESEND, loop.time()
    while True:
        changed.clear()
        if (history, reached) != (outbox.log, outbox.acknowledged):
            again = history != outbox.log or outbox.acknowledged < reached
            history, reached = outbox.log, outbox.acknowledged
            sent = reached if again else max(sent, reached)
            wait, due = FIRST_RESEND, loop.time() + FIRST_RESEND
        if sent < min(outbox.last, reached + WINDOW):
            if sent == reached:
                # Later events do not put it off: a lost batch would wait as long as they come.
                due = loop.time() + wait
            batch = outbox.batch(sent)
            sent = batch.last
            await connection.publish(Channel.EVENTS, batch_bytes(history, batch.events))
        elif reached == outbox.last:
            await changed.wait()
        elif not await _within(due - loop.time(), changed):
            if wait < LAST_RESEND <= 2 * wait:
                # A broker that denies a publish acknowledges it all the same (MQTT 3.1.1).
                log.warning("%s: nobody acknowledges this device's events", outbox.path)
            sent, wait = reached, min(wait * 2, LAST_RESEND)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event for so long; tell whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
            return True
    return False
