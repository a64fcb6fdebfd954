"""Windows, the end of open use, and changes of places: what the clock alone brings about."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.model import CheckIn
from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.events import Ended, Started, Step
from mqtt_schemas.plan import AtEnd, OutsideTurns, WalkIn
from mqtt_schemas.plan import CheckIn as Needed
from tests.agents.desk import Desk
from tests.agents.plans import code, plan, turn, window

OPEN = OutsideTurns.OPEN


def test_open_holds_within_the_windows_only() -> None:
    """Turns hold whatever the windows say."""
    desk = Desk(plan(turn("a", 2100, 2200), outside=OPEN, windows=[window(1000, 2000)]))
    found = {now: desk.at(now).access.open for now in (999, 1000, 1999, 2000, 2100, 2200)}
    assert found == {999: False, 1000: True, 1999: True, 2000: False, 2100: True, 2200: False}


def test_the_end_of_the_window_ends_open_use_as_closing_after_warnings() -> None:
    """At ten, five and one minutes, once each, also over a restart."""
    desk = Desk(plan(outside=OPEN, windows=[window(0, 500), window(500, 2000)]))
    desk.at(100)
    desk.sit_down()
    desk.at(1450)
    desk.restart()
    desk.at(2001)
    [ended] = [event for event in desk.events if isinstance(event, Ended)]
    assert (ended.basis, ended.outcome) == (Basis.OPEN, Outcome.CLOSING)
    assert desk.phrases(Step.WARN) == [(now, "closes_in") for now in (1400, 1700, 1940)]
    assert desk.phrases(Step.END) == [(2000, "closed_now")]


def test_open_use_is_warned_as_the_terms_of_walk_ins_say() -> None:
    """The same ladder for whoever needs no turn."""
    terms = WalkIn(max_seconds=100, warn_before=(30,))
    desk = Desk(plan(outside=OPEN, windows=[window(0, 1000)], walk_in=terms))
    desk.sit_down()
    desk.at(999)
    assert desk.phrases(Step.WARN) == [(970, "closes_in")]


def test_open_use_is_warned_before_a_turn_that_is_somebody_elses() -> None:
    """One that needs a code: the present user's time ends at its start."""
    booked = turn("a", 1000, 2000, check_in=Needed(within=600, code=code("a")))
    desk = Desk(plan(booked, outside=OPEN))
    desk.sit_down()
    desk.at(1001)
    assert desk.phrases(Step.WARN) == [(now, "closes_in") for now in (400, 700, 940)]
    assert desk.use is None
    assert desk.ask(CheckIn("words")).accepted


def test_the_group_of_the_hours_is_assumed_for_open_use() -> None:
    """And marked as assumed."""
    desk = Desk(plan(outside=OPEN, windows=[window(0, 1000, "nuoret")]))
    desk.sit_down()
    [began] = [event for event in desk.events if isinstance(event, Started)]
    assert (began.target_group, began.group_assumed) == ("nuoret", True)


def test_participants_change_places_by_the_turns_start() -> None:
    """With the rounds that are left; not at the end; not again after a restart."""
    desk = Desk(plan(turn("a", 1000, 1000 + 5 * 360, AtEnd.NOTIFY, rotate=360)))
    desk.at(1000)
    desk.sit_down()
    desk.at(1000 + 2 * 360 + 5)
    desk.restart()
    desk.at(3500)
    told = [
        (at, order.arguments["rounds"])
        for at, order in desk.orders
        if order.phrase == "change_places"
    ]
    assert told == [((1000 + n * 360) * 1000, 5 - n) for n in (1, 2, 3, 4)]


def test_who_comes_after_a_change_of_places_missed_it() -> None:
    """Nobody is told minutes later; the next change is told in its time."""
    desk = Desk(plan(turn("a", 1000, 4000, rotate=360)))
    desk.at(1500)
    desk.sit_down()
    desk.at(1700)
    assert not desk.phrases(Step.NOTICE)
    desk.at(1721)
    assert desk.phrases(Step.NOTICE) == [(1720, "change_places")]


@settings(max_examples=60, deadline=None)
@given(
    edges=st.lists(st.integers(1, 3000), max_size=6, unique=True),
    turns=st.lists(st.integers(0, 14), max_size=4, unique=True),
    outside=st.sampled_from(list(OutsideTurns)),
    looks=st.lists(st.integers(1, 700), max_size=10),
)
def test_it_is_open_in_a_turn_or_in_a_window_and_never_else(
    edges: list[int], turns: list[int], outside: OutsideTurns, looks: list[int]
) -> None:
    """Total on any plan; warnings of one end get smaller only."""
    spans = sorted(edges)
    windows = [window(a, b) for a, b in zip(spans[::2], spans[1::2], strict=False)]
    planned = [turn(f"t{n}", n * 200, n * 200 + 150, warn_before=(60, 20)) for n in sorted(turns)]
    desk = Desk(plan(*planned, outside=outside, windows=windows))
    now = 0
    for wait in looks:
        now += wait
        decision = desk.at(now)
        in_turn = any(n * 200 <= now < n * 200 + 150 for n in turns)
        in_window = not windows or any(
            a <= now < b for a, b in zip(spans[::2], spans[1::2], strict=False)
        )
        assert decision.access.open is (in_turn or (outside is OPEN and in_window))
        if decision.access.open and desk.use is None:
            desk.sit_down(f"u{now}")
    for name in {order.turn for _, order in desk.orders if order.step is Step.WARN}:
        left = [
            o.seconds_left or 0 for _, o in desk.orders if o.step is Step.WARN and o.turn == name
        ]
        if name is not None:
            assert left == sorted(left, reverse=True)
            assert len(left) <= 2
