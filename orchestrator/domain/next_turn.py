"""PURE: the next turn that somebody without a booking could have on a device."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from orchestrator.domain.bookings import Booking, Usable, spacing
from orchestrator.domain.devices import Device

_MINUTE = timedelta(minutes=1)


class Condition(StrEnum):
    """Whether a device can be given to the next customer.

    ready: at once. busy: it works, and is in use, paused or to be cleared. away: it is offline,
    off, at fault or does not obey.
    """

    READY = "ready"
    BUSY = "busy"
    AWAY = "away"


class FreeTurn(NamedTuple):
    """A turn that can be had. assumed: nobody declared the group."""

    starts_at: datetime
    ends_at: datetime
    group: str | None = None
    assumed: bool = False

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends_at - self.starts_at


class _Reach(NamedTuple):
    """A span of hours in which a turn may start, and how far it may then go."""

    starts_at: datetime
    ends_at: datetime
    reaches: datetime
    group: str | None
    assumed: bool


@dataclass(slots=True)
class Place:
    """A device as it is now.

    bookings: at least those that end after now less the spacing. spans: in which it may be
    used, from now to the end of what is looked at, by their start.
    """

    device: Device
    bookings: Sequence[Booking]
    spans: Sequence[Usable]
    condition: Condition = Condition.READY
    _taken: list[tuple[datetime, datetime]] = field(init=False)
    _found: dict[tuple[datetime, str | None, int | None], FreeTurn | None] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        room = spacing(self.device.policy)
        self._taken = sorted(
            (booking.starts_at - room, booking.ends_at + room)
            for booking in self.bookings
            if booking.live
        )

    def works(self, now: datetime) -> bool:
        """Tell whether it will be free: it is, or its use now is a turn that ends."""
        if self.condition is Condition.BUSY:
            return any(
                booking.live and booking.starts_at <= now < booking.ends_at + self._room
                for booking in self.bookings
            )
        return self.condition is Condition.READY

    def take(self, turn: FreeTurn) -> None:
        """Hold a turn's time for somebody."""
        self._found.clear()
        insort(self._taken, (turn.starts_at - self._room, turn.ends_at + self._room))

    def next_turn(
        self, since: datetime, group: str | None, party_size: int | None
    ) -> FreeTurn | None:
        """Return the first turn that a customer could begin at `since` or later, or None.

        As long as the walk-in maximum allows (the longest turn's, where there is none) and as
        fits before the next booking and the end of the hours; never shorter than the shortest,
        but where that is longer than the walk-in maximum.
        """
        asked = (since, group, party_size)
        if asked not in self._found:  # a long line asks again and again
            self._found[asked] = self._next_turn(*asked)
        return self._found[asked]

    def _next_turn(
        self, since: datetime, group: str | None, party_size: int | None
    ) -> FreeTurn | None:
        policy = self.device.policy
        if party_size is not None and party_size > policy.party:
            return None
        longest = timedelta(seconds=policy.walk_in or policy.longest)
        shortest = min(max(timedelta(seconds=policy.shortest), timedelta(seconds=1)), longest)
        for reach in self._reaches(group):
            start = max(since, reach.starts_at)
            for begins, ends in [*self._taken, (reach.reaches, reach.reaches)]:
                if begins - start >= shortest and start < reach.ends_at:
                    ends_at = _whole(start, min(start + longest, begins, reach.reaches), shortest)
                    if ends_at - start >= shortest:
                        return FreeTurn(start, ends_at, reach.group, reach.assumed)
                start = max(start, ends)
                if start >= reach.ends_at:
                    break
        return None

    @property
    def _room(self) -> timedelta:
        return spacing(self.device.policy)

    def _reaches(self, group: str | None) -> Iterator[_Reach]:
        """Yield the spans in which that customer's turn may start.

        Whoever declares no group is of the hour's group, else of the device's: assumed.
        """
        for place, span in enumerate(self.spans):
            mine = group or span.group or self.device.policy.assumed_group
            reaches = span.starts_at
            for following in self.spans[place:]:
                closed = following.exclusive and following.group != mine
                if closed or following.starts_at > reaches:
                    break
                reaches = max(reaches, following.ends_at)
            if reaches > span.starts_at:
                assumed = group is None and mine is not None
                yield _Reach(span.starts_at, span.ends_at, reaches, mine, assumed)


def _whole(start: datetime, end: datetime, shortest: timedelta) -> datetime:
    """Return an end on a whole minute, where the turn stays long enough."""
    whole = end.replace(second=0, microsecond=0)
    return whole if whole - start >= max(shortest, _MINUTE) else end
