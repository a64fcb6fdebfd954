"""What people do in a library, drawn from a seed: they book, come, stay away, leave, ask.

Each action asks the real services. A refusal must say why; it is recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TypeVar

from agents.model import CheckIn, MoreTime
from agents.model import WalkIn as WalkInHere
from mqtt_schemas.base import ms_from_utc, utc_from_ms
from orchestrator.booking_service import Order
from orchestrator.bookkeeping import Card
from orchestrator.check_in_service import WalkIn
from orchestrator.domain.bookings import Booking, BookingRefused, Purpose
from orchestrator.domain.check_in import Answers
from orchestrator.domain.devices import CheckInBy, Device
from orchestrator.domain.series import Every
from orchestrator.event_service import NewEvent, People
from orchestrator.queue_service import Newcomer
from tests.year import site
from tests.year.machine import Machine
from tests.year.record import Refused, Span
from tests.year.world import ZONE, World

T = TypeVar("T")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
_YES = Answers(old_enough=True, guardian=True)


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of what happens, a day, and how likely people do what."""

    bookings: int = 60
    wrong: float = 0.05
    walk_ins: int = 10
    walk_ins_here: int = 10
    no_show: float = 0.12
    cancel: float = 0.06
    extend: float = 0.2
    leave_early: float = 0.25
    stay: float = 0.1
    disobeyed: float = 0.02
    joins: int = 12
    accept: float = 0.75
    outages: float = 0.3
    breakdowns: float = 0.35
    blocks: float = 0.15
    events: float = 0.4
    ended: float = 0.3
    series: float = 0.05


USUAL = Mix()


class Life:
    """One library's days."""

    def __init__(self, world: World, mix: Mix = USUAL) -> None:
        self.world = world
        self.mix = mix
        self._random = world.random
        self._services = world.services
        self.world.on_offer = self._on_offer
        self._tickets: dict[str, str] = {}
        self._devices = sorted(site.DEVICES.values(), key=lambda device: device.address)

    def plan(self, first: date, days: int) -> None:
        """Let each day's people come at times of that day."""
        for number in range(days):
            day = first + timedelta(days=number)
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
            begins = ms_from_utc(midnight.astimezone(UTC))
            for _ in range(self._random.randint(self.mix.bookings // 2, self.mix.bookings)):
                self.world.at(begins + self._random.randrange(7 * HOUR, 21 * HOUR), self._book)
            for _ in range(self._random.randint(0, self.mix.walk_ins)):
                self.world.at(begins + self._random.randrange(8 * HOUR, 21 * HOUR), self._walk_in)
            for _ in range(self._random.randint(0, self.mix.walk_ins_here)):
                at = begins + self._random.randrange(7 * HOUR, 22 * HOUR)
                self.world.at(at, self._walk_in_here)
            for _ in range(self._random.randint(0, self.mix.joins)):
                self.world.at(begins + self._random.randrange(8 * HOUR, 21 * HOUR), self._join)
            for chance, trouble in (
                (self.mix.outages, self._go_away),
                (self.mix.breakdowns, self._break_down),
                (self.mix.blocks, self._block),
                (self.mix.events, self._hold_event),
                (self.mix.ended, self._end_now),
            ):
                if self._random.random() < chance:
                    self.world.at(begins + self._random.randrange(7 * HOUR, 20 * HOUR), trouble)

    async def _book(self) -> None:
        device = self._random.choice(self._devices)
        starts, length = self._wish(device)
        number = f"{self._random.randrange(60):06}"
        any_of_kind = self._random.random() < 0.3
        order = Order(
            device=None if any_of_kind else str(device.address),
            kind=device.kind if any_of_kind else None,
            starts_at=utc_from_ms(starts),
            ends_at=utc_from_ms(starts + length),
            target_group=self._random.choice((*site.GROUPS, None)),
            party_size=self._random.choice((None, None, 1, 2, 3)),
            card=Card(number),
            over_closing=device.policy.after_closing == "staff" and self._random.random() < 0.2,
        )
        if self._random.random() < self.mix.series:
            await self._book_series(order, number)
            return
        change = await self._ask("book", self._services.bookings.add(order))
        if change is not None:
            self._keep_card(change.booking, number)
            self._expect(change.booking)
        elif not (any_of_kind or order.over_closing):
            self.world.record.refused.append(
                Refused(
                    at=self.world.now_ms,
                    device=device.address.device,
                    starts=starts,
                    ends=starts + length,
                    group=order.target_group,
                    party=order.party_size,
                    card=number,
                    why=self.world.record.refusals[-1][2],
                )
            )

    async def _book_series(self, order: Order, number: str) -> None:
        """Book the same turn for some weeks, as far as it can be had."""
        asked = self._services.bookings.add_series(order, Every.WEEK, 3, partial=True)
        series = await self._ask("book a series", asked)
        for change in series.changes if series else ():
            self._keep_card(change.booking, number)
            self._expect(change.booking)

    def _wish(self, device: Device) -> tuple[int, int]:
        """Return when somebody wants to begin, and for how long; now and then against a rule."""
        policy, random, now = device.policy, self._random, self.world.now_ms
        ahead = min(policy.ahead * 1000, 14 * DAY)
        days = 0 if policy.same_day else int(ahead * random.random() ** 2 // DAY)
        local = (self.world.now() + timedelta(days=days)).astimezone(ZONE)
        open_ = self.world.record.hours.get(local.date(), ())
        hour = random.randint(open_[0].from_.hour, open_[-1].to.hour - 1) if open_ else 12
        clock = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
        grid = max(policy.grid, 900)
        clock += timedelta(seconds=grid * random.randrange(max(1, 3600 // grid)))
        lengths = (1800, 2700, 3600, 5400, 7200, 10_800, 14_400, 21_600)
        fitting = [n for n in lengths if policy.shortest <= n <= policy.longest] or [policy.longest]
        starts = ms_from_utc(clock.astimezone(UTC))
        if starts < now + policy.notice * 1000:
            starts += DAY if not policy.same_day else 2 * HOUR
        length = random.choice(fitting) * 1000
        if random.random() < self.mix.wrong:
            starts += random.choice((-DAY, 7 * MINUTE, 40 * DAY, 0))
            length = random.choice((5 * MINUTE, 12 * HOUR, length))
        return starts, length

    def _expect(self, booking: Booking) -> None:
        """Decide what becomes of a turn that was booked."""
        starts, ends = ms_from_utc(booking.starts_at), ms_from_utc(booking.ends_at)
        random, world = self._random, self.world
        if random.random() < self.mix.cancel:
            world.at(random.randrange(world.now_ms, ends), partial(self._cancel, booking.id))
        if random.random() < self.mix.no_show:
            return
        policy = site.DEVICES[booking.address].policy
        late = random.randrange(max(1, min(policy.check_in_within * 1000, ends - starts) * 3 // 4))
        world.at(max(world.now_ms, starts + late - 5 * MINUTE), partial(self._come, booking.id))

    async def _come(self, booking_id: str) -> None:
        booking = await self._find(booking_id)
        if booking is None or not booking.live:
            return
        policy = site.DEVICES[booking.address].policy
        if policy.check_in is CheckInBy.CODE and str(booking.state) == "booked":
            machine = self.world.machines[booking.address]
            if machine.ask(CheckIn("three plain words"), self.world.now_ms).accepted:
                self._note_came(booking_id)
            self.world.touch(machine)
        elif policy.check_in is not CheckInBy.NONE and str(booking.state) == "booked":
            asked = self._services.check_ins.check_in(booking_id, _YES)
            if await self._ask("check in", asked) is not None:
                self._note_came(booking_id)
        begins = max(self.world.now_ms, ms_from_utc(booking.starts_at)) + MINUTE
        self.world.at(begins, partial(self._sit_down, booking_id))

    def _note_came(self, booking_id: str) -> None:
        self.world.record.came.setdefault(booking_id, self.world.now_ms)

    async def _sit_down(self, booking_id: str) -> None:
        booking = await self._find(booking_id)
        if booking is None or not booking.live:
            return
        machine = self.world.machines[booking.address]
        if machine.use is not None or self.world.now() >= booking.ends_at:
            return
        machine.obeys = self._random.random() >= self.mix.disobeyed
        machine.sit_down(self.world.now_ms)
        self.world.touch(machine)
        ends = ms_from_utc(booking.ends_at)
        left = ends - self.world.now_ms
        if self._random.random() < self.mix.extend:
            asks = self._ask_for_more if self._random.random() < 0.5 else self._extend
            self.world.at(ends - 5 * MINUTE, partial(asks, booking_id))
        if self._random.random() < self.mix.leave_early:
            leaves = self.world.now_ms + self._random.randrange(max(1, left))
        else:
            leaves = ends + 20 * MINUTE
        self.world.at(leaves, partial(self._leave, booking_id))

    async def _leave(self, booking_id: str) -> None:
        booking = await self._find(booking_id)
        if booking is not None:
            machine = self.world.machines[booking.address]
            if machine.turn in (None, booking_id):
                machine.leave(self.world.now_ms)
            machine.obeys = True
            self.world.touch(machine)

    async def _ask_for_more(self, booking_id: str) -> None:
        """Ask at the device; the orchestrator answers by the plan, or not at all."""
        booking = await self._find(booking_id)
        if booking is not None:
            machine = self.world.machines[booking.address]
            if machine.turn == booking_id:
                machine.ask(MoreTime(1800), self.world.now_ms)
                self.world.touch(machine)

    async def _walk_in_here(self) -> None:
        """Begin at the device, without a booking and without staff."""
        machine = self.world.machines[self._random.choice(self._devices).address]
        if machine.use is not None:
            return
        group = self._random.choice((*site.GROUPS, None))
        reply = machine.ask(WalkInHere(group=group), self.world.now_ms)
        self.world.touch(machine)
        if reply.accepted:
            machine.sit_down(self.world.now_ms)
            stays = self._random.randrange(5 * MINUTE, 3 * HOUR)
            self.world.at(self.world.now_ms + stays, partial(self._go, machine, machine.use))
        else:
            self.world.record.refusals.append(
                (self.world.now_ms, "walk in at the device", f"{reply.phrase}.")
            )

    async def _go(self, machine: Machine, use: str | None) -> None:
        if machine.use == use:
            machine.leave(self.world.now_ms)
            self.world.touch(machine)

    async def _extend(self, booking_id: str) -> None:
        booking = await self._find(booking_id)
        if booking is None or not booking.live:
            return
        step = timedelta(minutes=self._random.choice((15, 30)))
        longest = timedelta(seconds=site.DEVICES[booking.address].policy.longest)
        if booking.ends_at + step - booking.starts_at <= longest:
            await self._ask("extend", self._services.bookings.set_end(booking_id, step))

    async def _cancel(self, booking_id: str) -> None:
        await self._ask("cancel", self._services.bookings.cancel(booking_id))

    async def _walk_in(self) -> None:
        device = self._random.choice(self._devices)
        number = f"{self._random.randrange(60):06}"
        order = WalkIn(
            device=str(device.address),
            target_group=self._random.choice((*site.GROUPS, None)),
            party_size=self._random.choice((None, 1, 2)),
            answers=_YES,
            card=Card(number),
        )
        change = await self._ask("walk in", self._services.check_ins.walk_in(order))
        if change is not None:
            self._keep_card(change.booking, number)
            self.world.at(self.world.now_ms + MINUTE, partial(self._sit_down, change.booking.id))

    async def _join(self) -> None:
        device = self._random.choice(self._devices)
        card = f"{self._random.randrange(60):06}"
        newcomer = Newcomer(
            kind=device.kind,
            target_group=self._random.choice((*site.GROUPS, None)),
            card=Card(card),
        )
        joined = await self._ask("join", self.world.queue.join(newcomer))
        if joined is None:
            return
        ticket = joined.waiter.ticket
        self._tickets[ticket.id] = card
        self.world.tickets[ticket.day.isoformat(), ticket.kind, ticket.number] = card
        if self._random.random() < 0.1:
            number = joined.waiter.ticket.number
            leaves = self.world.now_ms + self._random.randrange(30 * MINUTE)
            self.world.at(leaves, partial(self._give_up, device.kind, number))

    async def _give_up(self, kind: str, number: int) -> None:
        await self._ask("leave", self.world.queue.leave(kind, number))

    def _on_offer(self, booking: Booking) -> None:
        self.world.at(self.world.now_ms, partial(self._note_card, booking))
        if self._random.random() < self.mix.accept:
            comes = self.world.now_ms + self._random.randrange(9 * MINUTE)
            self.world.at(comes, partial(self._accept, booking))

    async def _note_card(self, booking: Booking) -> None:
        for waiter in await self.world.queue.listed(site.DEVICES[booking.address].kind):
            if waiter.booking and waiter.booking.id == booking.id:
                self._keep_card(booking, self._tickets[waiter.ticket.id])

    async def _accept(self, booking: Booking) -> None:
        kind = site.DEVICES[booking.address].kind
        waiters = await self.world.queue.listed(kind)
        mine = [each for each in waiters if each.booking and each.booking.id == booking.id]
        if not mine:
            return
        number = mine[0].ticket.number
        if await self._ask("accept", self.world.queue.accept(kind, number, _YES)) is not None:
            self._note_came(booking.id)
            self.world.at(self.world.now_ms + MINUTE, partial(self._sit_down, booking.id))

    async def _go_away(self) -> None:
        """Let a device be out of reach for some hours; what it does then is told afterwards."""
        machine = self.world.machines[self._random.choice(self._devices).address]
        if machine.away:
            return
        machine.away = True
        begins, lasts = self.world.now_ms, self._random.randrange(5 * MINUTE, 6 * HOUR)
        name = machine.address.device
        self.world.record.away.append(Span(name, begins, begins + lasts))

        async def back() -> None:
            machine.come_back(self.world.now_ms)
            self.world.touch(machine)
            self.world.heard(machine)

        self.world.at(begins + lasts, back)

    async def _break_down(self) -> None:
        """Let a device break: whoever has a turn on it today goes to another one, if there is.

        Then it is out of service for some hours.
        """
        used = [each for each in self._devices if self.world.machines[each.address].use]
        device = self._random.choice(used or self._devices)
        now = self.world.now()
        today = await self._services.bookings.between(
            now, now + timedelta(hours=12), device=str(device.address)
        )
        for booking in today:
            if booking.live and booking.purpose is Purpose.TURN:
                moved = await self._ask("move", self._services.moves.move(booking.id))
                if moved is not None:
                    self._follow(booking, moved.change.booking)
        machine = self.world.machines[device.address]
        if machine.away or self._random.random() < 0.3:
            return
        if await self._ask("take out", self._services.staff.out(str(device.address), "fault")):
            lasts = self._random.randrange(30 * MINUTE, 30 * HOUR)
            begins, name = self.world.now_ms, device.address.device
            if not any(s.device == name and s.ends > begins for s in self.world.record.out):
                self.world.record.out.append(Span(name, begins, begins + lasts))
                self.world.at(begins + lasts, partial(self._put_back, str(device.address)))

    async def _put_back(self, device: str) -> None:
        await self._ask("put back", self._services.staff.back(device))

    async def _end_now(self) -> None:
        """Let staff end a turn that runs, at once."""
        used = [each for each in self._devices if self.world.machines[each.address].turn]
        if used:
            device = str(self._random.choice(used).address)
            await self._ask("end now", self._services.staff.end_now(device))

    def _follow(self, booking: Booking, moved: Booking) -> None:
        """Let the customer of a moved turn come to the other device."""
        if moved.id != booking.id:
            self.world.moved.add(moved.id)
            self.world.machines[booking.address].leave(self.world.now_ms)
            self.world.touch(self.world.machines[booking.address])
            card = self.world.cards.pop(booking.id, None)
            if card is not None:
                self.world.cards[moved.id] = card
            self.world.at(self.world.now_ms + MINUTE, partial(self._sit_down, moved.id))

    async def _block(self) -> None:
        devices = self._random.sample(self._devices, self._random.randint(1, 4))
        starts = self.world.now() + timedelta(days=self._random.randint(1, 9))
        starts = starts.replace(minute=0, second=0, microsecond=0)
        ends = starts + timedelta(hours=self._random.randint(1, 6))
        names = [str(device.address) for device in devices]
        await self._ask("block", self._services.bookings.block(names, starts, ends, why="school"))

    async def _hold_event(self) -> None:
        """Plan a class or a club on some devices of a kind; now and then it is cancelled."""
        kind = self._random.choice(("game-pc", "vr", "studio"))
        devices = [str(each.address) for each in self._devices if each.kind == kind]
        chosen = self._random.sample(devices, self._random.randint(1, len(devices)))
        starts = self.world.now().astimezone(ZONE) + timedelta(days=self._random.randint(0, 9))
        starts = starts.replace(hour=self._random.randint(8, 17), minute=0, second=0, microsecond=0)
        event = NewEvent(
            devices=chosen,
            starts_at=starts,
            ends_at=starts + timedelta(minutes=self._random.choice((45, 60, 120))),
            label="Koululuokka",
            target_group="koulu",
            rotate=self._random.choice((None, 360)),
            buffer=self._random.choice((None, 0, 1800)),
            outside_hours=self._random.random() < 0.2,
            people=People(under_18=self._random.randint(5, 25), estimated=True),
        )
        sheet = await self._ask("plan an event", self.world.events.add(event))
        if sheet is None:
            return
        for turn in sheet.turns:
            begins = ms_from_utc(turn.starts_at) + MINUTE
            self.world.at(begins, partial(self._sit_down, turn.id))
        if self._random.random() < 0.15:
            over = ms_from_utc(sheet.event.ends_at)
            self.world.at(
                self._random.randrange(self.world.now_ms, over + 1),
                partial(self._cancel_event, sheet.event.id),
            )

    async def _cancel_event(self, event: str) -> None:
        await self._ask("cancel an event", self.world.events.cancel(event, why="ill"))

    async def _find(self, booking_id: str) -> Booking | None:
        return await self.world.find(booking_id)

    def _keep_card(self, booking: Booking, number: str) -> None:
        if site.DEVICES[booking.address].policy.quotas:
            self.world.cards[booking.id] = number

    async def _ask(self, what: str, asked: Awaitable[T]) -> T | None:
        """Ask a service. A refusal is recorded with its reason."""
        try:
            return await asked
        except BookingRefused as error:
            self.world.record.refusals.append((self.world.now_ms, what, str(error)))
            return None
