"""Moving bookings and running turns."""

from __future__ import annotations

import pytest

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import BookingRefused, BookingState, NoRoom
from orchestrator.domain.check_in import Answers
from orchestrator.domain.devices import CheckInBy
from orchestrator.domain.staff_words import StaffWords
from orchestrator.store import staff_words
from orchestrator.store.database import Database
from tests.orchestrator.desk import HOUR, MINUTE, DeskOf, game, order
from tests.orchestrator.fakes import NOW


async def test_a_booking_moves_with_its_code(database: Database) -> None:
    """Both devices are told; the customer's words still open the turn."""
    desk = DeskOf(database, game(1), game(2))
    added = await desk.bookings.add(order(device="game-1", target_group="nuoret", party_size=2))
    moved = await desk.moves.move(added.booking.id, device="game-2", why="broken")
    assert moved.ended is None
    assert moved.change.code is None
    assert moved.change.booking.code == added.booking.code
    [booking] = await desk.live()
    assert (booking.id, booking.address.device) == (added.booking.id, "game-2")
    assert (booking.target_group, booking.party_size) == ("nuoret", 2)
    assert added.booking.address in desk.replanned
    assert desk.told[-1] == booking.address


async def test_a_running_turn_moves_with_the_time_that_it_has_left(database: Database) -> None:
    """At the old device it ends now; what was used there stays true."""
    desk = DeskOf(database, game(1), game(2))
    booking = (await desk.bookings.add(order(device="game-1"))).booking
    await desk.check_ins.check_in(booking.id, Answers())
    desk.clock.pass_by(3600 + 1200)
    moved = await desk.moves.move(booking.id)
    old, new = await desk.live()
    assert (old.id, old.state, old.ends_at) == (booking.id, BookingState.USED, NOW + 80 * MINUTE)
    assert new == moved.change.booking
    assert (new.starts_at, new.ends_at) == (NOW + 80 * MINUTE, NOW + 2 * HOUR)
    assert (new.state, new.address.device) == (BookingState.CHECKED_IN, "game-2")
    assert moved.ended == old


async def test_who_has_not_come_yet_moves_with_the_whole_turn(database: Database) -> None:
    """The turn has begun, and waits for its customer at the other device."""
    desk = DeskOf(database, game(1), game(2))
    booking = (await desk.bookings.add(order(device="game-1"))).booking
    desk.clock.pass_by(3600 + 300)
    moved = (await desk.moves.move(booking.id)).change.booking
    assert (moved.id, moved.starts_at, moved.state) == (
        booking.id,
        booking.starts_at,
        BookingState.BOOKED,
    )


async def test_a_turn_moves_only_where_there_is_room(database: Database) -> None:
    """With what is free instead, on whichever device."""
    desk = DeskOf(database, game(1), game(2))
    booking = (await desk.bookings.add(order(device="game-1"))).booking
    await desk.bookings.add(order(device="game-2"))
    with pytest.raises(NoRoom, match=r"Game 2 is booked .*; the nearest free turns of 1 h start"):
        await desk.moves.move(booking.id)
    with pytest.raises(BookingRefused, match="that is Game 1 itself"):
        await desk.moves.move(booking.id, device="game-1")
    assert len(await desk.live()) == 2


async def test_what_is_free_instead_has_room_for_the_party_and_what_is_left(
    database: Database,
) -> None:
    """Nothing is named that would be refused, nor longer than what would be moved."""
    desk = DeskOf(database, game(1), game(2), game(3, party=1))
    booking = (await desk.bookings.add(order(device="game-1", party_size=2))).booking
    await desk.bookings.add(order(device="game-2"))
    with pytest.raises(NoRoom, match=r"nearest free turns of 1 h start") as refusal:
        await desk.moves.move(booking.id, device="game-2")
    assert "Game 3" not in str(refusal.value)
    await desk.check_ins.check_in(booking.id, Answers())
    desk.clock.pass_by(3600 + 1800)
    with pytest.raises(NoRoom, match=r"nearest free turns of 30 min start"):
        await desk.moves.move(booking.id, device="game-2")


async def test_a_turn_moves_to_no_device_that_is_out_of_service(database: Database) -> None:
    """There it would not go on; one that is to come moves there only as the last choice."""
    desk = DeskOf(database, game(1), game(2), game(3))
    out = StaffWords(out_of_service="fault")
    two = Address("paja", "game-2")
    await database.write(lambda rows: staff_words.keep(rows, two, out))
    later = (await desk.bookings.add(order(device="game-1", start=4 * HOUR))).booking
    assert (await desk.moves.move(later.id)).change.booking.address.device == "game-3"
    booking = (await desk.bookings.add(order(device="game-1"))).booking
    await desk.check_ins.check_in(booking.id, Answers())
    desk.clock.pass_by(3600 + 1200)
    with pytest.raises(NoRoom, match="Game 2 is out of service"):
        await desk.moves.move(booking.id, device="game-2")
    assert (await desk.moves.move(booking.id)).change.booking.address.device == "game-3"
    assert (await desk.moves.move(later.id, device="game-2")).change.booking.address == two


async def test_a_code_is_made_where_the_new_device_wants_one(database: Database) -> None:
    """And told, this once."""
    desk = DeskOf(database, game(1, check_in=CheckInBy.NONE), game(2))
    booking = (await desk.bookings.add(order(device="game-1"))).booking
    assert booking.code is None
    moved = await desk.moves.move(booking.id)
    assert moved.change.code is not None
    assert moved.change.booking.code is not None
    back = await desk.moves.move(booking.id)
    assert (back.change.code, back.change.booking.code) == (None, None)


async def test_the_only_device_of_a_kind_has_nowhere_to_move_from(database: Database) -> None:
    """Nor is a block or what is over moved."""
    desk = DeskOf(database, game(1))
    booking = (await desk.bookings.add(order())).booking
    with pytest.raises(BookingRefused, match="that is the only game"):
        await desk.moves.move(booking.id)
    both = DeskOf(database, game(1), game(2))
    [block] = await both.bookings.block(["game-1"], NOW + 5 * HOUR, NOW + 6 * HOUR, why=None)
    with pytest.raises(BookingRefused, match="A block is not moved"):
        await both.moves.move(block.booking.id)
    await both.bookings.cancel(booking.id)
    with pytest.raises(BookingRefused, match="cancelled already"):
        await both.moves.move(booking.id)
