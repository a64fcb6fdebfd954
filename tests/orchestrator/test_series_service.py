"""Series of turns, and blocks of devices."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mqtt_schemas.topics import Address
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import BookingRefused, NoRoom, NotKnown, Purpose
from orchestrator.domain.series import Every
from orchestrator.store.database import Database
from tests.orchestrator.desk import HOUR, DeskOf, game, order
from tests.orchestrator.fakes import NOW


async def test_a_series_is_booked_as_a_whole_or_not_at_all(database: Database) -> None:
    """Unless it may be booked in part; then what is not is told."""
    desk = DeskOf(database, game(1))
    week = timedelta(days=7)
    await desk.bookings.add(order(start=HOUR + week))
    with pytest.raises(NoRoom, match=r"1 of 3 turns can't be booked: 2026-12-02 15:00: Game 1 is"):
        await desk.bookings.add_series(order(), Every.WEEK, 3)
    assert len(await desk.live()) == 1
    made = await desk.bookings.add_series(order(), Every.WEEK, 3, partial=True)
    assert [each.booking.starts_at for each in made.changes] == [NOW + HOUR, NOW + HOUR + 2 * week]
    assert {each.booking.series for each in made.changes} == {made.series}
    assert made.code is not None
    [(wall, reason)] = made.refused
    assert f"{wall:%m-%d %H:%M}" == "12-02 15:00"
    assert reason.startswith("Game 1 is booked")
    gone = await desk.bookings.cancel_series(made.series)
    assert len(gone) == 2
    with pytest.raises(BookingRefused, match="Nothing is left of the series"):
        await desk.bookings.cancel_series(made.series)
    with pytest.raises(NotKnown, match="There is no series"):
        await desk.bookings.cancel_series("s9")


class FarDesk(DeskOf):
    """A desk whose devices' plans reach four days ahead."""

    async def deliver(self, address: Address, matters_at: datetime | None) -> Delivery:
        """Tell what is beyond that from what is not."""
        far = matters_at is not None and matters_at > NOW + timedelta(days=4)
        return Delivery.LATER if far else await super().deliver(address, matters_at)


async def test_how_far_it_came_is_told_of_each_turn_of_a_series(database: Database) -> None:
    """A device has the first one now, and those of later weeks when they are nearer."""
    desk = FarDesk(database, game(1))
    made = await desk.bookings.add_series(order(), Every.WEEK, 3)
    expected = [Delivery.IN_FORCE, Delivery.LATER, Delivery.LATER]
    assert [each.delivery for each in made.changes] == expected
    gone = await desk.bookings.cancel_series(made.series)
    assert [each.delivery for each in gone] == expected


async def test_devices_are_blocked_all_or_none(database: Database) -> None:
    """A block is no turn, and nobody's turn is taken for it."""
    desk = DeskOf(database, game(1, longest=3600), game(2))
    booked = (await desk.bookings.add(order(device="game-2"))).booking
    names = ["game-1", "game-2", "paja/game-1"]
    with pytest.raises(NoRoom, match="Game 2 is booked from"):
        await desk.bookings.block(names, NOW, NOW + 9 * HOUR, why="inventory")
    assert await desk.live() == [booked]
    await desk.bookings.cancel(booked.id)
    made = await desk.bookings.block(names, NOW, NOW + 9 * HOUR, why="inventory")
    assert [each.booking.purpose for each in made] == [Purpose.BLOCK] * 2
    with pytest.raises(NoRoom):
        await desk.bookings.add(order())


async def test_what_is_left_of_a_block_is_cancelled_though_a_device_is_gone(
    database: Database,
) -> None:
    """A device that is not served any more keeps nobody from the others."""
    before = DeskOf(database, game(1), game(2))
    made = await before.bookings.block(["game-1", "game-2"], NOW, NOW + 9 * HOUR, why=None)
    series = made[0].booking.series
    assert series is not None
    desk = DeskOf(database, game(2))
    [gone] = await desk.bookings.cancel_series(series)
    assert gone.device == game(2)
    await desk.bookings.add(order(device="game-2"))


async def test_a_series_is_told_in_a_sentence_however_much_of_it_is_refused(
    database: Database,
) -> None:
    """The first few are spelt out, the others counted."""
    desk = DeskOf(database, game(1))
    await desk.bookings.block(["game-1"], NOW, NOW + 300 * HOUR, why="summer")
    with pytest.raises(NoRoom) as refusal:
        await desk.bookings.add_series(order(), Every.DAY, 20)
    assert str(refusal.value).startswith("13 of 20 turns can't be booked: 2026-11-25 15:00: ")
    assert str(refusal.value).endswith("; and 8 more.")
    assert str(refusal.value).count("Game 1 is blocked from") == 5
