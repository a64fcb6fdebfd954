"""What the services of the desk share: finding, judging and keeping bookings in a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.delivery import Delivery
from orchestrator.domain import quota
from orchestrator.domain.booking_rules import Case, Wish
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    Desk,
    NoRoom,
    NotKnown,
    WrongTime,
    spacing,
)
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.extension import Running
from orchestrator.domain.free_turns import NAMED, REACHES, nearest, say_free, search_span
from orchestrator.domain.naming import device_named, devices_of_kind
from orchestrator.hours_of import hours_of
from orchestrator.new_codes import NewCode
from orchestrator.office import Office
from orchestrator.store import audit, bookings, queue, quotas, staff_words
from orchestrator.store.database import Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
#: Other devices of the kind at which a free turn is looked for.
OTHERS_ASKED = 20

#: (rows, site, kind) -> how many wait in the queue for a device of the kind.
Waiting = Callable[[Connection, str, str], int]


@dataclass(frozen=True, slots=True)
class Card:
    """A customer's library card, for a quota. number: kept nowhere. none: staff says so."""

    number: str | None = field(default=None, repr=False)
    none: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A booking as it is now, its device, how far the change has come, and a new code's words."""

    booking: Booking
    device: Device
    delivery: Delivery
    code: str | None = None


class Bookkeeping:
    """Reads and keeps bookings for the services. Every refusal is a BookingRefused."""

    def __init__(self, office: Office, waiting: Waiting = queue.waiting) -> None:
        self.office = office
        self.waiting = waiting

    def devices(self, *, device: str | None, kind: str | None) -> list[Device]:
        """Return the device that somebody named, or all of a kind. Raises BookingRefused."""
        if (device is None) == (kind is None):
            raise BookingRefused("Name either a device or a kind of devices.")
        if device is not None:
            return [device_named(device, self.office.devices)]
        return devices_of_kind(kind or "", self.office.devices.values())

    def check_group(self, group: str | None) -> None:
        """Raise NotKnown unless there is such a target group, or none is named."""
        if group is not None and group not in self.office.target_groups:
            raise NotKnown(
                f"There is no target group {group!r}; "
                f"there are {', '.join(self.office.target_groups)}."
            )

    def find(self, rows: Connection, booking_id: str) -> tuple[Booking, Desk]:
        """Return a booking and the desk of its device. Raises NotKnown."""
        booking = bookings.find(rows, booking_id)
        if booking is None:
            raise NotKnown(f"There is no booking {booking_id!r}.")
        return booking, self.desk_of(booking)

    def desk_of(self, booking: Booking) -> Desk:
        """Return the desk of a booking's device. Raises NotKnown."""
        device = self.office.devices.get(booking.address)
        if device is None:
            raise NotKnown(f"The booking's device, {booking.address}, is not served any more.")
        return self.office.desk(device)

    def in_service_first(self, rows: Connection, desks: Sequence[Desk]) -> list[Desk]:
        """Return desks with those last whose device staff took out of service."""
        return sorted(desks, key=lambda desk: _is_out(rows, desk.device))

    def check_in_service(self, rows: Connection, device: Device) -> None:
        """Raise NoRoom where staff took the device out of service: no turn goes on there."""
        if _is_out(rows, device):
            raise NoRoom(f"{device.name} is out of service")

    def case(self, rows: Connection, desk: Desk, wish: Wish) -> Case:
        """Return a wish beside what is booked near it."""
        return self._case(rows, desk, wish, wish.starts_at, wish.ends_at)

    def running(self, rows: Connection, desk: Desk, booking: Booking, until: datetime) -> Running:
        """Return a turn beside what is booked after its begin, up to well after `until`."""
        room, device = spacing(desk.policy), desk.device
        last = min(max(until, booking.ends_at), _LATEST - room) + room
        found = bookings.touching(rows, device.address, booking.starts_at, last)
        return Running(
            desk,
            booking,
            hours_of(rows, self.office, device),
            others=[other for other in found if other.id != booking.id],
            waiting=self.waiting(rows, device.address.site, device.kind),
        )

    def free_turns(
        self, rows: Connection, desks: Sequence[Desk], wish: Wish
    ) -> list[tuple[datetime, Desk]]:
        """Return the free turns nearest to a wish: at the desk's device, and others of its kind."""
        device = desks[0].device
        others = [
            self.office.desk(other)
            for other in self.office.devices.values()
            if (other.kind, other.address.site) == (device.kind, device.address.site)
            and all(other.address != desk.device.address for desk in desks)
        ]
        asked = [*desks, *others][: OTHERS_ASKED + 1]
        for reach in REACHES:
            found: list[tuple[timedelta, int, datetime, Desk]] = []
            for order, desk in enumerate(asked):
                case = Case(desk, wish, hours_of(rows, self.office, desk.device))
                case = self._case(rows, desk, wish, *search_span(case, reach))
                starts = nearest(case, reach)
                found += [(abs(start - wish.starts_at), order, start, desk) for start in starts]
            if len(found) >= NAMED:
                break
        best = sorted(found, key=lambda each: each[:3])[:NAMED]
        return [(start, desk) for _, _, start, desk in best]

    async def with_advice(self, error: WrongTime, desks: Sequence[Desk], wish: Wish) -> WrongTime:
        """Return a refusal that names the nearest free turns, too."""
        wish = replace(wish, over_closing=False)
        found = await self.office.database.read(lambda rows: self.free_turns(rows, desks, wish))
        advice = say_free(desks[0], found, wish.length, wanted=wish.starts_at)
        return type(error)(f"{error.reason}; {advice}")

    def count(self, rows: Connection, desk: Desk, booking: Booking, card: Card) -> None:
        """Count a new booking for its customer's quota. Raises BookingRefused."""
        policy, zone = desk.policy, self.office.zone
        if not policy.quotas:
            return
        if card.number is None:
            if not card.none:
                raise BookingRefused(
                    f"{desk.device.name} has a quota: give the customer's library card, "
                    "or say that there is none."
                )
            self.note(rows, "quota_without_card", booking.id, desk.now)
            return
        number = quota.card_of(card.number)
        week = quota.week_of(booking.starts_at, zone)
        key = quotas.key_of(rows, week, lambda: secrets.token_bytes(quota.KEY_BYTES))
        mark = quota.mark_of(number, key)
        taken = quotas.taken(rows, mark, self._alike(desk.device))
        # Who waits in the queue will have a turn that day, too.
        line = queue.at_hand(rows, desk.device.address.site, desk.device.kind)
        waits = (each for each in line if each.mark == mark and each.booking is None)
        taken = [*taken, *(each.joined_at for each in waits)]
        reason = quota.refusal(policy.quotas, taken, booking.starts_at, zone)
        if reason is not None:
            raise BookingRefused(f"{reason}.")
        quotas.keep(rows, mark, booking.id, week)

    def follow(self, rows: Connection, booking_id: str, follower: str) -> None:
        """Count for a quota what goes on in another booking once, as the other one."""
        quotas.rename(rows, booking_id, follower)

    def note(
        self,
        rows: Connection,
        what: str,
        target: str,
        at: datetime,
        *,
        why: str | None = None,
        **details: str | int | None,
    ) -> None:
        """Keep in the audit log what staff did."""
        told = {key: value for key, value in details.items() if value is not None}
        audit.record(
            rows,
            audit.Entry(at=at, role="staff", what=what, target=target, details=told, why=why),
        )

    async def told(self, booking: Booking, code: NewCode | None = None) -> Change:
        """Tell a booking's device, and return how far that came."""
        delivery = await self.office.deliver(booking.address, booking.starts_at)
        device = self.office.devices[booking.address]
        if device.kind == ATTENDED:
            delivery = Delivery.AT_DESK
        return Change(booking, device, delivery, code.words if code else None)

    def _case(
        self, rows: Connection, desk: Desk, wish: Wish, first: datetime, last: datetime
    ) -> Case:
        room, device = spacing(desk.policy), desk.device
        first = max(first, _EPOCH + room) - room
        last = min(last, _LATEST - room) + room
        known = bookings.touching(rows, device.address, first, last)
        return Case(desk, wish, hours_of(rows, self.office, device), known)

    def _alike(self, device: Device) -> Collection[Address]:
        """Return the devices over which a quota counts: those of a kind at a site."""
        return {
            other.address
            for other in self.office.devices.values()
            if (other.kind, other.address.site) == (device.kind, device.address.site)
        }


def _is_out(rows: Connection, device: Device) -> bool:
    return staff_words.of_device(rows, device.address).out_of_service is not None


def utc(moment: datetime) -> datetime:
    """Return a time as the store keeps it. Raises BookingRefused."""
    try:
        return to_utc(moment)
    except ValueError as error:
        raise BookingRefused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def utc_later(moment: datetime, length: timedelta) -> datetime:
    """Return a later, or earlier, time as the store keeps it. Raises BookingRefused."""
    try:
        return utc(moment + length)
    except OverflowError:
        raise BookingRefused("The end is outside the years 1970 to 9999.") from None
