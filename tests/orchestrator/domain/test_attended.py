"""Turns by staff's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Outcome, ms_from_utc
from mqtt_schemas.topics import Address
from orchestrator.domain.attended import (
    CORRECTED_WITHIN,
    InHand,
    Moment,
    Standing,
    ended,
    length_at_ms,
    opened,
    stand,
)
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.sessions import Session, SessionState, Source, apply

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONSOLE, CORNER = Address("paja", "konsoli"), Address("paja", "nurkka")
BOOT = "00000000-0000-4000-8000-000000000000"
OTHER_BOOT = "00000000-0000-4000-8000-000000000001"
BOOKING = Booking("t1", CONSOLE, NOON, NOON + 30 * MINUTE, "nuoret", 3, BookingState.CHECKED_IN)
BEGAN = Moment(ms_from_utc(NOON), BOOT, 1_000_000)
IN_HAND = InHand(CONSOLE, "t1", "s1", BEGAN)


def later(minutes: float, *, stepped: float = 0, boot: str = BOOT) -> Moment:
    """Return the moment so many minutes later, the wall clock having been stepped meanwhile."""
    wall_ms = BEGAN.wall_ms + round((minutes + stepped) * 60_000)
    return Moment(wall_ms, boot, BEGAN.boot_ms + round(minutes * 60_000))


def counted(*, at: datetime, now: Moment, by_plan: bool = False) -> Session:
    """Return the session of a turn that ends so."""
    begun = apply(None, opened(IN_HAND, BOOKING)[1])
    end = ended(IN_HAND, BOOKING, at, now, outcome=Outcome.CUSTOMER, by_plan=by_plan)
    session = apply(begun, end)
    assert session is not None
    return session


def test_a_turn_is_a_session_of_staffs_word() -> None:
    """With group and party as booked, from the start that is stated to the end that is."""
    session = counted(at=NOON + 20 * MINUTE, now=later(20))
    assert (session.source, session.state) == (Source.STAFF, SessionState.ENDED)
    assert (session.target_group, session.party_size) == ("nuoret", 3)
    assert (session.active_ms, session.overrun_ms) == (20 * 60_000, 0)
    assert (session.outcome, session.at_checkpoint) == (Outcome.CUSTOMER, False)


def test_use_past_the_end_counts_only_where_staff_states_it() -> None:
    """Else nobody knows of it: it is not counted, and the end is marked as not the true one."""
    stated = counted(at=NOON + 40 * MINUTE, now=later(40))
    assert (stated.active_ms, stated.overrun_ms) == (40 * 60_000, 10 * 60_000)
    by_plan = counted(at=BOOKING.ends_at, now=later(40), by_plan=True)
    assert (by_plan.active_ms, by_plan.overrun_ms, by_plan.at_checkpoint) == (30 * 60_000, 0, True)


def test_staffs_word_replaces_the_plans_end() -> None:
    """Told afterwards, shorter or longer; a second time nothing changes any more."""
    by_plan = counted(at=BOOKING.ends_at, now=later(31), by_plan=True)
    for minutes in (10, 45):
        at = NOON + minutes * MINUTE
        true = ended(IN_HAND, BOOKING, at, later(60), outcome=Outcome.CUSTOMER)
        corrected = apply(by_plan, true)
        assert corrected is not None
        assert (corrected.active_ms, corrected.at_checkpoint) == (minutes * 60_000, False)
        assert corrected.begun_ms == by_plan.begun_ms
        again = ended(IN_HAND, BOOKING, NOON + MINUTE, later(60), outcome=Outcome.STAFF)
        assert apply(corrected, again) is corrected


@given(st.floats(0, 300), st.floats(-600, 600))
def test_a_stepped_wall_clock_alters_no_length(minutes: float, stepped: float) -> None:
    """Boot time goes on by itself."""
    now = later(minutes, stepped=stepped)
    at = datetime.fromtimestamp(now.wall_ms / 1000, UTC)
    assert abs(length_at_ms(IN_HAND, at, now) - round(minutes * 60_000)) <= 1


def test_over_a_new_start_of_the_machine_the_wall_clock_tells() -> None:
    """Boot time began anew; nothing else is known."""
    now = replace(later(25, boot=OTHER_BOOT), boot_ms=5)
    assert length_at_ms(IN_HAND, NOON + 25 * MINUTE, now) == 25 * 60_000


def test_where_a_turn_stands() -> None:
    """Overdue in its grace, then over; ended by the plan it can be corrected for a while."""

    def standing(
        minutes: float, in_hand: InHand = IN_HAND, booking: Booking | None = BOOKING
    ) -> str:
        return stand(in_hand, booking, 120, NOON + minutes * MINUTE).standing

    assert [standing(minutes) for minutes in (0, 29, 30, 31, 32)] == [
        "running",
        "running",
        "overdue",
        "overdue",
        "over",
    ]
    by_plan = replace(IN_HAND, by_plan=BOOKING.ends_at)
    assert standing(40, by_plan) == "by_plan"
    assert standing(32 + CORRECTED_WITHIN / MINUTE, by_plan) == "past"
    longer = replace(BOOKING, ends_at=NOON + 60 * MINUTE)
    assert standing(40, by_plan, longer) == "running"
    for gone in (
        None,
        replace(BOOKING, state=BookingState.CANCELLED),
        replace(BOOKING, address=CORNER),
    ):
        assert standing(5, IN_HAND, gone) == "gone"
        assert standing(5, by_plan, gone) == "past"


@given(st.integers(-60, 2000), st.integers(0, 600), st.booleans())
def test_what_time_alone_will_change_is_said(minutes: int, grace: int, ended_by_plan: bool) -> None:  # noqa: FBT001 - drawn
    """Just before it nothing has changed; from then on it has."""
    in_hand = replace(IN_HAND, by_plan=BOOKING.ends_at) if ended_by_plan else IN_HAND
    now = NOON + minutes * MINUTE
    found = stand(in_hand, BOOKING, grace, now)
    if found.until is None:
        assert found.standing in (Standing.OVER, Standing.PAST)
        return
    assert found.until > now
    moment = timedelta(microseconds=1)
    assert stand(in_hand, BOOKING, grace, found.until - moment).standing is found.standing or (
        found.until == BOOKING.ends_at
    )
    assert stand(in_hand, BOOKING, grace, found.until).standing is not found.standing
