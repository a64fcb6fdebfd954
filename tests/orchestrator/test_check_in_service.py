"""Checking in and walking in at the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.bookkeeping import Card
from orchestrator.check_in_service import WalkIn
from orchestrator.domain.bookings import BookingRefused, BookingState, NoRoom, NotKnown
from orchestrator.domain.check_in import Answers
from orchestrator.domain.devices import AfterClosing, Per, Quota
from orchestrator.domain.opening_hours import LocalSpan, SiteHours
from orchestrator.store import bookings
from orchestrator.store.database import Database
from tests.orchestrator.desk import HOUR, MINUTE, DeskOf, game, order
from tests.orchestrator.fakes import NOW


async def test_who_comes_is_checked_in_once(database: Database) -> None:
    """The device is told, and the answers are noted as yes."""
    desk = DeskOf(database, game(1, minimum_age=12))
    booking = (await desk.bookings.add(order())).booking
    with pytest.raises(BookingRefused, match="Ask first"):
        await desk.check_ins.check_in(booking.id, Answers())
    change = await desk.check_ins.check_in(booking.id, Answers(old_enough=True))
    assert change.booking.state is BookingState.CHECKED_IN
    assert await desk.find(booking.id) == change.booking
    assert desk.told[-1] == booking.address
    with pytest.raises(BookingRefused, match="checked in already"):
        await desk.check_ins.check_in(booking.id, Answers(old_enough=True))
    assert await desk.noted() == ["booking_added", "checked_in"]


async def test_who_comes_after_the_release_has_the_turn_if_nobody_else_does(
    database: Database,
) -> None:
    """A minute late is no drama where the device stands empty."""
    desk = DeskOf(database, game(1))
    booking = (await desk.bookings.add(order())).booking
    gone = replace(booking, state=BookingState.NO_SHOW)
    await database.write(lambda rows: bookings.change(rows, gone))
    desk.clock.pass_by(3600 + 960)
    desk.waiting = 1
    with pytest.raises(NoRoom, match="Others wait in the queue"):
        await desk.check_ins.check_in(booking.id, Answers())
    desk.waiting = 0
    other = (await desk.bookings.add(order(start=77 * MINUTE))).booking
    with pytest.raises(NoRoom, match="Game 1 is booked"):
        await desk.check_ins.check_in(booking.id, Answers())
    await desk.bookings.cancel(other.id)
    change = await desk.check_ins.check_in(booking.id, Answers())
    assert change.booking.state is BookingState.CHECKED_IN


async def test_who_comes_late_to_a_turn_that_may_run_over_closing_still_has_it(
    database: Database,
) -> None:
    """Staff's leave goes with the booking, also after its release."""
    hours = SiteHours(weekly=((LocalSpan(10 * 3600, 16 * 3600),),) * 7)
    desk = DeskOf(database, game(1, after_closing=AfterClosing.STAFF), hours={"paja": hours})
    booking = (await desk.bookings.add(order(length=2 * HOUR, over_closing=True))).booking
    gone = replace(booking, state=BookingState.NO_SHOW)
    await database.write(lambda rows: bookings.change(rows, gone))
    desk.clock.pass_by(3600 + 960)
    change = await desk.check_ins.check_in(booking.id, Answers())
    assert change.booking.state is BookingState.CHECKED_IN


async def test_a_walk_in_begins_now_and_is_as_long_as_may_be(database: Database) -> None:
    """Up to the longest walk-in, or the next booking with what it needs before it."""
    desk = DeskOf(database, game(1), game(2))
    await desk.bookings.add(order(start=20 * MINUTE, device="game-1"))
    first = (await desk.check_ins.walk_in(WalkIn("game-1", target_group="nuoret"))).booking
    assert (first.starts_at, first.ends_at) == (NOW, NOW + 15 * MINUTE)
    assert (first.state, first.walk_in) == (BookingState.CHECKED_IN, True)
    second = (await desk.check_ins.walk_in(WalkIn(None, "game"))).booking
    assert (second.address.device, second.ends_at) == ("game-2", NOW + 30 * MINUTE)
    with pytest.raises(NoRoom, match="No game is free now"):
        await desk.check_ins.walk_in(WalkIn(None, "game"))


async def test_a_walk_in_of_some_length_is_refused_where_there_is_less(database: Database) -> None:
    """With what is in the way; and never longer than walk-ins are."""
    desk = DeskOf(database, game(1))
    await desk.bookings.add(order(start=20 * MINUTE))
    with pytest.raises(NoRoom, match="needs 5 min between turns"):
        await desk.check_ins.walk_in(WalkIn("game-1", length=20 * MINUTE))
    with pytest.raises(BookingRefused, match="without a booking is at most 30 min"):
        await desk.check_ins.walk_in(WalkIn("game-1", length=HOUR))
    with pytest.raises(NotKnown, match="no target group"):
        await desk.check_ins.walk_in(WalkIn("game-1", target_group="xyz"))
    await desk.check_ins.walk_in(WalkIn("game-1", length=15 * MINUTE))


async def test_a_walk_in_does_not_pass_who_waits(database: Database) -> None:
    """But where staff says so."""
    desk = DeskOf(database, game(1))
    desk.waiting = 2
    with pytest.raises(NoRoom, match="Others wait in the queue"):
        await desk.check_ins.walk_in(WalkIn("game-1"))
    await desk.check_ins.walk_in(WalkIn("game-1", although_waiting=True))


async def test_walk_ins_are_asked_for_their_age_and_card(database: Database) -> None:
    """As those who booked are."""
    desk = DeskOf(database, game(1, minimum_age=12, quotas=(Quota(1, Per.DAY),)))
    with pytest.raises(BookingRefused, match="Ask first"):
        await desk.check_ins.walk_in(WalkIn("game-1"))
    answers = Answers(old_enough=True)
    with pytest.raises(BookingRefused, match="Game 1 has a quota"):
        await desk.check_ins.walk_in(WalkIn("game-1", answers=answers))
    card = Card("AB1234")
    begun = await desk.check_ins.walk_in(WalkIn("game-1", answers=answers, card=card))
    await desk.bookings.set_end(begun.booking.id, NOW + MINUTE)
    desk.clock.pass_by(3600)
    with pytest.raises(BookingRefused, match="This card has 1 turn that day already"):
        await desk.check_ins.walk_in(WalkIn("game-1", answers=answers, card=card))


async def test_where_there_are_no_walk_ins_none_begins(database: Database) -> None:
    """Nor where a minute is all that is left."""
    desk = DeskOf(database, game(1, walk_in=0), game(2))
    with pytest.raises(BookingRefused, match="Game 1 is not used without a booking"):
        await desk.check_ins.walk_in(WalkIn("game-1"))
    await desk.bookings.add(order(start=timedelta(minutes=5, seconds=30), device="game-2"))
    with pytest.raises(NoRoom, match="free for less than 1 min now"):
        await desk.check_ins.walk_in(WalkIn("game-2"))
