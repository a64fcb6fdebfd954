"""How the orchestrator's parts send, without knowing the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

#: (topic, payload, QoS, retain) -> whether the message went out. Never raises.
Publish = Callable[[str, bytes, int, bool], Awaitable[bool]]
