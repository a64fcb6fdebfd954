"""What people ask for at a device, alone with the plan: codes, more time, the group, the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.granting import MOST_TRIES
from agents.model import CheckIn, Cleared, EndNow, MoreTime, Request, SetGroup, StaffOpen
from agents.requests import ASK_AGAIN_MS, EARLY_MS
from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.events import (
    CheckedIn,
    Ended,
    ExtensionRequested,
    GroupSet,
    OrderResult,
    Started,
    Step,
    TurnOpened,
)
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd
from mqtt_schemas.plan import CheckIn as Needed
from tests.agents.desk import Desk
from tests.agents.plans import code, plan, turn

WORDS = CheckIn("susi kivi joki")
REQUESTS: list[Request] = [WORDS, MoreTime(60), EndNow(), SetGroup("nuoret"), Cleared()]
NEEDED = Needed(within=600, code=code("a"))


def coded(starts: int = 2000, ends: int = 4000, needed: Needed = NEEDED) -> Desk:
    """Return a device with one turn that needs a code."""
    return Desk(plan(turn("a", starts, ends, check_in=needed)))


def test_a_turn_opens_when_its_code_is_given() -> None:
    """Not before; told as checked in, then as opened, once each."""
    desk = coded()
    assert desk.at(2100).phase is Phase.AWAITING
    assert not desk.open
    assert desk.ask(WORDS).phrase == "checked_in"
    assert desk.open
    desk.at(2200)
    assert [type(event) for event in desk.events if event.turn == "a"] == [CheckedIn, TurnOpened]


def test_who_comes_early_checks_in_and_the_turn_opens_at_its_start() -> None:
    """A quarter of an hour before at the earliest."""
    desk = coded()
    desk.at(2000 - EARLY_MS / 1000 - 1)
    assert desk.ask(WORDS).phrase == "no_turn_now"
    desk.at(1900)
    reply = desk.ask(WORDS)
    assert (reply.accepted, reply.phrase, reply.arguments["seconds"]) == (
        True,
        "turn_begins_in",
        100,
    )
    assert not desk.open
    desk.at(2000)
    assert desk.open


def test_who_comes_too_late_finds_the_turn_released() -> None:
    """From `within` on it is as if there were no turn; a plan without check-in opens it still."""
    desk = coded()
    desk.at(2600)
    assert desk.decision is not None
    assert desk.decision.turn is None
    assert desk.ask(WORDS).phrase == "no_turn_now"
    desk.plan = plan(turn("a", 2000, 4000), revision=2)
    desk.at(2700)
    assert desk.open


def test_after_five_wrong_codes_only_staff_opens() -> None:
    """Also after a restart; the right code is not heard any more."""
    desk = coded()
    desk.at(2001)
    left = [desk.ask(WORDS, right=False) for _ in range(MOST_TRIES)]
    assert [reply.arguments.get("tries") for reply in left] == [4, 3, 2, 1, None]
    desk.restart()
    assert desk.asked_for(WORDS) == ()
    assert desk.ask(WORDS).phrase == "code_tries_used_up"
    assert not desk.open


def test_tries_are_counted_for_each_turn() -> None:
    """Who guessed at one turn's code takes nothing from the next customer."""
    b = turn("b", 4100, 5000, check_in=Needed(within=600, code=code("b")))
    desk = Desk(plan(turn("a", 2000, 4000, check_in=NEEDED), b))
    desk.at(2001)
    for _ in range(MOST_TRIES):
        desk.ask(WORDS, right=False)
    desk.at(4101)
    assert desk.ask(WORDS).accepted


def test_a_turn_without_a_code_is_opened_by_staff() -> None:
    """Its plan says so."""
    desk = coded(needed=Needed(within=600))
    desk.at(2001)
    assert desk.ask(WORDS).phrase == "ask_staff"


def test_a_checked_in_turn_stays_so_over_a_restart_and_a_new_plan() -> None:
    """No second opening, no second code, though `within` has long passed."""
    desk = coded()
    desk.at(2001)
    desk.ask(WORDS)
    desk.sit_down()
    desk.at(3000)
    desk.restart()
    desk.plan = plan(turn("a", 2000, 4000, check_in=NEEDED), revision=2)
    desk.at(3100)
    assert desk.open
    assert len(desk.of(TurnOpened)) == len(desk.of(Started)) == 1


def test_more_time_is_asked_for_once_a_minute_and_the_answer_is_shown() -> None:
    """The customer hears by how much the turn was extended, once."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(100)
    desk.sit_down()
    assert desk.ask(MoreTime(600)).accepted
    assert desk.ask(MoreTime(600)).phrase == "already_asked"
    desk.at(100 + ASK_AGAIN_MS / 1000)
    assert desk.ask(MoreTime(300)).accepted
    asked = [e.seconds for e in desk.events if isinstance(e, ExtensionRequested)]
    assert asked == [600, 300]
    desk.plan = plan(turn("a", 100, 1600), revision=2)
    desk.at(300)
    said = [order for _, order in desk.orders if order.phrase == "turn_extended"]
    assert [order.arguments for order in said] == [{"seconds": 600}]


def test_a_declared_group_is_the_sessions_and_the_turns() -> None:
    """What was assumed is declared now, also for what follows in the same turn."""
    desk = Desk(plan(turn("a", 100, 1000, target_group="lapset")))
    desk.at(101)
    desk.sit_down()
    assert desk.ask(SetGroup("nuoret", 2)).accepted
    desk.leave()
    desk.sit_down("u2")
    [told] = desk.of(GroupSet)
    began = [e for e in desk.events if isinstance(e, Started)]
    ended = [e for e in desk.events if isinstance(e, Ended)]
    assert told.session == began[0].session
    assert (ended[0].target_group, ended[0].party_size) == ("nuoret", 2)
    assert (began[1].target_group, began[1].party_size) == ("nuoret", 2)


@pytest.mark.parametrize("group", ["", "Ei ryhmä", "x" * 60])
def test_what_is_no_group_is_refused(group: str) -> None:
    """A code word of the contract; free text goes nowhere."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(101)
    assert desk.ask(SetGroup(group)).phrase == "no_such_group"


@pytest.mark.parametrize("at_end", [AtEnd.LOCK, AtEnd.END, AtEnd.PAUSE_JOB, AtEnd.NOTIFY])
def test_a_customer_may_leave_for_good(at_end: AtEnd) -> None:
    """The use ends by the customer, and the rest of the turn is nobody's."""
    desk = Desk(plan(turn("a", 100, 1000, at_end)))
    desk.at(101)
    desk.sit_down()
    assert desk.ask(EndNow()).accepted
    desk.at(110)
    [ended] = [e for e in desk.events if isinstance(e, Ended)]
    assert ended.outcome is Outcome.CUSTOMER
    assert not desk.open
    desk.restart()
    desk.at(200)
    assert not desk.open
    assert [e.reason for e in desk.events if isinstance(e, OrderResult)] == ["given_back"]


def test_a_job_that_may_finish_does_so_also_when_its_customer_leaves() -> None:
    """A print is never killed midway by default."""
    desk = Desk(plan(turn("a", 100, 1000, AtEnd.FINISH_JOB)))
    desk.at(101)
    desk.sit_down()
    desk.ask(EndNow())
    desk.at(300)
    assert desk.use is not None


def test_a_part_is_cleared_by_the_plan_or_by_who_takes_it() -> None:
    """The plan names the session, so that an old word does not clear a new part."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(101)
    for number, by_plan in enumerate((True, False)):
        desk.sit_down(f"u{number}")
        desk.leave(DeviceState.TO_BE_CLEARED)
        desk.restart()
        desk.at(desk.now_ms / 1000 + 10)
        memory = desk.agent.memory
        assert memory.uncleared
        assert not desk.free
        if by_plan:
            desk.plan = plan(turn("a", 100, 1000), revision=2, cleared=memory.finished)
            desk.at(desk.now_ms / 1000 + 1)
        else:
            assert desk.ask(Cleared()).accepted
        assert desk.free
    assert desk.ask(Cleared()).phrase == "nothing_to_clear"
    assert [order.step for _, order in desk.orders].count(Step.CLEAR) == 2


def test_a_part_that_nobody_saw_made_is_not_cleared_by_the_word_on_the_one_before() -> None:
    """The plan goes on saying for long which part was taken last."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(101)
    desk.sit_down()
    desk.leave(DeviceState.TO_BE_CLEARED)
    before = desk.agent.memory.finished
    desk.plan = plan(turn("a", 100, 1000), revision=2, cleared=before)
    desk.at(103)
    assert desk.free
    desk.leave(DeviceState.TO_BE_CLEARED)
    desk.at(110)
    assert not desk.free
    assert desk.agent.memory.finished not in (None, before)


def test_a_device_that_only_says_it_was_cleared_is_told_again_in_its_time() -> None:
    """What counts is what is seen."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(101)
    desk.leave(DeviceState.TO_BE_CLEARED)
    desk.clears = False
    desk.ask(Cleared())
    desk.at(111)
    assert [order.step for _, order in desk.orders].count(Step.CLEAR) == 1
    desk.clears = True
    desk.at(130)
    assert desk.free


def test_a_device_that_would_not_be_cleared_is_told_again() -> None:
    """After the time that an order has, and no more often."""
    desk = Desk(plan(turn("a", 100, 1000)))
    desk.at(101)
    desk.sit_down()
    desk.leave(DeviceState.TO_BE_CLEARED)
    desk.obeys = False
    desk.ask(Cleared())
    desk.at(110)
    desk.obeys = True
    desk.at(130)
    assert desk.free
    assert [order.step for _, order in desk.orders].count(Step.CLEAR) == 3


def test_words_are_in_no_repr() -> None:
    """So in no log either."""
    assert "susi" not in f"{WORDS!r} {StaffOpen('susi')!r} {WORDS}"


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    within=st.integers(0, 400),
    at_end=st.sampled_from(list(AtEnd)),
)
def test_a_turn_with_a_code_opens_only_for_it(
    data: st.DataObject, within: int, at_end: AtEnd
) -> None:
    """Whatever is asked for and when: not without the code, not before, not after, at most once."""
    needed = Needed(within=within, code=code("a"))
    desk = Desk(plan(turn("a", 1000, 1600, at_end, check_in=needed)))
    now, given = 0.0, False
    for _ in range(data.draw(st.integers(1, 8))):
        now += data.draw(st.integers(1, 400))
        desk.at(now)
        request = data.draw(st.sampled_from(REQUESTS))
        right = data.draw(st.booleans())
        in_time = now * 1000 >= 1_000_000 - EARLY_MS and now < 1000 + within
        reply = desk.ask(request, right=right)
        given = given or (request is WORDS and right and in_time)
        assert not (reply.accepted and not given and desk.agent.memory.of("a").checked_in)
        assert not desk.open or (given and 1000 <= now < 1600)
        if data.draw(st.booleans()):
            desk.restart()
    assert len(desk.of(TurnOpened)) <= 1
