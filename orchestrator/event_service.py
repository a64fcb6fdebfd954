"""The commands on group events, the same for HTTP and for the command line."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from orchestrator.bookkeeping import Bookkeeping, Change, utc
from orchestrator.domain.bookings import Booking, BookingRefused, NotKnown, Purpose
from orchestrator.domain.devices import Device
from orchestrator.domain.group_events import (
    MOST_DEVICES,
    Count,
    EventState,
    GroupEvent,
    as_told,
    check_event,
    check_people,
    clean_label,
    clean_why,
    turn_of,
)
from orchestrator.event_turns import EventTurns
from orchestrator.store import bookings, group_events
from orchestrator.store.database import Connection
from orchestrator.store.group_events import EventSession


class People(NamedTuple):
    """Who took part. estimated: nobody counted them."""

    under_18: int = 0
    over_18: int = 0
    unknown: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What somebody plans. outside_hours: staff opens the library for it.

    label: a few words that name nobody. people: as expected, an estimate until the event begins.
    """

    devices: Sequence[str]
    starts_at: datetime
    ends_at: datetime
    label: str
    target_group: str | None = None
    rotate: int | None = None
    buffer: int | None = None
    outside_hours: bool = False
    not_counted: str | None = None
    people: People | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """An event with all that belongs to it. told: its figures, oldest first; the last one holds.

    turns: of its devices; cancelled and ended ones too. changes: how far a change has come.
    """

    event: GroupEvent
    turns: tuple[Booking, ...]
    told: tuple[Count, ...] = ()
    sessions: tuple[EventSession, ...] = ()
    changes: tuple[Change, ...] = ()


class EventService:
    """Plans group events and counts who took part. Every refusal is a BookingRefused."""

    def __init__(self, books: Bookkeeping) -> None:
        self._books = books
        self._office = books.office
        self._database = books.office.database
        self._turns = EventTurns(books)

    async def add(self, new: NewEvent) -> Sheet:
        """Plan an event on all its devices, or on none. Raises BookingRefused, StoreFailed."""
        devices = self._devices(new.devices)
        self._books.check_group(new.target_group)
        event = GroupEvent(
            id=secrets.token_hex(6),
            site=devices[0].address.site,
            label=clean_label(new.label),
            starts_at=utc(new.starts_at),
            ends_at=utc(new.ends_at),
            target_group=new.target_group,
            rotate=new.rotate,
            buffer=new.buffer,
            not_counted=None if new.not_counted is None else clean_why(new.not_counted),
        )
        check_event(event, self._office.now())

        def take(rows: Connection) -> list[Booking]:
            desks = [self._office.desk(device) for device in devices]
            self._turns.check_places(rows, desks, event, event.starts_at)
            if not new.outside_hours:
                self._turns.check_open(rows, desks[0], event)
            group_events.insert(rows, event, created=desks[0].now)
            turns = [
                turn_of(event, desk, secrets.token_hex(6), over_closing=new.outside_hours)
                for desk in desks
            ]
            for desk, turn in zip(desks, turns, strict=True):
                self._turns.keep(rows, desk, event, turn)
            details = {"devices": len(desks), "outside_hours": int(new.outside_hours) or None}
            self._books.note(rows, "event_added", event.id, desks[0].now, why=new.why, **details)
            if new.people is not None:
                self._tell(rows, event, new.people, None)
            return turns

        return await self._told(event.id, await self._database.write(take))

    async def set_participants(
        self, event_id: str, people: People, *, why: str | None = None
    ) -> Sheet:
        """Tell who took part, or correct it: then say why. Raises BookingRefused, StoreFailed."""

        def tell(rows: Connection) -> None:
            self._tell(rows, self._find(rows, event_id), people, why)

        await self._database.write(tell)
        return await self.sheet(event_id)

    async def set_counted(self, event_id: str, *, counted: bool, why: str | None) -> Sheet:
        """Say that an event's people are counted elsewhere, or are to be counted here after all.

        Raises BookingRefused, StoreFailed.
        """

        def change(rows: Connection) -> None:
            event = self._find(rows, event_id)
            reason = clean_why(why)
            if counted and event.not_counted is None:
                raise BookingRefused("The event is counted already.")
            group_events.change(rows, replace(event, not_counted=None if counted else reason))
            what = "event_counted" if counted else "event_not_counted"
            self._books.note(rows, what, event.id, self._office.now(), why=reason)

        await self._database.write(change)
        return await self.sheet(event_id)

    async def cancel(self, event_id: str, *, why: str | None = None) -> Sheet:
        """Cancel an event; one that has begun ends now, and stays. Raises BookingRefused."""
        now = utc(self._office.now())

        def cancel(rows: Connection) -> list[Booking]:
            event = self._find(rows, event_id)
            self._check_alive(event, now)
            begun = event.starts_at < now
            after = replace(event, ends_at=now) if begun else event
            gone = self._turns.left(rows, event, now)
            self._turns.drop_pauses(rows, event, {each.address for each in gone}, now)
            ended = [self._turns.end(rows, after, turn, now) for turn in gone]
            state = event.state if begun else EventState.CANCELLED
            group_events.change(rows, replace(after, state=state))
            what = "event_ended" if begun else "event_cancelled"
            self._books.note(rows, what, event.id, now, why=why)
            return ended

        return await self._told(event_id, await self._database.write(cancel))

    async def move_device(
        self, event_id: str, *, device: str, to: str, why: str | None = None
    ) -> Sheet:
        """Give an event another device for one of its own, for what is left of it.

        Raises BookingRefused, StoreFailed.
        """
        (old,), (new,) = self._devices([device]), self._devices([to])
        now = utc(self._office.now())

        def move(rows: Connection) -> list[Booking]:
            event = self._find(rows, event_id)
            self._check_alive(event, now)
            if new.address.site != event.site:
                raise BookingRefused(f"{new.name} is at another site.")
            turns = self._turns.left(rows, event, now)
            turn = next((each for each in turns if each.address == old.address), None)
            if turn is None:
                raise BookingRefused(f"{old.name} has no turn left in the event.")
            if any(each.address == new.address for each in turns):
                raise BookingRefused(f"{new.name} is part of the event already.")
            desk, begin = self._office.desk(new), max(now, turn.starts_at)
            self._turns.check_places(rows, [desk], event, begin)
            self._turns.drop_pauses(rows, event, {old.address}, now)
            moved = replace(turn, address=new.address, starts_at=begin)
            if turn.starts_at < now:
                moved = replace(moved, id=secrets.token_hex(6))
                self._turns.end(rows, event, turn, now)
                self._turns.keep(rows, desk, event, moved)
            else:
                bookings.change(rows, moved)
                self._turns.keep_pause(rows, desk, event, moved)
            where = {"from": str(old.address), "to": str(new.address)}
            self._books.note(rows, "event_device_moved", event.id, now, why=why, **where)
            return [moved]

        moved = await self._database.write(move)
        self._office.replan({old.address})
        return await self._told(event_id, moved)

    async def sheet(self, event_id: str) -> Sheet:
        """Return an event with all that belongs to it. Raises NotKnown."""

        def read(rows: Connection) -> Sheet:
            event = self._find(rows, event_id)
            return self._sheet(rows, event)

        return await self._database.read(read)

    async def between(self, ends_after: datetime, starts_before: datetime) -> list[Sheet]:
        """Return the events that touch a span, cancelled ones too. Raises BookingRefused."""
        first, last = utc(ends_after), utc(starts_before)

        def read(rows: Connection) -> list[Sheet]:
            found = group_events.between(rows, ends_after=first, starts_before=last)
            return [self._sheet(rows, event) for event in found]

        return await self._database.read(read)

    def device_name(self, booking: Booking) -> str:
        """Return the name of a turn's device."""
        device = self._office.devices.get(booking.address)
        return device.name if device else booking.address.device

    def _devices(self, names: Sequence[str]) -> list[Device]:
        """Return the devices of one site that somebody named. Raises BookingRefused."""
        if not 1 <= len(names) <= MOST_DEVICES:
            raise BookingRefused(f"An event is on 1 to {MOST_DEVICES} devices.")
        found = [self._books.devices(device=name, kind=None)[0] for name in names]
        named = list({device.address: device for device in found}.values())
        if len({device.address.site for device in named}) > 1:
            raise BookingRefused("The devices of an event are all at one site.")
        return named

    def _find(self, rows: Connection, event_id: str) -> GroupEvent:
        event = group_events.find(rows, event_id)
        if event is None:
            raise NotKnown(f"There is no event {event_id!r}.")
        return event

    def _check_alive(self, event: GroupEvent, now: datetime) -> None:
        if event.state is EventState.CANCELLED:
            raise BookingRefused("The event is cancelled already.")
        if event.ends_at <= now:
            raise BookingRefused("The event is over.")

    def _tell(self, rows: Connection, event: GroupEvent, people: People, why: str | None) -> None:
        told = group_events.counts_of(rows, [event.id]).get(event.id, [])
        count = as_told(
            event,
            Count(
                at=utc(self._office.now()),
                role="staff",
                under_18=people.under_18,
                over_18=people.over_18,
                unknown=people.unknown,
                estimated=people.estimated,
                why=clean_why(why) if why is not None else None,
            ),
        )
        check_people(event, count, told)
        group_events.add_count(rows, event.id, count)
        before = told[-1] if told else None
        self._books.note(
            rows,
            "participants_corrected" if before else "participants_told",
            event.id,
            count.at,
            why=count.why,
            under_18=count.under_18,
            over_18=count.over_18,
            unknown=count.unknown,
            estimated=int(count.estimated) or None,
            before=None if before is None else before.total,
        )

    def _sheet(self, rows: Connection, event: GroupEvent) -> Sheet:
        found = bookings.of_event(rows, event.id)
        return Sheet(
            event,
            tuple(each for each in found if each.purpose is Purpose.EVENT),
            tuple(group_events.counts_of(rows, [event.id]).get(event.id, ())),
            tuple(group_events.sessions_of(rows, event.id)),
        )

    async def _told(self, event_id: str, turns: Sequence[Booking]) -> Sheet:
        """Tell the devices, all at once, and return the event as it is then."""
        self._office.replan({turn.address for turn in turns})
        changes = await asyncio.gather(*(self._books.told(turn) for turn in turns))
        return replace(await self.sheet(event_id), changes=tuple(changes))
