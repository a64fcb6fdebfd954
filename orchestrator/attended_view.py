"""Attended devices as they are now, by what staff said of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_schemas.base import DeviceState
from mqtt_schemas.messages import Phase
from mqtt_schemas.topics import Address
from orchestrator.domain.attended import Standing, stand
from orchestrator.domain.bookings import Booking, Purpose
from orchestrator.domain.devices import Device
from orchestrator.store import attended, bookings
from orchestrator.store.database import Connection


@dataclass(frozen=True, slots=True)
class AttendedNow:
    """One device. phase: grace: the turn is overdue, so the desk should look."""

    state: DeviceState = DeviceState.FREE
    phase: Phase | None = None
    turn: Booking | None = None
    next: Booking | None = None


def attended_now(
    rows: Connection, devices: Iterable[Device], now: datetime
) -> dict[Address, AttendedNow]:
    """Return each device as it is at `now`."""
    in_hand = attended.all_in_hand(rows)
    found = {}
    for device in devices:
        ahead = bookings.of_device(rows, device.address, ends_after=now)
        upcoming = (
            each for each in ahead if each.starts_at > now and each.purpose is not Purpose.BLOCK
        )
        following = next(upcoming, None)
        view = AttendedNow(next=following)
        turn = in_hand.get(device.address)
        if turn is not None:
            booking = bookings.find(rows, turn.turn)
            standing = stand(turn, booking, device.policy.grace, now).standing
            if booking is not None and standing in (Standing.RUNNING, Standing.OVERDUE):
                phase = _phase(device, booking, now)
                view = AttendedNow(DeviceState.IN_USE, phase, booking, following)
        found[device.address] = view
    return found


def _phase(device: Device, booking: Booking, now: datetime) -> Phase:
    if now >= booking.ends_at:
        return Phase.GRACE
    first = max(device.policy.warn_before, default=0)
    left = booking.ends_at - now
    return Phase.WARNED if left <= timedelta(seconds=first) else Phase.OPEN
