"""A notification service: what a desktop does with org.freedesktop.Notifications."""

from __future__ import annotations

import asyncio
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from agents.helper.notifications import NAME


class FakeDesktop:
    """Takes notifications. Each is its arguments, by the names of the specification."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.shown: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._last = 40

    @classmethod
    async def start(cls, address: str) -> FakeDesktop:
        """Take the service's name on the bus at `address`."""
        bus = await MessageBus(bus_address=address).connect()
        desktop = cls(bus)
        bus.add_message_handler(desktop._answer)
        await bus.request_name(NAME)
        return desktop

    def stop(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    def _answer(self, call: Message) -> Message | None:
        if call.message_type is not MessageType.METHOD_CALL or call.member != "Notify":
            return None
        names = ["app", "replaces", "icon", "summary", "body", "actions", "hints", "timeout"]
        told = dict(zip(names, call.body, strict=True))
        told["urgency"] = told.pop("hints")["urgency"].value
        self.shown.put_nowait(told)
        self._last = told["replaces"] or self._last + 1
        return Message.new_method_return(call, "u", [self._last])
