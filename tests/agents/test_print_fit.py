"""Whether a print that begins in a turn will be done in time, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.enforcement import Decision, Memory, Situation, decide
from agents.model import Order
from agents.print_fit import JUST_BEGUN_MS, judge
from agents.schedule import Schedule
from agents.tracking import OpenSession, Right, begin
from mqtt_schemas.base import Basis, DeviceState, Outcome
from mqtt_schemas.events import Step
from mqtt_schemas.plan import OutsideTurns, PrintFit
from tests.agents.plans import plan, turn

#: A turn of 2 h from second 1000 on; another one follows at once.
ENDS_S = 1000 + 7200


def planned(
    misfit: Literal["refuse", "warn"] | None, *, ratio: int = 100, run_on: int = 0
) -> Schedule:
    """Return the schedule of a printer."""
    first = turn("a", 1000, ENDS_S).model_copy(update={"run_on": run_on})
    said = plan(first, turn("b", ENDS_S, ENDS_S + 7200))
    fit = None if misfit is None else PrintFit(misfit=misfit, ratio_percent=ratio)
    return Schedule(said.model_copy(update={"print_fit": fit}))


def printing(figures: Mapping[str, int], *, turn_id: str = "a", use: str = "u") -> OpenSession:
    """Return the session of a print."""
    session = begin("s", use, Right(Basis.TURN, turn_id), 0)
    return replace(session, figures=dict(figures))


def decided(
    schedule: Schedule, session: OpenSession | None, now_s: int = 2000, memory: Memory | None = None
) -> Decision:
    """Return what is decided at so many seconds of plan time."""
    return decide(
        memory or Memory(),
        Situation(
            now_ms=now_s * 1000,
            schedule=schedule,
            without_plan=OutsideTurns.CLOSED,
            closing=Step.END,
            session=session,
            state=DeviceState.IN_USE if session else DeviceState.FREE,
        ),
    )


def about_prints(decision: Decision) -> list[Order]:
    """Return what was ordered because of a print's length."""
    return [order for order in decision.orders if (order.phrase or "").startswith("print_")]


@pytest.mark.parametrize(
    ("hours", "ratio", "run_on", "over_s"),
    [(1, 100, 0, 0), (1, 180, 0, 280), (2, 100, 0, 1000), (2, 100, 900, 100), (2, 100, 1000, 0)],
)
def test_a_print_is_held_against_the_end_of_its_turn(
    hours: int, ratio: int, run_on: int, over_s: int
) -> None:
    """Its estimate, corrected by how long prints take here, and what it may run on."""
    schedule = planned("warn", ratio=ratio, run_on=run_on)
    fit = schedule.plan.print_fit
    assert fit is not None
    judged = judge(fit, schedule.turns[0], {"estimated_ms": hours * 3_600_000}, 2_000_000)
    assert judged is not None
    assert judged.over_ms == over_s * 1000
    assert not judged.refused


def test_what_is_printed_already_is_left_out() -> None:
    """A print that was taken up midway takes only its rest."""
    figures = {"estimated_ms": 7_200_000, "print_ms": 1_000_000}
    schedule = planned("refuse")
    assert schedule.plan.print_fit is not None
    judged = judge(schedule.plan.print_fit, schedule.turns[0], figures, 2_000_000)
    assert judged is not None
    assert judged.over_ms == 0


def test_a_print_that_fits_is_let_alone() -> None:
    """Nobody is told that all is well."""
    decision = decided(planned("refuse"), printing({"estimated_ms": 3_600_000}))
    assert about_prints(decision) == []
    assert decision.outcome is None
    assert decision.access.open


def test_a_print_that_would_be_late_is_told_of_once() -> None:
    """By how much, so that the customer can choose what to do; a restart repeats nothing."""
    schedule, session = planned("warn"), printing({"estimated_ms": 7_200_000})
    first = decided(schedule, session)
    [order] = about_prints(first)
    assert (order.step, order.phrase, order.arguments) == (
        Step.NOTICE,
        "print_late",
        {"seconds": 1000},
    )
    assert first.outcome is None
    assert first.access.open
    assert about_prints(decided(schedule, session, 2001, first.memory)) == []


def test_a_print_that_would_be_late_is_refused_as_it_begins() -> None:
    """Where the policy says so: it is ended at once, with the reason; then the turn goes on."""
    schedule, session = planned("refuse"), printing({"estimated_ms": 7_200_000, "print_ms": 1000})
    first = decided(schedule, session)
    assert [order.step for order in about_prints(first)] == [Step.END, Step.NOTICE]
    assert {order.phrase for order in about_prints(first)} == {"print_too_long"}
    assert first.outcome is Outcome.TURN_OVER
    assert not first.access.open
    after = decided(schedule, None, 2003, first.memory)
    assert after.access.open
    assert after.memory.refused_use is None
    shorter = decided(schedule, printing({"estimated_ms": 600_000}, use="v"), 2010, after.memory)
    assert about_prints(shorter) == []
    assert shorter.access.open


def test_a_refused_print_that_goes_on_is_called_blocked() -> None:
    """The device may not obey here either."""
    schedule, session = planned("refuse"), printing({"estimated_ms": 7_200_000})
    decision = decided(schedule, session)
    for now_s in range(2001, 2100):
        decision = decided(schedule, session, now_s, decision.memory)
    assert decision.memory.blocked_use == "u"


def test_an_estimate_that_comes_late_ends_nothing() -> None:
    """What has been printed for some minutes is never thrown away; its customer is told."""
    schedule = planned("refuse")
    unknown = decided(schedule, printing({"print_ms": 60_000}))
    assert about_prints(unknown) == []
    late = printing({"estimated_ms": 9_000_000, "print_ms": JUST_BEGUN_MS + 1})
    told = decided(schedule, late, 2200, unknown.memory)
    assert [order.phrase for order in about_prints(told)] == ["print_late"]
    assert told.outcome is None


@pytest.mark.parametrize("misfit", ["refuse", "warn"])
def test_a_print_that_was_judged_is_not_judged_again_in_a_later_turn(
    misfit: Literal["refuse", "warn"],
) -> None:
    """A long print that goes over into the next turn goes on as it was let go on."""
    schedule = planned(misfit)
    fits = decided(schedule, printing({"estimated_ms": 1000}))
    longer = printing({"estimated_ms": 90_000_000, "print_ms": 1}, turn_id="b")
    assert about_prints(decided(schedule, longer, ENDS_S + 5, fits.memory)) == []


def test_without_the_plan_saying_so_nothing_is_judged() -> None:
    """The policy `leave`, and every device that is no printer."""
    assert about_prints(decided(planned(None), printing({"estimated_ms": 10**9}))) == []
    assert about_prints(decided(planned("refuse"), printing({"print_ms": 10**9}))) == []


@given(
    misfit=st.sampled_from(["refuse", "warn"]),
    estimates=st.lists(st.integers(1, 10**9), min_size=1, max_size=4),
    printed=st.lists(st.integers(0, 10**7), min_size=1, max_size=4),
)
def test_a_print_is_never_ended_midway(
    misfit: Literal["refuse", "warn"], estimates: list[int], printed: list[int]
) -> None:
    """Whatever its estimates become: once it has been let go on, only its turn's end ends it."""
    schedule, memory = planned(misfit), Memory()
    let_go_on = False
    told = zip(estimates, sorted(printed), strict=False)
    for now_s, (estimate, printed_ms) in enumerate(told, start=2000):
        figures = {"estimated_ms": estimate, "print_ms": printed_ms}
        decision = decided(schedule, printing(figures), now_s, memory)
        memory = decision.memory
        ended = any(order.step is Step.END for order in decision.orders)
        assert not (ended and (let_go_on or (printed_ms > JUST_BEGUN_MS and now_s == 2000)))
        let_go_on = let_go_on or not memory.refused_use
