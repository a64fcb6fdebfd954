"""What may be at a device, and what is ordered to make it so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.enforcement import (
    MAX_TRIES,
    RETRY_BLOCKED_MS,
    RETRY_MS,
    UNANSWERED_MS,
    VERIFY_MS,
    Access,
    Decision,
    Memory,
    Situation,
    TurnMemory,
    answered,
    decide,
    next_due_ms,
)
from agents.model import Answer, Order
from agents.schedule import Schedule
from agents.tracking import OpenSession, Right, begin
from mqtt_schemas.base import Basis, DeviceState, Outcome, utc_from_ms
from mqtt_schemas.events import OrderOutcome, Step
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd, CheckIn, Notice, OutsideTurns
from tests.agents.plans import plan, schedule, turn

DONE = Answer(OrderOutcome.DONE)
FAILED = Answer(OrderOutcome.FAILED, "does_not_lock")


def situation(
    now_s: float,
    planned: Schedule | None,
    session: OpenSession | None = None,
    *,
    state: DeviceState = DeviceState.IN_USE,
    without_plan: OutsideTurns = OutsideTurns.CLOSED,
    ordering: bool = False,
) -> Situation:
    """Return a situation at so many seconds of plan time."""
    return Situation(
        now_ms=int(now_s * 1000),
        schedule=planned,
        without_plan=without_plan,
        closing=Step.END,
        session=session,
        state=state,
        ordering=ordering,
    )


def in_turn(turn_id: str, use: str = "u") -> OpenSession:
    """Return an open session of a turn."""
    return begin("s", use, Right(Basis.TURN, turn_id), 0)


def steps(decision: Decision) -> list[Step]:
    """Return the steps that were ordered."""
    return [order.step for order in decision.orders]


def test_a_turn_opens_at_its_start_once() -> None:
    """At its start a turn opens, is told once, and the device is opened for it once."""
    planned = schedule(turn("a", 100, 200))
    before = decide(Memory(), situation(99.999, planned))
    assert before.access == Access(open=False)
    assert not before.opened
    at_start = decide(before.memory, situation(100, planned))
    assert at_start.access == Access(open=True, turn="a")
    assert [opened.id for opened in at_start.opened] == ["a"]
    assert steps(at_start) == [Step.OPEN]
    again = decide(at_start.memory, situation(101, planned))
    assert not again.opened
    assert not again.orders


def test_use_that_begins_in_a_turn_is_the_turns() -> None:
    """A use that begins within a turn runs by that turn, with its target group."""
    planned = schedule(turn("a", 100, 200, target_group="nuoret"))
    right = decide(Memory(), situation(150, planned)).right
    assert right == Right(Basis.TURN, "a", "nuoret")


@pytest.mark.parametrize(
    ("outside", "basis"),
    [
        (OutsideTurns.OPEN, Basis.OPEN),
        (OutsideTurns.CLOSED, Basis.OUTSIDE),
        (OutsideTurns.OUT_OF_SERVICE, Basis.OUTSIDE),
    ],
)
def test_outside_turns_the_plan_says_what_holds(outside: OutsideTurns, basis: Basis) -> None:
    """Use outside every turn is open use or use on a closed device, as the plan says."""
    planned = Schedule(plan(turn("a", 100, 200), outside=outside))
    assert decide(Memory(), situation(50, planned)).right == Right(basis)


def test_without_any_plan_the_local_rule_holds() -> None:
    """An agent with no plan at all follows its own configuration."""
    for rule, is_open in ((OutsideTurns.OPEN, True), (OutsideTurns.CLOSED, False)):
        assert decide(Memory(), situation(1, None, without_plan=rule)).access.open is is_open


def test_past_its_validity_the_plan_says_what_holds() -> None:
    """After `valid_until` the plan's `after_expiry` holds, and a running turn is carried out."""
    expired = Schedule(
        plan(
            turn("a", 100, 200),
            turn("b", 300, 400),
            after_expiry=OutsideTurns.OPEN,
            valid_until_ms=150_000,
        )
    )
    assert decide(Memory(), situation(199, expired)).access == Access(open=True, turn="a")
    assert decide(Memory(), situation(250, expired)).access == Access(open=True)
    assert decide(Memory(), situation(350, expired)).access == Access(open=True)


def test_each_warning_is_given_once_to_whoever_uses_the_device() -> None:
    """Warnings come at their times, once each, with the seconds left."""
    planned = schedule(turn("a", 0, 1000, warn_before=(600, 60)))
    memory = decide(Memory(), situation(1, planned)).memory
    given: list[int | None] = []
    for now in range(2, 1000):
        decision = decide(memory, situation(now, planned, in_turn("a")))
        memory = decision.memory
        given += [order.seconds_left for order in decision.orders if order.step is Step.WARN]
    assert given == [600, 60]


def test_of_missed_warnings_only_the_latest_is_given() -> None:
    """Whoever comes late in the turn is warned once, with the true time left."""
    planned = schedule(turn("a", 0, 1000, warn_before=(600, 300, 60)))
    decision = decide(Memory(), situation(970, planned, in_turn("a")))
    warnings = [order.seconds_left for order in decision.orders if order.step is Step.WARN]
    assert warnings == [30]
    assert decision.phase is Phase.WARNED


def test_an_extended_turn_is_warned_of_again() -> None:
    """The customer got more time: the phase is open again, and each warning comes anew."""
    warned = decide(
        Memory(), situation(950, schedule(turn("a", 0, 1000, warn_before=(300, 60))), in_turn("a"))
    )
    assert warned.phase is Phase.WARNED
    extended = schedule(turn("a", 0, 2000, warn_before=(300, 60)))
    memory = warned.memory
    given: list[int | None] = []
    for now in range(951, 2000):
        decision = decide(memory, situation(now, extended, in_turn("a")))
        memory = decision.memory
        given += [order.seconds_left for order in decision.orders if order.step is Step.WARN]
        assert decision.phase is (Phase.OPEN if now < 1700 else Phase.WARNED)
    assert given == [300, 60]


def test_a_clock_that_is_put_right_repeats_no_warning() -> None:
    """By less than a few seconds, as an hourly exchange does."""
    planned = schedule(turn("a", 0, 1000, warn_before=(60,)))
    warned = decide(Memory(), situation(940, planned, in_turn("a")))
    back = decide(warned.memory, situation(938, planned, in_turn("a")))
    again = decide(back.memory, situation(940, planned, in_turn("a")))
    assert [Step.WARN in steps(each) for each in (warned, back, again)] == [True, False, False]


def test_nobody_is_warned_where_nobody_is() -> None:
    """With nobody at the device, a warning waits for somebody."""
    planned = schedule(turn("a", 0, 1000, warn_before=(60,)))
    decision = decide(Memory(), situation(950, planned))
    assert Step.WARN not in steps(decision)
    later = decide(decision.memory, situation(960, planned, in_turn("a")))
    assert Step.WARN in steps(later)


@pytest.mark.parametrize(
    ("at_end", "expected"),
    [
        (AtEnd.LOCK, [Step.CLOSE, Step.LOCK, Step.NOTICE]),
        (AtEnd.END, [Step.CLOSE, Step.END, Step.NOTICE]),
        (AtEnd.PAUSE_JOB, [Step.CLOSE, Step.PAUSE, Step.NOTICE]),
        (AtEnd.FINISH_JOB, [Step.CLOSE]),
        (AtEnd.NOTIFY, [Step.CLOSE, Step.NOTICE]),
    ],
)
def test_at_the_end_plus_grace_the_use_ends_as_planned(at_end: AtEnd, expected: list[Step]) -> None:
    """Not at the end but after the grace, the device closes and the use ends as the turn says."""
    planned = schedule(turn("a", 0, 100, at_end, grace=10))
    memory = decide(Memory(), situation(1, planned)).memory
    in_grace = decide(memory, situation(109.999, planned, in_turn("a")))
    assert not in_grace.orders
    assert in_grace.phase is Phase.GRACE
    over = decide(in_grace.memory, situation(110, planned, in_turn("a")))
    assert steps(over) == expected


def test_an_end_that_the_device_obeys_is_ordered_once() -> None:
    """After the answer, the use has 5 s to be seen gone; meanwhile nothing is repeated."""
    planned = schedule(turn("a", 0, 100, AtEnd.LOCK))
    decision = decide(Memory(), situation(100, planned, in_turn("a")))
    lock = next(order for order in decision.orders if order.step is Step.LOCK)
    memory = answered(decision.memory, lock, DONE, 100_000)
    waiting = decide(memory, situation(100 + VERIFY_MS / 1000 - 0.001, planned, in_turn("a")))
    assert not waiting.orders
    gone = decide(waiting.memory, situation(104, planned, None, state=DeviceState.LOCKED))
    assert gone.memory.ending is None
    assert gone.outcome is None


def test_the_end_of_a_turn_is_what_its_session_is_put_down_to() -> None:
    """A session that ends while its turn's end is being ordered ended by its turn."""
    planned = schedule(turn("a", 0, 100, AtEnd.LOCK))
    assert decide(Memory(), situation(100, planned, in_turn("a"))).outcome is Outcome.TURN_OVER


def test_a_lock_that_does_not_hold_becomes_an_end_then_blocked_use() -> None:
    """A device that won't lock is told to end the use; after three tries the use is blocked."""
    planned = schedule(turn("a", 0, 100, AtEnd.LOCK), turn("b", 300, 400))
    memory, now = Memory(), 100_000
    ordered: list[Step] = []
    decision = decide(memory, situation(now / 1000, planned, in_turn("a")))
    for _ in range(MAX_TRIES + 1):
        endings = [o for o in decision.orders if o.step in (Step.LOCK, Step.END)]
        ordered += [order.step for order in endings]
        memory = answered(decision.memory, endings[0], FAILED, now)
        now += RETRY_MS
        decision = decide(memory, situation(now / 1000, planned, in_turn("a")))
    assert ordered == [Step.LOCK, Step.END, Step.END, Step.END]
    assert decision.memory.blocked_use == "u"
    assert decision.memory.blocked_reason == "does_not_lock"
    assert decision.split
    assert decision.right == Right(Basis.BLOCKED)


def test_the_next_turn_does_not_begin_on_blocked_use() -> None:
    """While a blocked use goes on the next turn stays shut; when it has gone, the turn opens."""
    planned = schedule(turn("a", 0, 100, AtEnd.END), turn("b", 300, 400))
    blocked = begin("s2", "u", Right(Basis.BLOCKED), 0)
    memory = Memory(blocked_use="u", blocked_reason="does_not_end")
    decision = decide(memory, situation(310, planned, blocked))
    assert not decision.access.open
    assert not decision.opened
    assert decision.right == Right(Basis.BLOCKED)
    freed = decide(decision.memory, situation(320, planned, None, state=DeviceState.FREE))
    assert freed.access == Access(open=True, turn="b")
    assert [opened.id for opened in freed.opened] == ["b"]
    assert freed.memory.blocked_use is None


def test_blocked_use_is_tried_again_every_half_minute() -> None:
    """A device that does not obey is told again, without hammering it."""
    planned = schedule(turn("a", 0, 100, AtEnd.END))
    blocked = begin("s2", "u", Right(Basis.BLOCKED), 0)
    first = decide(Memory(blocked_use="u"), situation(200, planned, blocked))
    order = next(order for order in first.orders if order.step is Step.END)
    memory = answered(first.memory, order, FAILED, 200_000)
    soon = decide(memory, situation(200 + RETRY_BLOCKED_MS / 1000 - 0.001, planned, blocked))
    assert Step.END not in steps(soon)
    then = decide(soon.memory, situation(200 + RETRY_BLOCKED_MS / 1000, planned, blocked))
    assert Step.END in steps(then)


def test_an_unanswered_end_is_not_repeated_while_the_device_has_it() -> None:
    """One order at a time: none is given again while the last one is unanswered."""
    planned = schedule(turn("a", 0, 100, AtEnd.END))
    decision = decide(Memory(), situation(100, planned, in_turn("a")))
    later = 100 + UNANSWERED_MS / 1000 + 1
    busy = decide(decision.memory, situation(later, planned, in_turn("a"), ordering=True))
    assert not busy.orders
    free = decide(busy.memory, situation(later, planned, in_turn("a")))
    assert Step.END in steps(free)


def test_no_turn_begins_before_the_last_use_has_gone() -> None:
    """With turns back to back, the second opens when the first's use has ended, not before."""
    planned = schedule(turn("a", 0, 100, AtEnd.LOCK), turn("b", 100, 200))
    decision = decide(Memory(), situation(100, planned, in_turn("a")))
    assert decision.access == Access(open=False, turn="b")
    assert not decision.opened
    gone = decide(decision.memory, situation(101, planned, None, state=DeviceState.LOCKED))
    assert gone.access == Access(open=True, turn="b")


def test_use_on_a_closed_device_is_ended_at_once_with_the_reason() -> None:
    """A use begun outside every turn is ended at once, and the notice says why."""
    planned = schedule(turn("a", 1000, 2000))
    outside = begin("s", "u", Right(Basis.OUTSIDE), 0)
    decision = decide(Memory(), situation(50, planned, outside))
    assert steps(decision) == [Step.CLOSE, Step.END, Step.NOTICE]
    assert {order.phrase for order in decision.orders[1:]} == {"closed_now"}
    assert decision.outcome is Outcome.CLOSING


def test_out_of_service_says_so() -> None:
    """Where the device is out of service the notice says that, not that it is closed."""
    planned = Schedule(plan(outside=OutsideTurns.OUT_OF_SERVICE))
    outside = begin("s", "u", Right(Basis.OUTSIDE), 0)
    decision = decide(Memory(), situation(50, planned, outside))
    assert decision.orders[-1].phrase == "out_of_service"


def test_open_use_becomes_the_turns_when_a_turn_opens() -> None:
    """Whoever sat down before the turn goes on in it, as a session of its own."""
    planned = Schedule(plan(turn("a", 100, 200), outside=OutsideTurns.OPEN))
    early = begin("s", "u", Right(Basis.OPEN), 0)
    assert not decide(Memory(), situation(99, planned, early)).split
    decision = decide(Memory(), situation(100, planned, early))
    assert decision.split
    assert decision.right.turn == "a"


def test_open_use_ends_when_the_device_closes() -> None:
    """Use that was allowed ends when a new plan says closed."""
    closed = schedule()
    running = begin("s", "u", Right(Basis.OPEN), 0)
    assert Step.END in steps(decide(Memory(), situation(10, closed, running)))


def test_a_turn_that_staff_took_back_ends_the_use_by_staff() -> None:
    """A turn that the plan no longer has ends at once, as the turn would have, by staff."""
    planned = schedule(turn("a", 0, 1000, AtEnd.LOCK))
    memory = decide(Memory(), situation(10, planned, in_turn("a"))).memory
    decision = decide(memory, situation(20, schedule(), in_turn("a")))
    assert Step.LOCK in steps(decision)
    assert decision.outcome is Outcome.STAFF


@pytest.mark.parametrize("at_end", [AtEnd.LOCK, AtEnd.PAUSE_JOB])
def test_a_locked_or_paused_turn_reopens_when_it_is_extended(at_end: AtEnd) -> None:
    """An ended turn goes on where its end took nothing away."""
    ended = decide(Memory(), situation(100, schedule(turn("a", 0, 100, at_end)), in_turn("a")))
    longer = schedule(turn("a", 0, 500, at_end))
    decision = decide(ended.memory, situation(110, longer, in_turn("a")))
    assert decision.access == Access(open=True, turn="a")
    assert not decision.late
    assert decision.outcome is None


def test_a_turn_that_was_ended_for_good_answers_too_late_once() -> None:
    """An extension after the end says too late, once, and the device stays closed."""
    first = schedule(turn("a", 0, 100, AtEnd.END))
    opened = decide(Memory(), situation(10, first)).memory
    ended = decide(opened, situation(100, first, in_turn("a")))
    longer = schedule(turn("a", 0, 500, AtEnd.END))
    decision = decide(ended.memory, situation(110, longer, None, state=DeviceState.FREE))
    assert decision.late == ("a",)
    assert not decision.access.open
    again = decide(decision.memory, situation(111, longer, None, state=DeviceState.FREE))
    assert again.late == ()


def test_a_paused_job_is_nobodys_use_once_its_turn_is_over() -> None:
    """When the job is seen paused, its session is over and the use is set aside."""
    planned = schedule(turn("a", 0, 100, AtEnd.PAUSE_JOB))
    ordered = decide(Memory(), situation(100, planned, in_turn("a")))
    paused = decide(ordered.memory, situation(101, planned, in_turn("a"), state=DeviceState.PAUSED))
    assert paused.memory.parked_use == "u"
    resumed = decide(paused.memory, situation(102, planned, None, state=DeviceState.IN_USE))
    assert resumed.memory.parked_use is None


def test_a_turn_that_waits_for_its_code_stays_shut() -> None:
    """A turn with check-in opens when it is checked in, and not before."""
    planned = schedule(turn("a", 0, 100, check_in=CheckIn(within=60)))
    waiting = decide(Memory(), situation(10, planned))
    assert waiting.phase is Phase.AWAITING
    assert not waiting.access.open
    known = replace(waiting.memory, turns={"a": TurnMemory(checked_in=True)})
    assert decide(known, situation(11, planned)).access.open


def test_a_notice_is_shown_once_to_whoever_is_there() -> None:
    """A notice of the plan is shown once while it holds."""
    notice = Notice(
        id="n", phrase="change_soon", arguments={"minutes": 6}, until=utc_from_ms(90_000)
    )
    planned = Schedule(plan(turn("a", 0, 100), notices=[notice]))
    memory = decide(Memory(), situation(1, planned)).memory
    decision = decide(memory, situation(2, planned, in_turn("a")))
    assert [order.phrase for order in decision.orders] == ["change_soon"]
    assert not decide(decision.memory, situation(3, planned, in_turn("a"))).orders


def test_a_level_that_the_device_did_not_take_is_ordered_again() -> None:
    """A refused open or close is repeated after 5 s."""
    planned = schedule(turn("a", 0, 100))
    decision = decide(Memory(), situation(1, planned))
    memory = answered(decision.memory, Order(Step.OPEN, "a"), FAILED, 1000)
    assert not decide(memory, situation(1 + VERIFY_MS / 1000 - 0.001, planned)).orders
    assert steps(decide(memory, situation(1 + VERIFY_MS / 1000, planned))) == [Step.OPEN]


def test_a_clock_that_is_put_back_does_not_hold_up_an_end() -> None:
    """A retry was due by a clock that was an hour fast: it is not waited for by the right one."""
    planned = schedule(turn("a", 0, 100, AtEnd.END))
    fast = decide(Memory(), situation(3700, planned, in_turn("a")))
    assert Step.END in steps(fast)
    right = decide(fast.memory, situation(200, planned, in_turn("a")))
    assert Step.END in steps(right)
    assert not decide(right.memory, situation(201, planned, in_turn("a"))).orders


def test_a_clock_that_is_put_back_does_not_hold_up_a_level() -> None:
    """The same for opening and closing."""
    planned = schedule(turn("a", 0, 100))
    memory = answered(
        decide(Memory(), situation(1, planned)).memory, Order(Step.OPEN, "a"), FAILED, 3_600_000
    )
    assert steps(decide(memory, situation(2, planned))) == [Step.OPEN]


def test_the_next_moment_is_computed_not_polled() -> None:
    """The next moment worth waking at is the plan's next start, warning, end or grace."""
    planned = schedule(turn("a", 100, 200, grace=10, warn_before=(60,)))
    memory = decide(Memory(), situation(0, planned)).memory
    moments, now = [], 0
    while (due := next_due_ms(memory, situation(now / 1000, planned))) is not None:
        moments.append(due // 1000)
        now = due
    assert moments == [100, 140, 200, 210, 4 * 86_400]


turns_of_a_day = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.integers(1, 60),
        st.sampled_from(AtEnd),
        st.integers(0, 1),
    ),
    max_size=5,
)
sessions = st.one_of(
    st.none(),
    st.builds(
        begin,
        st.just("s"),
        st.sampled_from(["u", "v"]),
        st.one_of(
            st.builds(Right, st.sampled_from([Basis.OPEN, Basis.OUTSIDE, Basis.BLOCKED])),
            st.builds(Right, st.just(Basis.TURN), st.sampled_from(["t0", "t1", "gone"])),
        ),
        st.just(0),
    ),
)


@given(
    turns_of_a_day,
    st.lists(st.tuples(st.integers(0, 20), sessions, st.sampled_from(DeviceState)), max_size=30),
    st.sampled_from(OutsideTurns),
)
def test_deciding_is_total_and_repeating_it_adds_nothing(
    day: list[tuple[int, int, AtEnd, int]],
    story: list[tuple[int, OpenSession | None, DeviceState]],
    outside: OutsideTurns,
) -> None:
    """Whatever the plan, the time and the device, a decision is made, and made again is the same.

    A closed device is never open by it, and no order is repeated without time passing.
    """
    now, planned_turns = 0, []
    for index, (pause, length, at_end, grace) in enumerate(day):
        begins = now + pause
        now = begins + length
        planned_turns.append(turn(f"t{index}", begins, now, at_end, grace=grace))
        now += grace
    planned = Schedule(plan(*planned_turns, outside=outside))
    memory, clock = Memory(), 0
    for later, session, state in story:
        clock += later
        at = situation(clock, planned, session, state=state)
        decision = decide(memory, at)
        running = planned.current(clock * 1000)
        if running is None and outside is not OutsideTurns.OPEN:
            assert not decision.access.open
        again = decide(decision.memory, at)
        assert not again.orders
        assert not again.opened
        assert again.access == decision.access
        assert again.memory == decision.memory
        memory = decision.memory
