"""Commands on bookings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import BookingRefused, BookingState, NoRoom, NotKnown
from orchestrator.store.database import Database
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
