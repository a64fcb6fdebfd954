"""PURE: what somebody wants to book, and what it is judged beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

from orchestrator.domain.bookings import Booking, Desk, Hours, Usable
from orchestrator.domain.devices import Policy

_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants. Times are UTC. group: as declared, or None.

    walk_in: now, without notice. over_closing: staff lets it run on after closing.
    """

    starts_at: datetime
    ends_at: datetime
    group: str | None = None
    party_size: int | None = None
    walk_in: bool = False
    over_closing: bool = False

    @classmethod
    def of(cls, booking: Booking, starts_at: datetime | None = None) -> Self:
        """Return the wish for what is booked already, or for what is left of it."""
        return cls(
            starts_at or booking.starts_at,
            booking.ends_at,
            booking.target_group,
            booking.party_size,
            over_closing=booking.over_closing,
        )

    @property
    def length(self) -> timedelta:
        """How long it is to be."""
        return self.ends_at - self.starts_at


@dataclass(frozen=True)
class Case:
    """A wish at a desk. others: the device's bookings that may be near it."""

    desk: Desk
    wish: Wish
    hours: Hours
    others: Sequence[Booking] = field(default=())

    @property
    def policy(self) -> Policy:
        """The device's policy."""
        return self.desk.policy

    @property
    def name(self) -> str:
        """The device's name."""
        return self.desk.device.name

    @cached_property
    def spans(self) -> Sequence[Usable]:
        """The usable spans that the wish touches."""
        return self.hours(self.policy, self.wish.starts_at, self.needed_until)

    @property
    def needed_until(self) -> datetime:
        """Up to when the device must be usable: a turn over closing must only begin before."""
        if self.wish.over_closing:
            return self.wish.starts_at + _MOMENT
        return self.wish.ends_at
