"""What devices report of turns, in the transaction of their events."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.events import (
    CheckedIn,
    Ended,
    EventBody,
    ExtensionRequested,
    Started,
    TurnOpened,
    TurnSource,
)
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import BookedBy, Booking, BookingState
from orchestrator.domain.turn_states import Seen
from orchestrator.store import audit, bookings, turns_seen
from orchestrator.store.turns_seen import TurnsLedger

DEVICE = Address("paja", "pc-1")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HELSINKI = ZoneInfo("Europe/Helsinki")
BOOT = "00000000-0000-4000-8000-000000000000"


def told(kind: type[EventBody], minutes: float, turn: str | None = "t1", **more: Any) -> Any:  # noqa: ANN401 - any event
    """Return an event so many minutes after noon, by a machine whose clock is a minute slow."""
    return kind(
        turn=turn,
        rule="pc/1",
        wall=NOW + timedelta(minutes=minutes - 1),
        offset_ms=60_000,
        boot_id=BOOT,
        boot_ms=round(minutes * 60_000) + 600_000,
        **more,
    )


def take(rows: sqlite3.Connection, *events: Any) -> TurnsLedger:  # noqa: ANN401 - any events
    """Take events in, as one transaction does."""
    ledger = TurnsLedger(rows)
    for event in events:
        ledger.take(DEVICE, event)
    ledger.write()
    return ledger


def ended(minutes: float) -> Any:  # noqa: ANN401 - an event
    """Return the end of a session."""
    return told(
        Ended,
        minutes,
        session="s1",
        basis=Basis.TURN,
        outcome=Outcome.CUSTOMER,
        active_ms=0,
        idle_ms=0,
    )


def test_what_is_told_of_a_turn_is_kept_in_whichever_order_it_comes(
    rows: sqlite3.Connection,
) -> None:
    """Times are the orchestrator's; of sessions, the first begin and the last end."""
    started = [told(Started, m, session=f"s{m}", basis=Basis.TURN) for m in (9, 3)]
    take(rows, ended(8), *started, told(CheckedIn, 2))
    assert take(rows, ended(11)).touched == set()
    assert take(rows, told(TurnOpened, 1), ended(20), ended(12)).touched == {DEVICE}
    assert turns_seen.of_turns(rows, DEVICE, ["t1", "t2"]) == {
        "t1": Seen(
            source=TurnSource.PLAN,
            opened_at=NOW + timedelta(minutes=1),
            checked_in_at=NOW + timedelta(minutes=2),
            started_at=NOW + timedelta(minutes=3),
            ended_at=NOW + timedelta(minutes=20),
        )
    }


def test_what_names_no_turn_tells_nothing(rows: sqlite3.Connection) -> None:
    """Nor does what happened in no year that we know."""
    far = told(CheckedIn, 0).model_copy(update={"offset_ms": -(2**53) + 1})
    ledger = take(rows, told(Started, 1, turn=None, session="s", basis=Basis.OPEN), far)
    assert ledger.touched == set()
    assert turns_seen.of_turns(rows, DEVICE, ["t1"]) == {}


@pytest.mark.parametrize("source", [TurnSource.WALK_IN, TurnSource.STAFF_CODE])
def test_a_turn_that_the_device_began_is_a_booking_from_then_on(
    rows: sqlite3.Connection, source: TurnSource
) -> None:
    """Once, with the turn's id, and in the audit log."""
    until = NOW + timedelta(minutes=30)
    event = told(TurnOpened, 1, source=source, ends_at=until, target_group="nuoret", party_size=2)
    assert take(rows, event, event).booked == {DEVICE}
    assert take(rows, event).booked == set()
    [booking] = bookings.of_device(rows, DEVICE, ends_after=NOW)
    assert booking == Booking(
        "t1",
        DEVICE,
        NOW + timedelta(minutes=1),
        until,
        target_group="nuoret",
        party_size=2,
        state=BookingState.CHECKED_IN,
        by=BookedBy.DEVICE,
        walk_in=source is TurnSource.WALK_IN,
    )
    [entry] = audit.between(rows, NOW, until)
    assert (entry.role, entry.target) == ("device", "t1")


def test_a_turn_in_anothers_way_is_only_what_was_seen(rows: sqlite3.Connection) -> None:
    """Booked while the device was away: no two bookings overlap, and the event is not lost."""
    taken = Booking("b1", DEVICE, NOW + timedelta(minutes=20), NOW + timedelta(minutes=60))
    bookings.insert(rows, taken, created=NOW)
    until = NOW + timedelta(minutes=30)
    take(rows, told(TurnOpened, 1, source=TurnSource.WALK_IN, ends_at=until))
    assert bookings.of_device(rows, DEVICE, ends_after=NOW) == [taken]
    assert turns_seen.of_turns(rows, DEVICE, ["t1"])["t1"].ends_at == until


def test_a_turn_that_ends_before_it_begins_is_no_booking(rows: sqlite3.Connection) -> None:
    """Whatever clock it went by."""
    take(rows, told(TurnOpened, 1, source=TurnSource.WALK_IN, ends_at=NOW))
    assert bookings.of_device(rows, DEVICE, ends_after=NOW - timedelta(days=1)) == []


def test_a_wish_for_more_time_is_answered_once(rows: sqlite3.Connection) -> None:
    """Also when it is told again, in another log; and `rebuild` does not ask again."""
    wish = told(ExtensionRequested, 5, seconds=900)
    take(rows, wish)
    [asked] = turns_seen.unanswered(rows, DEVICE)
    assert (asked.turn, asked.at, asked.seconds) == ("t1", NOW + timedelta(minutes=5), 900)
    assert turns_seen.answer(rows, asked, "extended")
    assert not turns_seen.answer(rows, asked, "no_time")
    turns_seen.forget_all(rows)
    take(rows, wish, wish)
    assert turns_seen.unanswered(rows, DEVICE) == []


def unfinished(rows: sqlite3.Connection) -> list[Booking]:
    """Return what may still change within a day."""
    day = timedelta(days=1)
    return bookings.unfinished(rows, DEVICE, starts_before=NOW + day, no_shows_since=NOW - day)


def test_what_may_still_change_is_found_however_much_is_booked(rows: sqlite3.Connection) -> None:
    """What starts later waits; but an offer lapses soon, whenever its turn is."""
    kept = {
        "soon": (0.5, BookingState.BOOKED),
        "later": (2, BookingState.BOOKED),
        "offer": (3, BookingState.OFFERED),
        "gone": (-0.5, BookingState.NO_SHOW),
        "long gone": (-2, BookingState.NO_SHOW),
        "over": (0.7, BookingState.USED),
    }
    for name, (days, state) in kept.items():
        start = NOW + timedelta(days=days)
        booking = Booking(name, DEVICE, start, start + timedelta(hours=1), state=state)
        bookings.insert(rows, booking, created=NOW)
    assert [booking.id for booking in unfinished(rows)] == ["soon", "offer", "gone"]


def test_a_state_is_set_only_on_what_is_as_it_was(rows: sqlite3.Connection) -> None:
    """Compare and set: who was slower changes nothing."""
    booking = Booking("b1", DEVICE, NOW, NOW + timedelta(hours=1))
    bookings.insert(rows, booking, created=NOW)
    came = bookings.set_state(rows, booking, BookingState.CHECKED_IN)
    assert came == replace(booking, state=BookingState.CHECKED_IN)
    assert bookings.set_state(rows, booking, BookingState.NO_SHOW) is None
    assert unfinished(rows) == [came]
    longer = replace(came, ends_at=NOW + timedelta(hours=2))
    bookings.change(rows, longer)
    assert bookings.set_state(rows, came, BookingState.USED) is None
    assert bookings.set_state(rows, longer, BookingState.USED) is not None
    assert unfinished(rows) == []
