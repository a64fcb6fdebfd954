"""Other orchestrators at the same broker that serve a site of ours. That must never be.

Each would count everything, which does no harm; but both would give plans to the same devices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from mqtt_schemas.messages import LinkState, Presence

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Self:
    """Who we are: our topic, our database's UUID (None: not told), the sites that we serve."""

    topic: str
    database: str | None
    sites: frozenset[str]

    def presence(self, state: LinkState, at: datetime) -> Presence:
        """Return what we say of ourselves."""
        return Presence(state=state, at=at, database=self.database, sites=tuple(sorted(self.sites)))


class Rivals:
    """Listens to orchestrators' presences.

    within: so long after it was last heard, another one is gone.
    """

    def __init__(self, *, own: Self, within: timedelta, now: Callable[[], datetime]) -> None:
        self._own = own
        self._within = within
        self._now = now
        self._said: deque[datetime] = deque(maxlen=4)
        self._heard: dict[str, datetime] = {}

    @property
    def topics(self) -> list[str]:
        """Their topics; our own one, where another process carries our name."""
        since = self._now() - self._within
        return sorted(topic for topic, heard in self._heard.items() if heard > since)

    def say(self, state: LinkState) -> Presence:
        """Return our presence now, and know it again when it comes back."""
        presence = self._own.presence(state, self._now())
        self._said.append(presence.at)
        return presence

    def see(self, topic: str, presence: Presence, *, retained: bool) -> None:
        """Look at a presence. A retained one tells what was, not what is.

        But if it is of a moment ago and of another database, its process still lives, most
        likely: so a server that was just switched on beside ours knows before it gives out
        its first plan.
        """
        if not self._is_rival(topic, presence, retained=retained):
            return
        if presence.state == "offline":
            self._heard.pop(topic, None)
            return
        now = self._now()
        heard = min(presence.at, now) if retained else now
        if heard <= now - self._within:
            return
        if topic not in self.topics:
            _LOG.warning("another_orchestrator", topic=topic, database=presence.database)
        self._heard[topic] = heard

    def _is_rival(self, topic: str, presence: Presence, *, retained: bool) -> bool:
        own = self._own
        if presence.sites and not own.sites.intersection(presence.sites):
            return False
        if retained or (topic == own.topic and presence.state == "offline"):
            # Else it may be our own: of a process, or the late will of a connection, before this.
            return presence.database not in (None, own.database)
        return topic != own.topic or presence.at not in self._said
