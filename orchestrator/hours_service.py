"""When libraries are open: shown with where that is from, and imported from elsewhere.

1. Read the file in a process of its own. 2. In one transaction, let the imported days be what it
says. 3. Have the site's devices planned anew, and tell which bookings no longer lie in its hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mqtt_schemas.base import to_utc
from mqtt_schemas.topics import Address
from orchestrator.calendars import hours_reading
from orchestrator.calendars.hours_model import Parsed
from orchestrator.calendars.hours_reading import HoursFormat, HoursJob, ReadHours
from orchestrator.calendars.model import AHEAD, Fault, Unreadable
from orchestrator.domain.booking_rules import covers
from orchestrator.domain.bookings import Booking, BookingRefused, NotKnown, Purpose
from orchestrator.domain.opening_hours import DayHours, at, local_day
from orchestrator.domain.windows import WindowCache
from orchestrator.hours_of import openings_of
from orchestrator.office import Office
from orchestrator.public_holidays import holiday_name
from orchestrator.store import audit, bookings, hours
from orchestrator.store.database import Connection

_DAY = timedelta(days=1)
_NO_CHANGE = hours.Changed(added=0, changed=0, removed=0, same=0)


@dataclass(frozen=True, slots=True)
class ShownDay:
    """A day's hours. holiday: its name where it is a public holiday; that closes nothing."""

    hours: DayHours
    holiday: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursImport:
    """What an import did. done: whether it was; else nothing was changed.

    on_holidays: public holidays on which the library is now open. stranded: bookings of turns
    that are no longer within the hours of their device; nobody has cancelled them.
    """

    done: bool
    changed: hours.Changed = _NO_CHANGE
    faults: tuple[Fault, ...] = ()
    outside: int = 0
    on_holidays: tuple[ShownDay, ...] = ()
    stranded: tuple[Booking, ...] = field(default=())

    def say(self) -> str:
        """Return it in a sentence or two, for the person who asked."""
        bad = f"{_count(len(self.faults), 'entry', 'entries')} can't be taken"
        if not self.done:
            return f"Nothing was changed: {bad}."
        told = (
            f"{_count(self.changed.added, 'day', 'days')} added, {self.changed.changed} changed, "
            f"{self.changed.removed} taken back; {self.changed.same} as before."
        )
        return f"{told} {bad}." if self.faults else told


class HoursService:
    """Shows and imports hours. Every refusal is a BookingRefused."""

    def __init__(self, office: Office, read: ReadHours = hours_reading.read) -> None:
        self._office = office
        self._read = read

    async def show(self, site: str, first: date, last: date) -> list[ShownDay]:
        """Return the hours of the days from `first` to `last`. Raises BookingRefused."""
        self._check_site(site)
        if last < first:
            raise BookingRefused(f"The last day, {last}, is before the first, {first}.")
        if last - first >= hours.MAX_DAYS * _DAY:
            raise BookingRefused(f"At most {hours.MAX_DAYS} days can be shown at once.")
        configured = self._office.hours_of_site(site)
        days = await self._office.database.read(
            lambda rows: hours.days_of_site(rows, site, first, last, hours=configured)
        )
        return [self._shown(day) for day in days]

    async def take(
        self,
        site: str,
        data: bytes,
        *,
        format: HoursFormat | None = None,  # noqa: A002 - what it is called everywhere
        library: str | None = None,
        partial: bool = False,
        role: str = "staff",
    ) -> HoursImport:
        """Let a site's imported hours be what a file says. Raises BookingRefused, StoreFailed.

        partial: where entries are faulty, take the others, and leave the days that were imported
        before and are not among them; else nothing is changed.
        """
        self._check_site(site)
        parsed = await self._parsed(data, format, library)
        if parsed.reach is None or (parsed.faults and not partial):
            return HoursImport(done=False, faults=parsed.faults, outside=parsed.outside)
        now, reach = to_utc(self._office.now()), parsed.reach
        name = format or hours_reading.looks_like(data)

        def keep(rows: Connection) -> hours.Changed:
            changed = hours.replace(
                rows,
                site,
                parsed.days,
                reach=reach,
                source=name,
                at=now,
                whole=not parsed.faults,
            )
            if changed.any:
                audit.record(rows, _entry(site, name, reach, changed, now, role))
            return changed

        changed = await self._office.database.write(keep)
        if changed.any:
            self._office.replan(self._devices_of(site))
        return HoursImport(
            done=True,
            changed=changed,
            faults=parsed.faults,
            outside=parsed.outside,
            on_holidays=tuple(self._open_on_holidays(parsed.days)),
            stranded=await self._office.database.read(lambda rows: self._stranded(rows, site, now)),
        )

    async def take_feed(self, site: str, data: bytes, *, partial: bool = False) -> int:
        """Take a feed's file; return how many of its entries can't be taken.

        Raises BookingRefused, also where it is `partial` and none can be taken; StoreFailed.
        """
        taken = await self.take(site, data, partial=partial, role="import")
        if partial and not taken.done:
            raise BookingRefused(taken.say())
        return len(taken.faults)

    async def _parsed(self, data: bytes, form: HoursFormat | None, library: str | None) -> Parsed:
        zone = self._office.zone
        assert isinstance(zone, ZoneInfo)  # noqa: S101 - as configured
        first, last = hours_reading.reach(local_day(to_utc(self._office.now()), zone))
        job = HoursJob(first=first, last=last, timezone=zone.key, format=form, library=library)
        try:
            parsed = await self._read(data, job)
        except Unreadable as error:
            raise BookingRefused(str(error)) from None
        if not parsed.days and not parsed.faults:
            raise BookingRefused(f"The file says nothing of the days from {first} to {last}.")
        return parsed

    def _check_site(self, site: str) -> None:
        sites = {*self._office.hours, *(address.site for address in self._office.devices)}
        if site not in sites:
            raise NotKnown(f"There is no site {site!r}; there are {', '.join(sorted(sites))}.")

    def _devices_of(self, site: str) -> list[Address]:
        return [address for address in self._office.devices if address.site == site]

    def _shown(self, day: DayHours) -> ShownDay:
        language = self._office.language
        return ShownDay(day, holiday_name(day.day, language))

    def _open_on_holidays(self, days: Sequence[DayHours]) -> Iterator[ShownDay]:
        for day in days:
            shown = self._shown(day)
            if day.spans and shown.holiday is not None:
                yield shown

    def _stranded(self, rows: Connection, site: str, now: datetime) -> tuple[Booking, ...]:
        """Return the bookings of turns that do not lie within the hours of their device."""
        office = self._office
        last = at(local_day(now, office.zone) + AHEAD, 0, office.zone)
        openings = openings_of(rows, office, site, now, last)
        cache = WindowCache(office.zone, office.is_holiday)
        found: list[Booking] = []
        for booking in bookings.between(rows, ends_after=now, starts_before=last):
            device = office.devices.get(booking.address)
            counts = booking.address.site == site and booking.purpose is not Purpose.BLOCK
            if device is None or not booking.live or not counts or booking.over_closing:
                continue
            begin = max(booking.starts_at, now)
            windows = cache.usable(site, device.policy, openings, begin, booking.ends_at)
            if not covers(windows, begin, booking.ends_at):
                found.append(booking)
        return tuple(found)


def _entry(
    site: str,
    name: str,
    reach: tuple[date, date],
    changed: hours.Changed,
    now: datetime,
    role: str,
) -> audit.Entry:
    return audit.Entry(
        at=now,
        role=role,
        what="hours_imported",
        target=site,
        details={
            "format": name,
            "first": reach[0].isoformat(),
            "last": reach[1].isoformat(),
            "added": changed.added,
            "changed": changed.changed,
            "removed": changed.removed,
        },
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
