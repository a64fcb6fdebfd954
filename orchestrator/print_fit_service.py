"""Whether a print would be done in time on a device, and the next turn in which it would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mqtt_schemas.base import to_utc
from orchestrator.domain.bookings import Booking, BookingRefused, Purpose, spacing
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.grid import grid_up
from orchestrator.domain.naming import device_named
from orchestrator.domain.print_fit import (
    Fit,
    FreeTurn,
    Limit,
    Open,
    Why,
    closing,
    corrected,
    fit,
    limit,
    next_fit,
    ratio_percent,
)
from orchestrator.hours_of import hours_of
from orchestrator.office import Office
from orchestrator.store import bookings, prints
from orchestrator.store.database import Connection

#: So far ahead a turn is looked for at most.
REACH = timedelta(days=14)
#: No print takes longer; a mistyped one gets a clear answer.
LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PrintFit:
    """What becomes of a print of an estimated length that is begun now.

    needs: how long it will take, by what prints took on the device so far. turn: the running
    one. now: None where nobody may begin one now. next: None where it would be done now, or
    where no turn is free for it.
    """

    device: Device
    needs: timedelta
    ratio_percent: int
    turn: Booking | None
    now: Fit | None
    next: FreeTurn | None


class PrintFitService:
    """Answers for the desk; changes nothing. Every refusal is a BookingRefused."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def judge(self, device: str, estimate: timedelta) -> PrintFit:
        """Return what becomes of a print. Raises BookingRefused, StoreFailed."""
        found = device_named(device, self._office.devices)
        if not timedelta(0) < estimate <= LONGEST:
            raise BookingRefused("A print takes more than nothing, and at most 7 days.")
        return await self._office.database.read(partial(self._judge, found, estimate))

    def _judge(self, device: Device, estimate: timedelta, rows: Connection) -> PrintFit:
        now, policy = to_utc(self._office.now()), device.policy
        percent = ratio_percent(prints.newest(rows, device.address))
        needs = corrected(estimate, percent)
        known = bookings.of_device(rows, device.address, ends_after=now - spacing(policy))
        until = now + min(REACH, timedelta(seconds=policy.ahead)) + needs
        usable = [
            Open(span.starts_at, span.ends_at)
            for span in hours_of(rows, self._office, device)(policy, now, until)
        ]
        turn = _running(known, now)
        closes_at = closing(usable, now)
        # What was looked at ends there; the library does not close.
        found = self._limit(policy, turn, known, None if closes_at >= until else closes_at)
        judged = None if found is None else fit(needs, now, found)
        later = None
        if judged is None or not judged.fits:
            later = next_fit(
                policy,
                needs,
                usable=usable,
                bookings=known,
                after=now + timedelta(seconds=policy.notice),
                align=lambda moment: grid_up(moment, policy.grid, self._office.zone),
            )
        return PrintFit(device, needs, percent, turn, judged, later)

    def _limit(
        self,
        policy: Policy,
        turn: Booking | None,
        known: Sequence[Booking],
        closes_at: datetime | None,
    ) -> Limit | None:
        """Return by when a print that begins now must be done; None where none can be begun."""
        now = to_utc(self._office.now())
        following = min((each.starts_at for each in known if each.starts_at > now), default=None)
        blocked = any(each.starts_at <= now < each.ends_at for each in known)
        if turn is None and (blocked or not policy.walk_in):
            return None
        found = limit(
            policy,
            turn_ends_at=turn.ends_at if turn else None,
            next_starts_at=following,
            closes_at=closes_at,
            over_closing=turn is not None and turn.over_closing,
        )
        longest = now + timedelta(seconds=policy.walk_in)
        if turn is None and (found.at is None or longest < found.at):
            return Limit(longest, Why.TURN)
        return found


def _running(known: Sequence[Booking], now: datetime) -> Booking | None:
    """Return the turn that runs."""
    running = (each for each in known if each.starts_at <= now < each.ends_at)
    return next((each for each in running if each.purpose is not Purpose.BLOCK), None)
