"""What each device last reported and what is wanted of it, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mqtt_schemas.messages import Checkpoint, Link, Status
from mqtt_schemas.plan import Plan, Turn
from mqtt_schemas.topics import Address

#: Three heartbeats. Older than this, an agent is not known to live (design).
ALIVE_SECONDS = 45.0


@dataclass(slots=True)
class Twin:
    """One device as it is known here.

    link, status: the newest, maybe old and retained; None before the first, or deleted.
    heard: monotonic seconds of the newest live heartbeat of the current connection.
    connection: the agent's current one. checkpoint: the newest of an open session; it stays
    when the session is gone from the status, since its end may never come.
    doubted: whether `connection` was heard of before our own connection to the broker was lost:
    then the agent may have a new one by now, of which we were not told.
    conflicts: heartbeats of another connection while the current one was alive: two agents
    use one device's name.
    """

    address: Address
    link: Link | None = None
    status: Status | None = None
    heard: float | None = None
    desired: Plan | None = None
    connection: str | None = None
    checkpoint: Checkpoint | None = None
    doubted: bool = False
    conflicts: int = 0

    def online(self, now: float) -> bool:
        """Tell whether the agent lives: a heartbeat of its connection within 45 s.

        Retained messages tell only what was.
        """
        return self.heard is not None and now - self.heard <= ALIVE_SECONDS

    @property
    def in_agreement(self) -> bool:
        """Whether the device last said that the wanted plan is in force."""
        wanted, status = self.desired, self.status
        if wanted is None or status is None or status.plan is None:
            return False
        told = status.plan
        return (told.issuer, told.revision, told.digest) == (
            wanted.issuer,
            wanted.revision,
            wanted.digest,
        )

    @property
    def turn(self) -> Turn | None:
        """The turn that the device says is running, as the wanted plan has it."""
        if self.status is None or self.status.turn is None or self.desired is None:
            return None
        running = self.status.turn.id
        return next((turn for turn in self.desired.turns if turn.id == running), None)

    def take_link(self, link: Link | None) -> None:
        """Take the agent's presence, its last will or the deletion of both.

        A will may come after the next connection was made, so only that of the current
        connection says anything.
        """
        if link is None:
            self.link = self.connection = self.heard = None
        elif link.state == "online":
            self.link = link
            self._connect(link.connection)
        elif self.connection in {None, link.connection}:
            self.link = link
            self._connect(None)

    def forget_status(self) -> None:
        """Take the deletion of the retained status."""
        self.status = self.heard = None

    def take_status(self, status: Status, *, now: float, retained: bool) -> bool:
        """Take a heartbeat. Returns whether it was taken as the newest.

        Not taken: another connection's while the current one is alive and not in doubt. Else
        the sender is believed: its link message may have been lost.
        """
        if status.connection != self.connection:
            alive = self.online(now) and not self.doubted
            if self.connection is not None and (retained or alive):
                self.conflicts += not retained
                return False
            if not retained:
                self._connect(status.connection)
        self.status = status
        if status.session is not None:
            self.checkpoint = status.session
        if not retained:
            self.heard, self.doubted = now, False
        return True

    def _connect(self, connection: str | None) -> None:
        if connection != self.connection:
            self.connection = connection
            self.heard = None


class Twins:
    """All devices' twins."""

    def __init__(self, addresses: Iterable[Address] = ()) -> None:
        self._twins = {address: Twin(address) for address in sorted(addresses)}

    def of(self, address: Address) -> Twin:
        """Return a device's twin. Raises KeyError where there is no such device."""
        return self._twins[address]

    def find(self, address: Address) -> Twin | None:
        """Return a device's twin, or None where there is no such device."""
        return self._twins.get(address)

    def all(self) -> list[Twin]:
        """Return all twins, by site and device."""
        return list(self._twins.values())

    def doubt_connections(self) -> None:
        """Hear that our own connection to the broker is new: we may have missed theirs."""
        for twin in self._twins.values():
            twin.doubted = True
