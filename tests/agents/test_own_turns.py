"""Turns that begin at the device itself, without the orchestrator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.model import EndNow, StaffOpen, WalkIn
from agents.own_turns import STAFF_WAIT_MS
from mqtt_schemas.base import Basis, DeviceState, Outcome, ms_from_utc, utc_from_ms
from mqtt_schemas.events import CheckedIn, Ended, Started, Step, TurnOpened, TurnSource
from mqtt_schemas.plan import AtEnd, DatedCode, OutsideTurns, StaffCode, Turn
from mqtt_schemas.plan import CheckIn as Needed
from mqtt_schemas.plan import WalkIn as Terms
from tests.agents.desk import Desk
from tests.agents.plans import code, plan, turn, window

TERMS = Terms(max_seconds=1800, gap=60, warn_before=(300, 60), grace=30, at_end=AtEnd.LOCK)
STAFF = StaffOpen("kettu lumi sauna")


def staff_terms(starts: int = 0, ends: int = 86_400) -> StaffCode:
    """Return terms with one code of the day."""
    day = DatedCode(
        starts_at=utc_from_ms(starts * 1000), ends_at=utc_from_ms(ends * 1000), code=code("staff")
    )
    return StaffCode(days=(day,), max_seconds=3600, gap=60, at_end=AtEnd.LOCK)


def desk(*turns: Turn, **more: Any) -> Desk:  # noqa: ANN401 - a plan's own fields
    """Return a closed device that takes walk-ins and the staff's code."""
    return Desk(plan(*turns, **{"walk_in": TERMS, "staff_code": staff_terms(), **more}))


def opened(at: Desk) -> TurnOpened:
    """Return the turn that was opened last."""
    return [event for event in at.events if isinstance(event, TurnOpened)][-1]


def lasts(at: Desk) -> float:
    """Return how long the turn opened last lasts, in seconds."""
    ends_at = opened(at).ends_at
    assert ends_at is not None
    return (ms_from_utc(ends_at) - at.now_ms) / 1000


def test_a_walk_in_runs_warns_and_ends_like_a_planned_turn() -> None:
    """Its session is the turn's; two warnings, the grace, then the end that the terms say."""
    at = desk()
    at.at(100)
    reply = at.ask(WalkIn("nuoret", 2))
    assert (reply.accepted, reply.arguments["seconds"]) == (True, 1800)
    told = opened(at)
    assert (told.source, told.target_group, told.party_size) == (TurnSource.WALK_IN, "nuoret", 2)
    at.sit_down()
    at.at(2000)
    assert at.phrases(Step.WARN) == [(1600, "turn_ends_in"), (1840, "turn_ends_in")]
    assert [now for now, order in at.orders if order.step is Step.LOCK] == [1930_000]
    [ended] = [event for event in at.events if isinstance(event, Ended)]
    assert (ended.basis, ended.outcome, ended.turn) == (Basis.TURN, Outcome.TURN_OVER, told.turn)
    assert not at.open


@pytest.mark.parametrize(
    ("turns", "more", "seconds"),
    [
        ((), {}, 1800),
        ((turn("n", 1100, 2000),), {}, 1000 - 60 - 30),
        ((), {"windows": [window(0, 700)]}, 600),
        ((), {"windows": [window(0, 700), window(700, 9000)]}, 600),
        ((), {"valid_until_ms": 400_000}, 300),
    ],
)
def test_a_walk_in_stays_within_what_the_plan_leaves(
    turns: tuple[Turn, ...], more: dict[str, Any], seconds: float
) -> None:
    """The terms, the gap and grace before the next turn, the window, the plan's validity."""
    at = desk(*turns, **more)
    at.at(100)
    assert at.ask(WalkIn()).accepted
    assert lasts(at) == seconds


@pytest.mark.parametrize(
    ("turns", "more", "phrase"),
    [
        ((), {"walk_in": None}, "no_walk_in"),
        ((), {"outside": OutsideTurns.OUT_OF_SERVICE}, "out_of_service"),
        ((), {"windows": [window(200, 700)]}, "closed_now"),
        ((), {"valid_until_ms": 50_000}, "closed_now"),
        ((turn("n", 240, 2000),), {}, "too_little_time"),
        ((turn("n", 50, 2000),), {}, "turn_runs"),
        ((turn("n", 50, 2000, check_in=Needed(within=600)),), {}, "booked_now"),
    ],
)
def test_a_walk_in_is_refused_with_the_reason(
    turns: tuple[Turn, ...], more: dict[str, Any], phrase: str
) -> None:
    """Nothing opens, and nothing is told."""
    at = desk(*turns, **more)
    at.at(100)
    before = len(at.events)
    assert at.ask(WalkIn()).phrase == phrase
    assert len(at.events) == before


def test_a_walk_in_waits_until_the_part_is_cleared() -> None:
    """A finished part on the bed is not free."""
    at = desk()
    at.state = DeviceState.TO_BE_CLEARED
    at.at(100)
    assert at.ask(WalkIn()).phrase == "clear_first"


def test_who_declares_no_group_has_the_windows_marked_as_assumed() -> None:
    """As in youth hours."""
    at = desk(windows=[window(0, 5000, "nuoret")])
    at.at(100)
    at.ask(WalkIn())
    at.sit_down()
    assert (opened(at).target_group, opened(at).group_assumed) == ("nuoret", True)
    [began] = [event for event in at.events if isinstance(event, Started)]
    assert (began.target_group, began.group_assumed) == ("nuoret", True)


def test_a_released_turn_leaves_the_device_to_a_walk_in() -> None:
    """Nobody came within its time; what comes after it is kept free."""
    late = turn("n", 50, 2000, check_in=Needed(within=100, code=code("n")))
    at = desk(late, turn("o", 2000, 3000))
    at.at(160)
    assert at.ask(WalkIn()).accepted
    assert lasts(at) == 1800 - 50


def test_a_plan_that_has_the_turn_takes_it_over() -> None:
    """It is extended, and ended early, by the plan from then on, with no second opening."""
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    at.sit_down()
    own = opened(at).turn or ""
    at.plan = plan(turn(own, 100, 2500, AtEnd.LOCK), revision=2, walk_in=TERMS)
    at.at(2400)
    assert at.use is not None
    at.restart()
    at.plan = plan(revision=3, walk_in=TERMS)
    at.at(2410)
    assert at.use is None
    [ended] = [event for event in at.events if isinstance(event, Ended)]
    assert ended.outcome is Outcome.STAFF
    assert len(at.of(TurnOpened)) == 1


def test_a_turn_that_a_plan_forgets_and_brings_again_is_opened_once() -> None:
    """A restored orchestrator hears of it again from the events that are sent again."""
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    own = turn(opened(at).turn or "", 100, 1900, AtEnd.LOCK)
    for revision, turns in ((2, (own,)), (3, ()), (4, (own,))):
        at.plan = plan(*turns, revision=revision, walk_in=TERMS)
        at.at(at.now_ms / 1000 + 10)
        assert at.open is bool(turns)
    assert len(at.of(TurnOpened)) == 1


def test_a_plan_that_does_not_know_the_turn_yet_leaves_it() -> None:
    """It was issued before the orchestrator heard of it."""
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    at.sit_down()
    at.plan = plan(turn("later", 5000, 6000), revision=2, walk_in=TERMS)
    at.restart()
    at.at(1800)
    assert at.use is not None


def test_the_turn_makes_way_for_what_a_later_plan_has() -> None:
    """It ends before the next turn, with its warnings; one in hand ends it at once."""
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    at.sit_down()
    at.plan = plan(turn("n", 900, 2000), revision=2, walk_in=TERMS)
    at.at(899)
    assert [now for now, order in at.orders if order.step is Step.LOCK] == [840_000]
    assert (750, "turn_ends_in") in at.phrases(Step.WARN)
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    at.sit_down()
    at.plan = plan(turn("n", 50, 2000), revision=2, walk_in=TERMS)
    at.at(110)
    assert [event.turn for event in at.of(TurnOpened)][-1] == "n"


def test_after_the_end_the_next_customer_may_walk_in() -> None:
    """Also while an old plan still brings the turn that was given back."""
    at = desk()
    at.at(100)
    at.ask(WalkIn())
    first = opened(at).turn or ""
    at.ask(EndNow())
    at.plan = plan(turn(first, 100, 1900), revision=2, walk_in=TERMS)
    at.at(200)
    assert not at.open
    assert at.ask(WalkIn()).accepted
    assert opened(at).turn != first


def test_staff_opens_at_any_hour_also_past_the_plans_validity() -> None:
    """Counted as a turn, of source staff_code; until the next turn, less the gap."""
    at = desk(turn("n", 3700, 4000), windows=[window(9000, 9100)], valid_until_ms=50_000)
    at.at(100)
    assert at.ask(STAFF).accepted
    at.sit_down()
    assert (opened(at).source, lasts(at)) == (TurnSource.STAFF_CODE, 3700 - 60 - 100)
    [began] = [event for event in at.events if isinstance(event, Started)]
    assert began.basis is Basis.TURN


def test_the_staffs_code_checks_in_a_turn_that_waits() -> None:
    """Whoever used up the tries is let in by staff."""
    at = desk(turn("n", 50, 2000, check_in=Needed(within=600)))
    at.at(100)
    assert at.ask(STAFF).accepted
    assert at.open
    assert [event.turn for event in at.of(CheckedIn)] == ["n"]


def test_the_staffs_code_is_of_its_day_give_or_take_an_hour() -> None:
    """Yesterday's opens nothing."""
    at = desk(staff_code=staff_terms(10_000, 20_000))
    for now, heard in ((6000, False), (6500, True), (23_000, True), (23_700, False)):
        at.at(now)
        assert bool(at.asked_for(STAFF)) is heard
    assert at.ask(STAFF).phrase == "no_staff_code"


def test_wrong_staff_codes_are_heard_once_a_minute_after_five() -> None:
    """So nobody guesses it, and nobody locks staff out for good."""
    at = desk()
    at.at(100)
    for _ in range(5):
        assert at.ask(STAFF, right=False).phrase == "staff_code_wrong"
    at.restart()
    assert at.ask(STAFF).phrase == "staff_code_wait"
    at.at(100 + STAFF_WAIT_MS / 1000)
    assert at.ask(STAFF).accepted


def test_nobody_begins_on_a_use_that_would_not_end() -> None:
    """Blocked use never becomes the next customer's."""
    at = desk(turn("n", 50, 200))
    at.at(60)
    at.sit_down()
    at.obeys = False
    at.at(300)
    assert at.agent.memory.blocked_use is not None
    for request in (WalkIn(), STAFF):
        assert at.ask(request).phrase == "still_in_use"
    assert not at.open


@pytest.mark.parametrize("request_", [WalkIn(), STAFF])
def test_nobody_begins_on_a_job_that_may_be_finished(request_: WalkIn | StaffOpen) -> None:
    """Its turn is over, and the device is not free before it is done."""
    at = desk(turn("n", 50, 200, AtEnd.FINISH_JOB))
    at.at(60)
    at.sit_down()
    at.at(300)
    assert at.use is not None
    assert at.ask(request_).phrase == "still_in_use"
    at.leave()
    assert at.ask(request_).accepted


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.integers(1, 40), min_size=0, max_size=6, unique=True),
    spans=st.lists(st.integers(2, 60), min_size=0, max_size=3),
    asks=st.lists(
        st.tuples(st.integers(1, 900), st.sampled_from([WalkIn(), WalkIn(seconds=300), STAFF])),
        max_size=8,
    ),
)
def test_what_staff_and_windows_do_not_open_stays_closed(
    starts: list[int], spans: list[int], asks: list[tuple[int, WalkIn | StaffOpen]]
) -> None:
    """Any plan: open only in a turn; own turns end before the next, walk-ins in their window."""
    turns = [turn(f"t{start}", start * 100, start * 100 + 60) for start in sorted(starts)]
    edges = [sum(spans[:index]) * 100 for index in range(len(spans) + 1)]
    windows = [window(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    at = desk(*turns, windows=windows, walk_in=TERMS.model_copy(update={"min_seconds": 1}))
    now = 0
    for wait, request in asks:
        now += wait
        decision = at.at(now)
        assert decision.access.open is (decision.turn is not None)
        if not at.ask(request).accepted:
            continue
        began, ends_ms = opened(at), at.now_ms + round(lasts(at) * 1000)
        coming = [t for t in turns if ms_from_utc(t.starts_at) >= at.now_ms]
        gap_ms = 60_000
        assert not coming or ends_ms + gap_ms <= ms_from_utc(coming[0].starts_at)
        if began.source is TurnSource.WALK_IN and windows:
            assert any(
                ms_from_utc(w.starts_at) <= at.now_ms and ends_ms <= ms_from_utc(w.ends_at)
                for w in windows
            )
