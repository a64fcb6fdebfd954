"""PURE: who waits for a device of a kind, who is next, and which turn is offered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mqtt_schemas.plan import HashedCode


class TicketState(StrEnum):
    """Where a number stands.

    offered: a turn is held for it. taken: it was taken. left: the customer, or staff for them,
    gave the number up. expired: the offer, or the day, passed.
    """

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    LEFT = "left"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A number in the queue for a kind of device. Names nobody.

    day: local; numbers count from 1 each day. booking: the turn that is, or was, offered.
    code: of check-in, once a turn is offered; the words themselves are kept nowhere.
    """

    site: str
    kind: str
    day: date
    number: int
    joined_at: datetime
    state: TicketState = TicketState.WAITING
    target_group: str | None = None
    party_size: int | None = None
    booking: str | None = None
    code: HashedCode | None = None
