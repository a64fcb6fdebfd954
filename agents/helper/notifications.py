"""Desktop notifications: org.freedesktop.Notifications on the session bus."""

from __future__ import annotations

import asyncio

from dbus_fast import BusType, DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
CALL_SECONDS = 2.5

#: Urgency levels of the Desktop Notifications Specification 1.2.
NORMAL, CRITICAL = 1, 2


class NotShown(Exception):
    """The desktop did not take the notification. The text says why."""


class Notifications:
    """Shows one notification at a time: a new one takes the place of the last."""

    def __init__(self, *, bus_address: str | None = None) -> None:
        self._address = bus_address
        self._bus: MessageBus | None = None
        self._shown = 0

    async def show(self, text: str, *, urgent: bool) -> None:
        """Show a text. Raises NotShown."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                bus = await self._connected()
                reply = await bus.call(self._notify(text, urgent=urgent))
        except TimeoutError:
            raise NotShown(f"the desktop did not answer in {CALL_SECONDS} s") from None
        except (OSError, EOFError, DBusFastError) as error:
            raise NotShown(f"no session bus: {error}") from error
        if reply is None or reply.message_type is MessageType.ERROR:
            name = reply.error_name if reply is not None else "no answer"
            raise NotShown(f"no notifications on this desktop: {name}")
        self._shown = int(reply.body[0])

    def close(self) -> None:
        """Leave the session bus."""
        if self._bus is not None:
            self._bus.disconnect()

    async def _connected(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            bus = MessageBus(bus_address=self._address, bus_type=BusType.SESSION)
            self._bus = await bus.connect()
        return self._bus

    def _notify(self, text: str, *, urgent: bool) -> Message:
        hints = {"urgency": Variant("y", CRITICAL if urgent else NORMAL)}
        # The text is the summary, since a body may be left out and is read as markup.
        body = ["Laitevuoro", self._shown, "", text, "", [], hints, -1]
        return Message(NAME, PATH, NAME, "Notify", signature="susssasa{sv}i", body=body)
