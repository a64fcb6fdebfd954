"""A scripted device and its customers, in made-up time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices.scripted.journal import EndedBy, Line, Ordered, Right, Span, UseBegan, UseEnded
from agents.devices.scripted.play import Play
from agents.devices.scripted.script import Script
from agents.devices.scripted.wire import Change, Command
from agents.model import Answer
from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step

BEGIN = 1_000_000


class Stage:
    """A play whose time is moved by hand. Seconds from its beginning."""

    def __init__(self, **script: object) -> None:
        self.play = Play(script=Script.model_validate(script), epoch="e", now_ms=BEGIN)
        self.lines: list[Line] = []
        self.changes: list[Change] = []

    def wait_until(self, seconds: float) -> None:
        """Let time pass: everything is done in the very millisecond in which it is due."""
        until = BEGIN + round(seconds * 1000)
        while (due := self.play.due_ms()) is not None and due <= until:
            self.play.advance(due)
        self._take()

    def order(self, seconds: float, step: Step, turn: str | None = None) -> Answer:
        """Give an order at a time."""
        self.wait_until(seconds)
        answer = self.play.obey(Command(id=1, step=step, turn=turn), BEGIN + round(seconds * 1000))
        self._take()
        return answer

    def _take(self) -> None:
        told = self.play.truth.take()
        self.lines += told.lines
        self.changes += told.changes

    @property
    def ended(self) -> list[UseEnded]:
        """The uses that have ended."""
        return [line for line in self.lines if isinstance(line, UseEnded)]

    @property
    def states(self) -> list[DeviceState]:
        """Every condition that the agent was told."""
        return [change.condition.state for change in self.changes]

    def now(self) -> DeviceState:
        """Return the device's condition."""
        return self.play.truth.condition.state


def visit(**fields: object) -> Mapping[str, object]:
    """One customer who stays for 5 s, unless told otherwise."""
    return {"after": 1.0, "does": [{"active": 5.0}], **fields}


def test_a_customer_comes_after_the_device_opens_for_a_turn_and_leaves() -> None:
    """What the customer did is in the journal, to the millisecond, under the turn's right."""
    stage = Stage(visit=[visit(does=[{"active": 2.0}, {"idle": 1.0}, {"active": 0.5}])])
    stage.order(10, Step.OPEN, "t-1")
    stage.wait_until(60)
    (use,) = stage.ended
    assert (use.active_ms, use.idle_ms, use.by) == (2500, 1000, EndedBy.CUSTOMER)
    assert (use.from_ms, use.at_ms) == (BEGIN + 11_000, BEGIN + 14_500)
    assert (use.right, use.turn) == (Right.TURN, "t-1")
    assert stage.changes[-1].ended is not None
    assert stage.changes[-1].ended.outcome is Outcome.CUSTOMER
    assert stage.now() is DeviceState.FREE


def test_nobody_comes_to_a_device_that_does_not_open() -> None:
    """Customers wait for their turn."""
    stage = Stage(visit=[visit()])
    stage.order(0, Step.CLOSE)
    stage.wait_until(100)
    assert stage.changes == []


def test_a_customer_who_comes_too_late_for_the_turn_does_not_come() -> None:
    """A device that has closed meanwhile is not used."""
    stage = Stage(visit=[visit(after=5.0)])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(3, Step.CLOSE)
    stage.wait_until(100)
    assert stage.changes == []


def test_opening_twice_for_one_turn_is_one_opening() -> None:
    """An agent that says it again brings no second customer."""
    stage = Stage(visit=[visit()])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(0.5, Step.OPEN, "t-1")
    stage.wait_until(60)
    assert len(stage.ended) == 1
    assert len([line for line in stage.lines if isinstance(line, Ordered)]) == 1


def test_a_customer_who_stays_is_ended_by_the_order() -> None:
    """The use ends in the millisecond of the order, and is put down to it."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.wait_until(30)
    assert stage.ended == []
    assert stage.order(31.234, Step.END, "t-1") == Answer(OrderOutcome.DONE)
    (use,) = stage.ended
    assert (use.active_ms, use.by, use.order) == (30_234, EndedBy.ORDER, Step.END)
    assert stage.changes[-1].ended is not None
    assert stage.changes[-1].ended.outcome is Outcome.TURN_OVER


def test_an_end_never_hits_the_next_turns_customer() -> None:
    """A late order for an earlier turn is too late."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-2")
    answer = stage.order(10, Step.END, "t-1")
    assert answer == Answer(OrderOutcome.TOO_LATE, "another_turn")
    assert stage.ended == []


def test_an_end_hits_whom_a_turn_opened_under() -> None:
    """A customer who came in the moment of a turn's end may be the next turn's, to the agent."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(5, Step.OPEN)
    stage.order(10, Step.OPEN, "t-2")
    assert stage.order(20, Step.END, "t-2") == Answer(OrderOutcome.DONE)
    assert len(stage.ended) == 1


def test_a_locked_device_is_free_again_with_the_next_opening() -> None:
    """Lock ends the use and keeps everybody out until the device opens."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(10, Step.CLOSE)
    stage.order(10, Step.LOCK, "t-1")
    assert stage.now() is DeviceState.LOCKED
    stage.order(20, Step.OPEN, "t-2")
    stage.wait_until(30)
    assert stage.now() is DeviceState.IN_USE
    assert [line.turn for line in stage.lines if isinstance(line, UseBegan)] == ["t-1", "t-2"]


@pytest.mark.parametrize("step", [Step.LOCK, Step.END, Step.PAUSE])
def test_a_customer_may_ignore_orders(step: Step) -> None:
    """The device says that it failed, counts it, and the use goes on."""
    stage = Stage(visit=[visit(stays=True, ignores=[step.value])])
    stage.order(0, Step.OPEN, "t-1")
    assert stage.order(10, step, "t-1") == Answer(OrderOutcome.FAILED, "not_obeyed")
    assert stage.now() is DeviceState.IN_USE
    stage.play.stop(BEGIN + 20_000)
    stage.wait_until(20)
    assert (stage.ended[0].refused, stage.ended[0].by) == (1, EndedBy.STOP)


def test_an_order_that_the_device_does_not_know_is_unsupported() -> None:
    """A printer can't be locked, where its script says so."""
    stage = Stage(supports=["open", "close", "end"])
    assert stage.order(0, Step.LOCK).outcome is OrderOutcome.UNSUPPORTED


def test_a_finished_print_waits_to_be_cleared_away() -> None:
    """A print is counted with its filament; the device is free only later."""
    job = visit(does=[{"active": 10.0}], job=True, filament_mm_per_second=2.5)
    stage = Stage(clear_after=4.0, visit=[job])
    stage.order(0, Step.OPEN, "t-1")
    stage.wait_until(12)
    assert stage.now() is DeviceState.TO_BE_CLEARED
    stage.wait_until(20)
    assert stage.now() is DeviceState.FREE
    assert stage.ended[0].figures == {"filament_mm": 25}


def test_a_paused_print_goes_on_where_its_turn_reopens() -> None:
    """It has the time left that it had; the pause is idle, not active."""
    stage = Stage(patience=30.0, visit=[visit(does=[{"active": 10.0}], job=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(5, Step.CLOSE)
    assert stage.order(5, Step.PAUSE, "t-1") == Answer(OrderOutcome.DONE)
    assert stage.now() is DeviceState.PAUSED
    stage.order(8, Step.OPEN, "t-1")
    stage.wait_until(60)
    (use,) = stage.ended
    assert (use.active_ms, use.idle_ms, use.by) == (10_000, 3000, EndedBy.CUSTOMER)


def test_a_paused_print_is_taken_away_in_the_end() -> None:
    """Patience is limited, and each pause has its own."""
    stage = Stage(patience=4.0, visit=[visit(does=[{"active": 10.0}], job=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.order(3, Step.CLOSE)
    stage.order(3, Step.PAUSE, "t-1")
    stage.order(5, Step.OPEN, "t-1")
    stage.order(6, Step.CLOSE)
    stage.order(6, Step.PAUSE, "t-1")
    stage.wait_until(60)
    (use,) = stage.ended
    assert use.at_ms == BEGIN + 10_000
    assert (use.active_ms, use.idle_ms, use.order) == (3000, 6000, Step.PAUSE)


def test_only_prints_can_be_paused() -> None:
    """A player can't be paused."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-1")
    assert stage.order(2, Step.PAUSE, "t-1") == Answer(OrderOutcome.UNSUPPORTED, "not_a_job")


def test_a_fault_ends_the_use_and_is_repaired() -> None:
    """The use is put down to the fault, and the device comes back."""
    stage = Stage(repair_after=3.0, visit=[visit(stays=True, fault_after=2.0)])
    stage.order(0, Step.OPEN, "t-1")
    stage.wait_until(60)
    assert stage.states == [DeviceState.IN_USE, DeviceState.FAULT, DeviceState.FREE]
    assert (stage.ended[0].active_ms, stage.ended[0].by) == (2000, EndedBy.FAULT)


def test_use_of_a_closed_device_is_by_no_right() -> None:
    """A customer who takes it all the same is in the journal as what it is."""
    stage = Stage(visit=[visit(when="closed")])
    stage.order(0, Step.CLOSE)
    stage.wait_until(60)
    assert (stage.ended[0].right, stage.ended[0].turn) == (Right.NONE, None)


def test_a_use_from_before_a_turn_becomes_the_turns() -> None:
    """The customer sat down early: the journal splits the use where the turn opens."""
    stage = Stage(visit=[visit(when="open", does=[{"active": 20.0}])])
    stage.order(0, Step.OPEN)
    stage.order(11, Step.OPEN, "t-1")
    stage.wait_until(60)
    spans = [line for line in stage.lines if isinstance(line, Span)]
    assert [(s.right, s.turn, s.at_ms - s.from_ms) for s in spans] == [
        (Right.OPEN, None, 10_000),
        (Right.TURN, "t-1", 10_000),
    ]


def test_a_visit_may_be_for_one_opening_only() -> None:
    """`nth` counts the openings of its kind."""
    stage = Stage(visit=[visit(nth=2)])
    for number in range(1, 4):
        stage.order(number * 20, Step.OPEN, f"t-{number}")
        stage.order(number * 20 + 15, Step.CLOSE)
    stage.wait_until(100)
    assert [use.turn for use in stage.ended] == ["t-2"]


def test_speed_divides_every_time() -> None:
    """Ten times faster: 5 s of use take half a second."""
    stage = Stage(speed=10.0, visit=[visit()])
    stage.order(0, Step.OPEN, "t-1")
    stage.wait_until(10)
    assert (stage.ended[0].from_ms, stage.ended[0].active_ms) == (BEGIN + 100, 500)


def test_a_device_that_is_switched_off_ends_its_use() -> None:
    """A power loss for whoever used it."""
    stage = Stage(visit=[visit(stays=True)])
    stage.order(0, Step.OPEN, "t-1")
    stage.wait_until(4)
    stage.play.stop(BEGIN + 4000)
    stage.wait_until(4)
    assert stage.now() is DeviceState.OFF
    assert stage.changes[-1].ended is not None
    assert stage.changes[-1].ended.outcome is Outcome.POWER_LOSS


def test_what_was_stopped_does_nothing_meanwhile() -> None:
    """A process that hung for a minute stamps what was due with now."""
    stage = Stage(visit=[visit()])
    stage.order(0, Step.OPEN, "t-1")
    stage.play.advance(BEGIN + 60_000)
    stage.wait_until(60)
    assert stage.changes[0].condition.since_ms == BEGIN + 60_000


ORDERS = st.lists(
    st.tuples(
        st.floats(0.01, 3.0),
        st.sampled_from(Step),
        st.sampled_from([None, "t-1", "t-2"]),
    ),
    max_size=40,
)


@given(seed=st.integers(0, 2**32), orders=ORDERS, crowd=st.booleans(), ignores=st.booleans())
def test_the_journal_is_sound_whatever_is_ordered(
    seed: int, orders: list[tuple[float, Step, str | None]], *, crowd: bool, ignores: bool
) -> None:
    """Spans join without gap or overlap, add up to the use, and agree with what was told."""
    stage = Stage(
        patience=2.0,
        clear_after=1.0,
        crowd={"seed": seed, "fault_share": 0.2, "job_share": 0.3} if crowd else None,
        visit=[visit(stays=True, ignores=["end"] if ignores else []), visit(when="closed")],
    )
    at = 0.0
    for wait, step, turn in orders:
        at += wait
        stage.order(at, step, turn)
    stage.play.stop(BEGIN + round(at * 1000) + 5000)
    stage.wait_until(at + 5)

    began = [line.use for line in stage.lines if isinstance(line, UseBegan)]
    assert [use.use for use in stage.ended] == began
    for use in stage.ended:
        spans = [line for line in stage.lines if isinstance(line, Span) and line.use == use.use]
        assert all(one.at_ms == other.from_ms for one, other in pairwise(spans))
        assert use.active_ms + use.idle_ms == use.at_ms - use.from_ms
        assert sum(s.at_ms - s.from_ms for s in spans if s.active) == use.active_ms
        assert _active_as_told(stage.changes, use.use) == use.active_ms
    assert [change.seq for change in stage.changes] == list(range(1, len(stage.changes) + 1))


def _active_as_told(changes: list[Change], use: str) -> int:
    """Count a use from the changes alone, as an agent does."""
    return sum(
        later.condition.since_ms - one.condition.since_ms
        for one, later in pairwise(changes)
        if one.condition.use == use and one.condition.active
    )
