"""What is logged of attended turns, within a transaction. What it did is for `Office.keep` then."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from mqtt_schemas.base import Outcome, ms_from_utc, to_utc
from mqtt_schemas.events import EventBody
from mqtt_schemas.topics import Address
from orchestrator.domain.attended import InHand, Moment, Standing, ended, opened, stand
from orchestrator.domain.bookings import Booking
from orchestrator.office import Office
from orchestrator.store import attended, bookings
from orchestrator.store.database import Connection
from orchestrator.store.intake import Taken


def begin(rows: Connection, office: Office, booking: Booking) -> Taken:
    """Begin a booking's turn at its device, now."""
    session = secrets.token_hex(16)
    in_hand = InHand(booking.address, booking.id, session, _moment(office))
    attended.put(rows, in_hand)
    return _append(rows, office, booking.address, *opened(in_hand, booking))


def end(
    rows: Connection,
    office: Office,
    in_hand: InHand,
    booking: Booking | None,
    at: datetime,
    *,
    outcome: Outcome,
) -> Taken:
    """End the turn in hand as staff states it: at a time that is not after now."""
    attended.drop(rows, in_hand.address)
    event = ended(in_hand, booking, at, _moment(office), outcome=outcome)
    return _append(rows, office, in_hand.address, event)


@dataclass(frozen=True, slots=True)
class Look:
    """How the turn in hand at a device stands.

    standing: None: there is none. until: when time alone will change that.
    """

    standing: Standing | None = None
    until: datetime | None = None

    @property
    def due(self) -> bool:
        """Whether it is to be ended, or forgotten."""
        return self.standing in (Standing.OVER, Standing.GONE, Standing.PAST)


NOTHING = Look()


def look(rows: Connection, office: Office, address: Address) -> Look:
    """Return how the turn in hand at a device stands; NOTHING where there is none."""
    in_hand = attended.in_hand(rows, address)
    if in_hand is None:
        return NOTHING
    grace, now = office.devices[address].policy.grace, to_utc(office.now())
    standings = stand(in_hand, bookings.find(rows, in_hand.turn), grace, now)
    return Look(standings.standing, standings.until)


def close_due(rows: Connection, office: Office, address: Address) -> Taken | None:
    """End the turn in hand if the plan has ended it, or if its booking is gone.

    By the plan: at its end, marked as not the true one. Gone, since it was cancelled or moved:
    now, but at most at its planned end. Returns None where nothing was logged.
    """
    in_hand = attended.in_hand(rows, address)
    if in_hand is None:
        return None
    booking, now = bookings.find(rows, in_hand.turn), _moment(office)
    grace = office.devices[address].policy.grace
    standing = stand(in_hand, booking, grace, to_utc(office.now())).standing
    if standing is Standing.PAST:
        attended.drop(rows, address)
    if standing is Standing.OVER and booking is not None:
        attended.put(rows, replace(in_hand, by_plan=booking.ends_at))
        over = ended(
            in_hand, booking, booking.ends_at, now, outcome=Outcome.TURN_OVER, by_plan=True
        )
        return _append(rows, office, address, over)
    if standing is Standing.GONE:
        at = to_utc(office.now())
        if booking is not None:
            at = min(at, booking.ends_at)
        return end(rows, office, in_hand, booking, at, outcome=Outcome.STAFF)
    return None


def _moment(office: Office) -> Moment:
    boot = office.boot()
    return Moment(ms_from_utc(to_utc(office.now())), boot.id, boot.ms)


def _append(rows: Connection, office: Office, address: Address, *bodies: EventBody) -> Taken:
    return attended.append(
        rows,
        address,
        bodies,
        new_log=lambda: str(uuid.uuid4()),
        now_ms=ms_from_utc(to_utc(office.now())),
        zone=office.zone,
    )
