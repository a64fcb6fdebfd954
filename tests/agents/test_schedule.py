"""A plan's turns by their times, held against the plainest reading of the plan."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from agents.schedule import Schedule
from mqtt_schemas.base import ms_from_utc, utc_from_ms
from mqtt_schemas.plan import AtEnd, CheckIn, Notice, OutsideTurns, Plan, Turn
from tests.agents.plans import plan, turn

moments = st.integers(-10, 700).map(lambda second: second * 1000)


@st.composite
def plans(draw: DrawFn) -> Plan:
    """Return a plan of short turns, some back to back, with grace up to the next one's start."""
    turns: list[Turn] = []
    at = draw(st.integers(0, 50))
    for number in range(draw(st.integers(0, 5))):
        length = draw(st.integers(1, 60))
        gap = draw(st.integers(0, 40))
        warnings = draw(st.lists(st.integers(0, 90), unique=True, max_size=3))
        turns.append(
            turn(
                f"t{number}",
                at,
                at + length,
                grace=draw(st.integers(0, gap)),
                warn_before=tuple(sorted(warnings, reverse=True)),
            )
        )
        at += length + gap
    return plan(*turns, valid_until_ms=draw(st.integers(0, 600)) * 1000)


@given(plans(), moments)
def test_the_turn_in_hand_is_the_one_that_has_begun_and_is_not_over(
    planned: Plan, now_ms: int
) -> None:
    """Grace included; a turn that the plan's validity ends before does not begin."""
    expected = [
        turn.id
        for turn in planned.turns
        if ms_from_utc(turn.starts_at) <= now_ms < ms_from_utc(turn.ends_at) + turn.grace * 1000
        and turn.starts_at < planned.valid_until
    ]
    current = Schedule(planned).current(now_ms)
    assert (current.id if current else None) == (expected[0] if expected else None)


@given(plans(), moments)
def test_the_next_boundary_is_the_first_moment_at_which_anything_changes(
    planned: Plan, now_ms: int
) -> None:
    """Begin, warning, end, end of grace, and the end of the plan's validity."""
    moments = [ms_from_utc(planned.valid_until)]
    for each in planned.turns:
        ends_ms = ms_from_utc(each.ends_at)
        moments += [ms_from_utc(each.starts_at), ends_ms, ends_ms + each.grace * 1000]
        moments += [ends_ms - seconds * 1000 for seconds in each.warn_before]
    later = sorted(moment for moment in moments if moment > now_ms)
    assert Schedule(planned).boundaries(now_ms) == later[:1]


@given(plans())
def test_each_turn_is_found_by_its_id(planned: Plan) -> None:
    """And no other one."""
    schedule = Schedule(planned)
    assert schedule.ids == {each.id for each in planned.turns}
    for each in planned.turns:
        found = schedule.find(each.id)
        assert found is not None
        assert found.id == each.id
        assert found.ends_ms - found.starts_ms == (
            ms_from_utc(each.ends_at) - ms_from_utc(each.starts_at)
        )
    assert schedule.find("another") is None


def test_a_turn_keeps_what_enforcement_goes_by() -> None:
    """In milliseconds."""
    only = turn(
        "a",
        10,
        70,
        AtEnd.LOCK,
        grace=5,
        warn_before=(30, 10),
        check_in=CheckIn(within=60),
        target_group="nuoret",
    )
    (scheduled,) = Schedule(plan(only)).turns
    assert (scheduled.starts_ms, scheduled.ends_ms, scheduled.closes_ms) == (10_000, 70_000, 75_000)
    assert scheduled.warn_ms == (30_000, 10_000)
    assert scheduled.check_in_until_ms == 70_000
    assert (scheduled.at_end, scheduled.target_group) == (AtEnd.LOCK, "nuoret")


def test_what_holds_outside_turns_is_the_plans() -> None:
    """While it is valid, and after."""
    schedule = Schedule(
        plan(outside=OutsideTurns.OUT_OF_SERVICE, after_expiry=OutsideTurns.OPEN, valid_until_ms=9)
    )
    assert schedule.outside_turns is OutsideTurns.OUT_OF_SERVICE
    assert schedule.after_expiry is OutsideTurns.OPEN
    assert schedule.valid_until_ms == 9


def test_a_notice_is_shown_until_its_time() -> None:
    """And not at it."""
    notices = [
        Notice(id=str(until), phrase="closed_now", until=utc_from_ms(until)) for until in (5, 9)
    ]
    schedule = Schedule(plan(notices=notices))
    assert [notice.id for notice in schedule.notices(4)] == ["5", "9"]
    assert [notice.id for notice in schedule.notices(5)] == ["9"]
    assert list(schedule.notices(9)) == []
