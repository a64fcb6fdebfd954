"""Commands on bookings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from mqtt_schemas.topics import Address
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping, Card
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    NoRoom,
    NotKnown,
)
from orchestrator.domain.codes import matches
from orchestrator.domain.devices import CheckInBy, Per, Quota
from orchestrator.domain.series import Every
from orchestrator.domain.staff_words import StaffWords
from orchestrator.store import audit, bookings, staff_words
from orchestrator.store.database import Connection, Database
from tests.orchestrator.desk import MINUTE, DeskOf, game
from tests.orchestrator.desk import order as order_any
from tests.orchestrator.fakes import NOW, PC, PRINTER, FakeClock, office

HOUR = timedelta(hours=1)


class Counter:
    """A service with a real store, and what it told the devices."""

    def __init__(self, database: Database) -> None:
        self.told: list[tuple[Address, datetime | None]] = []
        self.clock = FakeClock()
        self.service = BookingService(
            Bookkeeping(office(database, now=self.clock.now, deliver=self.deliver))
        )

    async def deliver(self, address: Address, matters_at: datetime | None) -> Delivery:
        """Note who is to be told, of what time."""
        self.told.append((address, matters_at))
        return Delivery.IN_FORCE


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """Return a service with nothing booked."""
    database = Database.open(tmp_path / "store.db")
    yield Counter(database)
    database.close()


def order(
    start: timedelta = HOUR, length: timedelta = HOUR, device: str = "printer-1", **other: object
) -> Order:
    """Return an order for a printer in an hour."""
    return Order(device, NOW + start, NOW + start + length, **{"target_group": "nuoret", **other})  # type: ignore[arg-type] # a test's shorthand


async def test_a_booking_is_kept_and_its_device_is_told(counter: Counter) -> None:
    """The answer is the booking as it is kept, and how far it has come."""
    change = await counter.service.add(order(party_size=2))
    assert counter.told == [(change.booking.address, change.booking.starts_at)]
    assert (change.device, change.delivery) == (PRINTER, Delivery.IN_FORCE)
    assert await counter.service.between(NOW, NOW + 3 * HOUR) == [change.booking]
    assert (change.booking.target_group, change.booking.party_size) == ("nuoret", 2)


async def test_of_many_at_once_only_one_gets_the_turn(counter: Counter) -> None:
    """Looking for room and taking it is one transaction."""
    results = await asyncio.gather(
        *(counter.service.add(order()) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, NoRoom) for result in results) == 19
    assert len(counter.told) == 1
    assert len(await counter.service.between(NOW, NOW + 9 * HOUR)) == 1


async def test_devices_do_not_stand_in_each_others_way(counter: Counter) -> None:
    """The same hour on another device is free."""
    await counter.service.add(order())
    await counter.service.add(order(device="paja/pc-1"))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"device": "printer-2"}, "There is no device 'printer-2'; did you mean 'printer-1'?"),
        ({"device": "xyz"}, "There is no device 'xyz'."),
        ({"device": "pc-1"}, "There are several devices called 'pc-1': paja/pc-1 or sivu/pc-1."),
        ({"target_group": "nuorret"}, "There is no target group 'nuorret'; there are lapset, "),
        ({"party_size": 0}, "A party is 1 to 1000 people, not 0."),
        ({"party_size": 1001}, "A party is 1 to 1000 people, not 1001."),
        ({"start": -HOUR}, "The start, 2026-11-25 13:00, is in the past."),
        ({"length": timedelta(0)}, "The end, 2026-11-25 15:00, is not after the start"),
        ({"length": 3 * HOUR}, "A turn on Printer 1 is at most 2 h long."),
    ],
)
async def test_a_wrong_order_is_refused_in_a_sentence(
    counter: Counter, wrong: dict[str, object], sentence: str
) -> None:
    """Nothing is kept, and no device is told."""
    with pytest.raises(BookingRefused) as refusal:
        await counter.service.add(order(**wrong))  # type: ignore[arg-type] # a test's shorthand
    assert str(refusal.value).startswith(sentence)
    assert counter.told == []
    assert await counter.service.between(NOW - HOUR, NOW + 9 * HOUR) == []


@pytest.mark.parametrize("year", [1, 1969, 1970, 9999])
async def test_times_at_the_edge_of_the_calendar_are_refused_in_a_sentence(
    counter: Counter, year: int
) -> None:
    """Whatever arithmetic they would break."""
    end = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    with pytest.raises(BookingRefused, match=r"outside the years|in the past|ahead|most"):
        await counter.service.add(Order("printer-1", end - HOUR, end, "nuoret"))
    with pytest.raises(BookingRefused, match="at most 2 h long"):
        await counter.service.add(Order("printer-1", NOW.replace(year=1970), NOW, "nuoret"))


async def test_a_cancelled_turn_is_free_again(counter: Counter) -> None:
    """The record stays, cancelled."""
    booking = (await counter.service.add(order())).booking
    change = await counter.service.cancel(booking.id)
    assert change.booking.state is BookingState.CANCELLED
    assert counter.told[-1] == (change.booking.address, change.booking.starts_at)
    again = await counter.service.add(order())
    states = [each.state for each in await counter.service.between(NOW, NOW + 9 * HOUR)]
    assert sorted(states) == [BookingState.BOOKED, BookingState.CANCELLED]
    with pytest.raises(BookingRefused, match="cancelled already"):
        await counter.service.cancel(booking.id)
    with pytest.raises(NoRoom):
        await counter.service.add(order())
    assert again.booking.id != booking.id


async def test_a_running_turn_gets_a_new_end_or_so_much_more_time(counter: Counter) -> None:
    """Longer, up to the next; or shorter, up to now."""
    booking = (await counter.service.add(order())).booking
    await counter.service.add(order(start=4 * HOUR))
    counter.clock.pass_by(1.5 * 3600)
    change = await counter.service.set_end(booking.id, NOW + 3 * HOUR)
    assert change.booking.ends_at == NOW + 3 * HOUR
    change = await counter.service.set_end(booking.id, HOUR / 2)
    assert change.booking.ends_at == NOW + 3.5 * HOUR
    with pytest.raises(NoRoom, match="it can be extended to 17:59"):
        await counter.service.set_end(booking.id, HOUR)
    change = await counter.service.set_end(booking.id, counter.clock.now())
    assert change.booking.ends_at == NOW + 1.5 * HOUR
    assert counter.told[-1] == (change.booking.address, change.booking.starts_at)


async def test_an_unknown_booking_is_refused(counter: Counter) -> None:
    """To cancel and to extend."""
    for command in (counter.service.cancel("b9"), counter.service.set_end("b9", HOUR)):
        with pytest.raises(NotKnown, match="There is no booking 'b9'"):
            await command


async def test_bookings_are_listed_of_one_device_where_asked(counter: Counter) -> None:
    """By the name that people use."""
    await counter.service.add(order())
    other = (await counter.service.add(order(device="paja/pc-1"))).booking
    assert await counter.service.between(NOW, NOW + 9 * HOUR, device=str(PC.address)) == [other]
    with pytest.raises(NotKnown):
        await counter.service.between(NOW, NOW, device="xyz")


async def test_any_device_of_a_kind_is_booked_while_one_is_free(database: Database) -> None:
    """Then the nearest free turns of all of them are named."""
    desk = DeskOf(database, game(1), game(2))
    first = await desk.bookings.add(order_any())
    second = await desk.bookings.add(order_any())
    assert [each.booking.address.device for each in (first, second)] == ["game-1", "game-2"]
    assert first.booking.kind == "game"
    with pytest.raises(NoRoom) as refusal:
        await desk.bookings.add(order_any())
    assert str(refusal.value) == (
        "No game is free at 2026-11-25 15:00; the nearest free turns of 1 h start at "
        "16:05, 16:05 (Game 2) and 17:10."
    )


async def test_a_device_that_is_out_of_service_is_booked_last(database: Database) -> None:
    """It may be back by then; but who wants any of the kind gets one that works."""
    desk = DeskOf(database, game(1), game(2))
    out = StaffWords(out_of_service="fault")
    broken = Address("paja", "game-1")
    await database.write(lambda rows: staff_words.keep(rows, broken, out))
    found = [(await desk.bookings.add(order_any())).booking.address.device for _ in range(2)]
    assert found == ["game-2", "game-1"]


async def test_a_refusal_names_free_turns_on_other_devices_of_the_kind(database: Database) -> None:
    """Which may be the very hour that was wished for."""
    desk = DeskOf(database, game(1), game(2))
    await desk.bookings.add(order_any(device="game-1"))
    with pytest.raises(NoRoom, match=r"start at 15:00 \(Game 2\), 16:05"):
        await desk.bookings.add(order_any(device="game-1"))


async def test_a_code_is_told_once_and_kept_as_a_hash(database: Database) -> None:
    """A new one takes its place."""
    desk = DeskOf(database, game(1))
    change = await desk.bookings.add(order_any())
    assert change.code is not None
    assert change.booking.code is not None
    assert matches(change.code, change.booking.code)
    again = await desk.bookings.new_code(change.booking.id)
    assert again.code is not None
    kept = (await desk.find(change.booking.id)).code
    assert kept is not None
    assert matches(again.code, kept)
    assert not matches(change.code, kept)
    dump = "".join(await database.read(lambda rows: list(rows.iterdump())))
    assert not any(words in dump for words in (change.code, again.code))


async def test_no_code_is_made_where_none_is_asked_for(database: Database) -> None:
    """Nor is one renewed."""
    desk = DeskOf(database, game(1, check_in=CheckInBy.STAFF))
    change = await desk.bookings.add(order_any())
    assert (change.code, change.booking.check_in) == (None, CheckInBy.STAFF)
    with pytest.raises(BookingRefused, match="is not checked in to by code"):
        await desk.bookings.new_code(change.booking.id)


async def test_a_quota_needs_a_card_and_keeps_none(database: Database) -> None:
    """Not in any table; and by staff's word it goes without."""
    desk = DeskOf(database, game(1, quotas=(Quota(1, Per.DAY),)), game(2))
    with pytest.raises(BookingRefused, match="Game 1 has a quota: give the customer's library"):
        await desk.bookings.add(order_any(device="game-1"))
    card = Card("AB 1234567")
    first = await desk.bookings.add(order_any(device="game-1", card=card))
    later: dict[str, Any] = {"start": 4 * HOUR, "device": "game-1"}
    with pytest.raises(BookingRefused, match="This card has 1 turn that day already"):
        await desk.bookings.add(order_any(**later, card=card))
    await desk.bookings.add(order_any(**later, card=Card("AB1234568")))
    await desk.bookings.cancel(first.booking.id)
    await desk.bookings.add(order_any(device="game-1", card=card))
    tomorrow: dict[str, Any] = {"start": 25 * HOUR, "device": "game-1"}
    await desk.bookings.add(order_any(**tomorrow, card=card))
    await desk.bookings.add(order_any(start=48 * HOUR, device="game-1", card=Card(none=True)))
    assert "quota_without_card" in await desk.noted()
    dump = await database.read(lambda rows: list(rows.iterdump()))
    assert not any("1234567" in line for line in dump)
    assert "AB 1234567" not in repr(order_any(card=card))


async def test_staff_may_let_a_turn_end_after_others_began_to_wait(database: Database) -> None:
    """It says so, and that is noted."""
    desk = DeskOf(database, game(1))
    booking = (await desk.bookings.add(order_any())).booking
    desk.waiting = 1
    with pytest.raises(NoRoom, match="Somebody waits in the queue"):
        await desk.bookings.set_end(booking.id, HOUR)
    await desk.bookings.set_end(booking.id, HOUR, although_waiting=True, why="exam")
    entry = (await database.read(lambda rows: audit.between(rows, NOW, NOW + HOUR)))[-1]
    assert (entry.what, entry.why) == ("end_changed", "exam")
    assert entry.details == {"seconds": 3600, "although_waiting": 1}
    with pytest.raises(BookingRefused, match="No turn on Game 1 runs on after closing"):
        await desk.bookings.set_end(booking.id, -HOUR, over_closing=True)


async def test_a_used_turn_that_is_reopened_is_in_use_again(database: Database) -> None:
    """Where its end only locked."""
    desk = DeskOf(database, game(1))
    booking = (await desk.bookings.add(order_any())).booking
    used = replace(booking, state=BookingState.USED)
    await database.write(lambda rows: bookings.change(rows, used))
    desk.clock.pass_by(2 * 3600 + 60)
    again = (await desk.bookings.set_end(booking.id, HOUR)).booking
    assert again.state is BookingState.CHECKED_IN


async def test_ten_thousand_bookings_of_a_device_do_not_slow_the_next(database: Database) -> None:
    """Neither to book nor to be refused with the nearest free turns."""
    device = game(1, ahead=366 * 86_400)
    desk = DeskOf(database, device)

    def fill(rows: Connection) -> None:
        for n in range(10_000):
            start = NOW + HOUR + n * 40 * MINUTE
            taken = Booking(f"b{n}", device.address, start, start + 30 * MINUTE)
            bookings.insert(rows, taken, created=NOW)

    await database.write(fill)
    before = perf_counter()
    with pytest.raises(NoRoom):
        await desk.bookings.add(order_any(start=30 * HOUR))
    await desk.bookings.add(order_any(start=timedelta(0), length=50 * MINUTE))
    assert perf_counter() - before < 2


@pytest.mark.parametrize("start", ["1970-01-01T00:00Z", "9999-12-31T23:59:59.998Z"])
async def test_every_command_answers_in_words_at_the_edges_of_the_calendar(
    database: Database, start: str
) -> None:
    """Whatever arithmetic would overflow there."""
    desk = DeskOf(database, game(1), game(2))
    begin = datetime.fromisoformat(start)
    end = begin + timedelta(milliseconds=1)
    edge = Order(None, begin, end, kind="game")
    minute = begin + 30 * MINUTE if begin.year == 1970 else end
    commands: list[Callable[[], Awaitable[object]]] = [
        lambda: desk.bookings.add(edge),
        lambda: desk.bookings.add(replace(edge, ends_at=minute)),
        lambda: desk.bookings.add(
            replace(edge, starts_at=begin - HOUR if begin.year > 1970 else begin)
        ),
        lambda: desk.bookings.add_series(edge, Every.WEEK, 3),
        lambda: desk.bookings.block(["game-1"], begin, end, why=None),
        lambda: desk.bookings.add_series(
            Order(None, NOW + HOUR, NOW + HOUR + timedelta(days=366 * 7000), kind="game"),
            Every.WEEK,
            3,
        ),
    ]
    for command in commands:
        with pytest.raises(BookingRefused) as refusal:
            await command()
        assert str(refusal.value).endswith(".")
    booking = (await desk.bookings.add(order_any())).booking
    for moment in (begin, end, timedelta(days=366 * 8000), -timedelta(days=366 * 8000)):
        with pytest.raises(BookingRefused):
            await desk.bookings.set_end(booking.id, moment)
