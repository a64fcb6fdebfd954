"""Commands on the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping, Card
from orchestrator.domain.bookings import Booking, BookingRefused, BookingState, NotKnown
from orchestrator.domain.check_in import Answers
from orchestrator.domain.codes import matches
from orchestrator.domain.devices import ATTENDED, CheckInBy, Device, Per, Quota
from orchestrator.domain.next_turn import Condition
from orchestrator.domain.queue import TicketState
from orchestrator.queue_service import MOST_WAITING, Joined, Newcomer, QueueService
from orchestrator.store import audit, bookings, queue
from orchestrator.store.database import Database
from tests.orchestrator.domain.queues import POLICY
from tests.orchestrator.fakes import NOW, PC, FakeClock, office

MINUTE = timedelta(minutes=1)
VR = Device(Address("paja", "vr-1"), "vr", POLICY, "VR 1")
VR_2 = replace(VR, address=Address("paja", "vr-2"), name="VR 2")
CONSOLE = Device(Address("paja", "console"), ATTENDED, replace(POLICY, minimum_age=13), "Console")


class Desk:
    """A service with a real store, whose devices are as the test says."""

    def __init__(self, database: Database, *devices: Device) -> None:
        self.database = database
        self.clock = FakeClock()
        self.replanned: list[set[Address]] = []
        self.told = asyncio.Event()
        self.conditions = {each.address: Condition.READY for each in devices}
        self.office = office(
            database,
            now=self.clock.now,
            devices={each.address: each for each in devices},
            replan=self.replan,
            conditions=lambda: {
                address: each
                for address, each in self.conditions.items()
                if devices[0].kind != ATTENDED
            },
        )
        self.service = QueueService(Bookkeeping(self.office))

    def replan(self, addresses: Collection[Address]) -> None:
        """Note which devices are to be told."""
        if addresses:
            self.replanned.append(set(addresses))
            self.told.set()

    async def join(self, kind: str = "vr", **other: object) -> Joined:
        """Give out a number."""
        return await self.service.join(Newcomer(kind, **other))  # type: ignore[arg-type] # a test's shorthand

    async def booked(self) -> list[Booking]:
        """Return everything booked this day."""
        return await self.database.read(
            lambda rows: bookings.between(
                rows, ends_after=NOW - timedelta(days=1), starts_before=NOW + timedelta(days=1)
            )
        )

    async def set_state(self, booking: Booking, state: BookingState) -> None:
        """Let a booking's state change, as the turns' keeper does."""
        await self.database.write(lambda rows: bookings.set_state(rows, booking, state))

    async def numbers(self, kind: str | None = None) -> list[tuple[int, TicketState]]:
        """Return who waits."""
        return [(each.ticket.number, each.ticket.state) for each in await self.service.listed(kind)]

    async def audited(self) -> list[str]:
        """Return what the audit log tells of the queue."""
        found = await self.database.read(
            lambda rows: audit.between(rows, NOW - MINUTE, NOW + timedelta(days=9))
        )
        return [f"{each.role} {each.what} {each.target}" for each in found]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty store."""
    database = Database.open(tmp_path / "store.db")
    yield database
    database.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    """Return the desk of a library with one VR headset."""
    return Desk(database, VR)


async def test_who_finds_a_device_free_is_offered_a_turn_at_once(desk: Desk) -> None:
    """Held for ten minutes, with a code that is told once and kept nowhere."""
    joined = await desk.join(target_group="nuoret", party_size=2)
    held = joined.waiter.booking
    assert held is not None
    assert joined.waiter.ticket.state is TicketState.OFFERED
    assert (held.address, held.state) == (VR.address, BookingState.OFFERED)
    assert (held.starts_at, held.ends_at) == (NOW, NOW + 30 * MINUTE)
    assert held.hold_until == NOW + 10 * MINUTE
    assert held.check_in is CheckInBy.CODE
    assert joined.code is not None
    assert held.code is not None
    assert matches(joined.code, held.code)
    assert await desk.booked() == [held]
    assert desk.replanned == [{VR.address}]
    assert await desk.audited() == [
        "staff number_given paja/vr/2026-11-25/1",
        "system turn_offered paja/vr/2026-11-25/1",
    ]


async def test_the_next_ones_wait_and_are_told_how_long(desk: Desk) -> None:
    """Half an hour, a minute of grace and four of cleaning each."""
    numbers = [await desk.join() for _ in range(3)]
    expected = [each.waiter.expected for each in numbers]
    assert expected == [None, NOW + 35 * MINUTE, NOW + 70 * MINUTE]
    listed = await desk.service.listed("vr")
    assert [each.expected for each in listed] == expected
    assert [each.ticket.state for each in listed] == ["offered", "waiting", "waiting"]
    assert await desk.database.read(lambda rows: queue.waiting(rows, "paja", "vr")) == 2


async def test_an_offer_that_lapsed_goes_to_the_next_in_line(desk: Desk) -> None:
    """The turns' keeper releases it; then the line moves on, never back."""
    first = (await desk.join()).waiter.booking
    assert first is not None
    await desk.join()
    assert await desk.service.move_on() == NOW + 35 * MINUTE
    desk.clock.pass_by(600)
    await desk.set_state(first, BookingState.RELEASED)
    await desk.service.move_on()
    assert await desk.numbers() == [(2, TicketState.OFFERED)]
    second = (await desk.service.listed())[0].booking
    assert second is not None
    assert (second.starts_at, second.hold_until) == (NOW + 10 * MINUTE, NOW + 20 * MINUTE)
    assert "system number_expired paja/vr/2026-11-25/1" in await desk.audited()


async def test_an_offer_that_was_taken_at_the_device_leaves_the_line(desk: Desk) -> None:
    """What the device reported has made the booking checked in."""
    held = (await desk.join()).waiter.booking
    assert held is not None
    await desk.set_state(held, BookingState.CHECKED_IN)
    assert await desk.service.move_on() is None
    assert await desk.numbers() == []
    ticket = await desk.database.read(lambda rows: queue.find(rows, "paja", "vr", NOW.date(), 1))
    assert ticket is not None
    assert (ticket.state, ticket.booking, ticket.code) == (TicketState.TAKEN, held.id, None)


async def test_a_device_that_can_not_be_given_out_is_not_offered(desk: Desk) -> None:
    """Away, busy without a turn, or taken out of service by staff."""
    for condition in (Condition.AWAY, Condition.BUSY):
        desk.conditions[VR.address] = condition
        joined = await desk.join()
        assert joined.waiter.ticket.state is TicketState.WAITING
        assert joined.waiter.expected is None
    desk.conditions[VR.address] = Condition.READY
    await desk.database.write(
        lambda rows: rows.execute(
            "INSERT INTO staff_words (site, device, out_of_service) VALUES ('paja', 'vr-1', 'x')"
        )
    )
    await desk.service.move_on()
    assert await desk.booked() == []
    await desk.database.write(lambda rows: rows.execute("DELETE FROM staff_words"))
    await desk.service.move_on()
    assert await desk.numbers() == [(1, TicketState.OFFERED), (2, TicketState.WAITING)]


async def test_who_is_offered_a_device_that_breaks_keeps_their_place(database: Database) -> None:
    """Taken out of service, or the turn cancelled by staff: the next device is theirs first."""
    desk = Desk(database, VR)
    held = (await desk.join()).waiter.booking
    await desk.join()
    assert held is not None
    desk.replanned.clear()
    await desk.database.write(
        lambda rows: rows.execute(
            "INSERT INTO staff_words (site, device, out_of_service) VALUES ('paja', 'vr-1', 'x')"
        )
    )
    await desk.service.move_on()
    assert await desk.numbers() == [(1, TicketState.WAITING), (2, TicketState.WAITING)]
    assert [each.state for each in await desk.booked()] == [BookingState.CANCELLED]
    assert "system number_waiting paja/vr/2026-11-25/1" in await desk.audited()
    assert desk.replanned == [{VR.address}]
    await desk.database.write(lambda rows: rows.execute("DELETE FROM staff_words"))
    await desk.service.move_on()
    assert await desk.numbers() == [(1, TicketState.OFFERED), (2, TicketState.WAITING)]


async def test_an_offer_over_midnight_can_still_be_accepted(desk: Desk) -> None:
    """By the number of the day before."""
    desk.clock.pass_by(10 * 3600 - 300)
    await desk.join()
    desk.clock.pass_by(400)
    assert (await desk.service.accept("vr", 1, Answers())).booking.state == "checked_in"


async def test_who_leaves_gives_the_held_turn_to_the_next(desk: Desk) -> None:
    """At once; whoever waits in line just goes."""
    for _ in range(3):
        await desk.join()
    assert (await desk.service.leave("vr", 2)).ticket.state is TicketState.LEFT
    gone = await desk.service.leave("vr", 1)
    assert gone.booking is not None
    assert gone.booking.state is BookingState.RELEASED
    assert await desk.numbers() == [(3, TicketState.OFFERED)]
    with pytest.raises(BookingRefused, match=r"Number 1 waits no more \(left\)"):
        await desk.service.leave("vr", 1)
    with pytest.raises(NotKnown, match="There is no number 9 for vr today"):
        await desk.service.leave("vr", 9)


async def test_staff_skips_who_was_called_and_did_not_come(desk: Desk) -> None:
    """Only those: nobody in line is passed over."""
    await desk.join()
    await desk.join()
    with pytest.raises(BookingRefused, match="No turn is held for number 2; it waits in line"):
        await desk.service.skip("vr", 2)
    assert (await desk.service.skip("vr", 1)).ticket.state is TicketState.EXPIRED
    assert await desk.numbers() == [(2, TicketState.OFFERED)]
    assert "staff number_skipped paja/vr/2026-11-25/1" in await desk.audited()


async def test_staff_calls_the_next(desk: Desk) -> None:
    """Where the orchestrator has not done so yet; a refusal says why nobody is called."""
    with pytest.raises(BookingRefused, match="Nobody waits for vr"):
        await desk.service.call("vr")
    desk.conditions[VR.address] = Condition.BUSY
    await desk.join()
    with pytest.raises(BookingRefused, match="No vr is free now that those who wait could have"):
        await desk.service.call("vr")
    desk.conditions[VR.address] = Condition.READY
    assert [each.ticket.number for each in await desk.service.call("vr")] == [1]


async def test_an_offer_is_accepted_at_the_desk(database: Database) -> None:
    """Where the policy asks for it, the age is asked, and answered yes or no."""
    desk = Desk(database, CONSOLE)
    joined = await desk.join(ATTENDED)
    assert joined.code is None
    assert joined.waiter.booking is not None
    assert joined.waiter.booking.check_in is CheckInBy.STAFF
    with pytest.raises(BookingRefused, match="Ask first: is everybody at least 13 years old"):
        await desk.service.accept(ATTENDED, 1, Answers())
    change = await desk.service.accept(ATTENDED, 1, Answers(old_enough=True))
    assert change.booking == replace(joined.waiter.booking, state=BookingState.CHECKED_IN)
    assert await desk.numbers() == []
    with pytest.raises(BookingRefused, match="No turn is held for number 1"):
        await desk.service.accept(ATTENDED, 1, Answers(old_enough=True))


async def test_an_offer_is_not_accepted_too_late(desk: Desk) -> None:
    """Also before the turns' keeper has released it."""
    await desk.join()
    desk.clock.pass_by(600)
    with pytest.raises(BookingRefused, match="was held for number 1 until just now"):
        await desk.service.accept("vr", 1, Answers())


async def test_numbers_end_with_the_local_day(desk: Desk) -> None:
    """At midnight in Helsinki; the next one is 1 again."""
    desk.conditions[VR.address] = Condition.BUSY
    await desk.join()
    assert await desk.service.move_on() == datetime(2026, 11, 25, 22, tzinfo=UTC)
    desk.clock.pass_by(10 * 3600)
    assert await desk.numbers() == []
    await desk.service.move_on()
    assert await desk.database.read(lambda rows: queue.waiting(rows, "paja", "vr")) == 0
    assert (await desk.join()).waiter.ticket.number == 1


async def test_of_many_at_once_each_gets_a_number_and_one_the_turn(database: Database) -> None:
    """Numbers are given, and turns held, in one transaction."""
    desk = Desk(database, replace(VR, policy=replace(POLICY, check_in=CheckInBy.STAFF)))
    joined = await asyncio.gather(*(desk.join() for _ in range(20)))
    assert sorted(each.waiter.ticket.number for each in joined) == list(range(1, 21))
    offered = [each for each in joined if each.waiter.ticket.state is TicketState.OFFERED]
    assert [each.waiter.ticket.number for each in offered] == [1]
    assert len(await desk.booked()) == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "xyz"}, "There is no device of the kind 'xyz'"),
        ({"kind": "vr", "target_group": "kissat"}, "There is no target group 'kissat'"),
        ({"kind": "vr", "party_size": 0}, "A party is 1 to 1000 people, not 0"),
        ({"kind": "vr", "party_size": 3}, "No vr is for more than 2 people at a time"),
    ],
)
async def test_a_wrong_wish_is_refused(
    database: Database, wrong: dict[str, object], sentence: str
) -> None:
    """With one sentence, and nothing is kept."""
    desk = Desk(database, replace(VR, policy=replace(POLICY, party=2)))
    with pytest.raises(BookingRefused, match=sentence):
        await desk.join(**wrong)  # type: ignore[arg-type] # of the table
    assert await desk.numbers() == []


async def test_a_line_is_bounded(database: Database) -> None:
    """The last of many would wait for days."""
    desk = Desk(database, replace(VR, policy=replace(POLICY, check_in=CheckInBy.STAFF)))
    desk.conditions[VR.address] = Condition.AWAY
    for _ in range(MOST_WAITING):
        await desk.join()
    with pytest.raises(BookingRefused, match="200 wait for vr already"):
        await desk.join()


async def test_a_quota_counts_who_still_waits(database: Database) -> None:
    """Else a card could wait for its second turn of the day while it books its first."""
    desk = Desk(database, replace(VR, policy=replace(POLICY, quotas=(Quota(1, Per.DAY),))))
    desk.conditions[VR.address] = Condition.BUSY
    assert (await desk.join(card=Card("12345678"))).waiter.booking is None
    service = BookingService(Bookkeeping(desk.office))
    starts_at = NOW + timedelta(hours=2)
    order = Order("vr-1", starts_at, starts_at + timedelta(hours=1), card=Card("12345678"))
    with pytest.raises(BookingRefused, match="This card has 1 turn that day already"):
        await service.add(order)


async def test_a_quota_counts_turns_from_the_queue_too(database: Database) -> None:
    """By the card's mark, that goes with the number; nobody waits twice."""
    desk = Desk(database, replace(VR, policy=replace(POLICY, quotas=(Quota(1, Per.DAY),))))
    with pytest.raises(BookingRefused, match="vr has a quota: give the customer's library card"):
        await desk.join()
    held = (await desk.join(card=Card("12345678"))).waiter.booking
    with pytest.raises(BookingRefused, match="This card waits in the queue already"):
        await desk.join(card=Card("12345678"))
    assert held is not None
    await desk.set_state(held, BookingState.CHECKED_IN)
    with pytest.raises(BookingRefused, match="This card has 1 turn that day already"):
        await desk.join(card=Card("12345678"))
    assert (await desk.join(card=Card(none=True))).waiter.ticket.number == 2


async def test_each_kind_has_its_line(database: Database) -> None:
    """Two devices of a kind serve one line; another kind's numbers are its own."""
    desk = Desk(database, VR, VR_2, PC)
    for _ in range(3):
        await desk.join("paja/vr")
    await desk.join("pc")
    assert await desk.numbers() == [
        (1, TicketState.OFFERED),
        (1, TicketState.OFFERED),
        (2, TicketState.OFFERED),
        (3, TicketState.WAITING),
    ]
    assert await desk.numbers("vr") == (await desk.numbers())[1:]
    assert len({each.address for each in await desk.booked()}) == 3
