"""One cycle of an agent: what is observed, planned and ordered comes to events that count right."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cycle import (
    Moment,
    Result,
    Saved,
    Setting,
    State,
    cycle,
    resume,
    snapshot,
)
from agents.enforcement import answered
from agents.model import SETTLED_MS, Answer, Observation, Order, UseEnd
from agents.schedule import Schedule
from agents.tracking import GAP_MS
from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import (
    Ended,
    EventBody,
    Observed,
    OrderOutcome,
    OrderResult,
    Started,
    Step,
    TurnOpened,
)
from mqtt_schemas.plan import AtEnd, OutsideTurns
from tests.agents.plans import plan, schedule, turn

BOOT = "00000000-0000-0000-0000-00000000000a"
OTHER_BOOT = "00000000-0000-0000-0000-00000000000b"
OPEN = Schedule(plan(outside=OutsideTurns.OPEN))


def moment(boot_ms: int, boot_id: str = BOOT) -> Moment:
    """Return a moment; plan time runs with boot time, the wall clock is an hour fast."""
    return Moment(
        now_ms=boot_ms, boot_ms=boot_ms, wall_ms=boot_ms + 3_600_000, boot_id=boot_id, offset_ms=0
    )


def setting(planned: Schedule | None) -> Setting:
    """Return the setting of a device that ends a use by `end`."""
    numbers = itertools.count(1)
    return Setting(
        rule="simulated/1",
        closing=Step.END,
        without_plan=OutsideTurns.OPEN,
        schedule=planned,
        new_id=lambda: f"s{next(numbers)}",
    )


def free(at_ms: int, ended: UseEnd | None = None) -> Observation:
    """Return that nobody uses the device."""
    return Observation(at_ms, DeviceLink.CONNECTED, DeviceState.FREE, ended=ended)


def used(at_ms: int, use: str = "u", *, active: bool = True) -> Observation:
    """Return that somebody uses the device."""
    return Observation(at_ms, DeviceLink.CONNECTED, DeviceState.IN_USE, use=use, active=active)


@dataclass
class Agent:
    """Runs cycles one after the other and keeps what they came to."""

    setting: Setting
    state: State

    def __post_init__(self) -> None:
        self.events: list[EventBody] = []
        self.orders: list[Order] = []

    def step(self, at_ms: int, *observations: Observation) -> Result:
        """Run one cycle."""
        result = cycle(self.state, observations, moment(at_ms), self.setting)
        self.state = result.state
        self.events += result.events
        self.orders += result.orders
        return result

    def ended(self) -> list[Ended]:
        """Return the sessions that ended."""
        return [event for event in self.events if isinstance(event, Ended)]


def agent(planned: Schedule | None = OPEN) -> Agent:
    """Return an agent that starts at boot time 0."""
    state, _ = resume(None, moment(0), "simulated/1")
    return Agent(setting(planned), state)


def test_a_use_becomes_one_session_with_its_exact_time() -> None:
    """Time counts from the device's own stamps, however late the agent looks."""
    a = agent()
    a.step(0, free(0))
    a.step(1500, used(1000))
    a.step(2500, used(2200, active=False))
    a.step(4000, free(3100, UseEnd("u", Outcome.CUSTOMER, {"filament_mm": 12})))
    (ended,) = a.ended()
    assert (ended.active_ms, ended.idle_ms, ended.unobserved_ms) == (1200, 900, 0)
    assert ended.boot_ms == 3100
    assert ended.figures == {"filament_mm": 12}
    assert ended.outcome is Outcome.CUSTOMER


def test_a_turn_opens_before_its_session_starts() -> None:
    """Events tell the story in order: the turn opens, the session starts, the session ends."""
    a = agent(schedule(turn("a", 1, 60, target_group="nuoret")))
    a.step(0, free(0))
    a.step(1000)
    a.step(2000, used(1900))
    a.step(3000, free(2900))
    kinds = [type(event) for event in a.events]
    assert kinds == [TurnOpened, Started, Ended]
    assert {event.turn for event in a.events} == {"a"}
    (ended,) = a.ended()
    assert ended.target_group == "nuoret"


def test_another_use_is_another_session() -> None:
    """Where one use follows another between two looks, both are counted."""
    a = agent()
    a.step(0, free(0))
    a.step(5000, used(1000, "u"), free(2000), used(2500, "v"), free(4000))
    assert [ended.active_ms for ended in a.ended()] == [1000, 1500]


def test_a_use_that_its_turn_ended_says_so_and_how_long_it_overran() -> None:
    """The end is put down to the turn, and time past the turn's end is marked as overrun."""
    a = agent(schedule(turn("a", 0, 10, grace=2)))
    a.step(0, used(0))
    for at_ms in range(1000, 12_001, 1000):
        a.step(at_ms)
    assert [order.step for order in a.orders] == [Step.OPEN, Step.CLOSE, Step.END, Step.NOTICE]
    a.step(12_100, free(12_050))
    (ended,) = a.ended()
    assert ended.outcome is Outcome.TURN_OVER
    assert (ended.active_ms, ended.overrun_ms) == (12_050, 2050)


def test_a_job_that_may_finish_finishes_and_its_overrun_is_marked() -> None:
    """With `finish_job` the print runs on in its own session, and nothing is ordered of it."""
    a = agent(schedule(turn("a", 0, 10, AtEnd.FINISH_JOB)))
    a.step(0, used(0))
    for at_ms in range(1000, 15_001, 1000):
        a.step(at_ms)
    a.step(15_500, free(15_200, UseEnd("u", Outcome.CUSTOMER)))
    (ended,) = a.ended()
    assert ended.basis is Basis.TURN
    assert ended.outcome is Outcome.CUSTOMER
    assert ended.overrun_ms == 5200
    assert Step.END not in [order.step for order in a.orders]


def test_a_job_paused_by_its_turns_end_stops_counting() -> None:
    """A paused job's session ends when it is seen paused, and the night is nobody's use."""
    a = agent(schedule(turn("a", 0, 10, AtEnd.PAUSE_JOB)))
    a.step(0, used(0))
    for at_ms in range(1000, 10_001, 1000):
        a.step(at_ms)
    paused = replace(used(10_300, active=False), state=DeviceState.PAUSED)
    a.step(10_400, paused)
    for at_ms in range(11_000, 60_000, 1000):
        a.step(at_ms)
    (ended,) = a.ended()
    assert ended.outcome is Outcome.TURN_OVER
    assert ended.active_ms + ended.idle_ms == 10_300
    assert a.state.session is None


def test_use_on_a_closed_device_is_not_counted_as_use() -> None:
    """A use begun outside every turn is told apart, and ended at once."""
    a = agent(schedule(turn("a", 100, 200)))
    a.step(0, free(0))
    a.step(1000, used(900))
    assert [order.step for order in a.orders] == [Step.CLOSE, Step.END, Step.NOTICE]
    a.step(1500, free(1400))
    (ended,) = a.ended()
    assert ended.basis is Basis.OUTSIDE
    assert ended.outcome is Outcome.CLOSING


def test_a_fault_is_a_fault_whatever_was_ordered() -> None:
    """A device that broke at the turn's end ended by a fault, not by the turn."""
    a = agent(schedule(turn("a", 0, 10)))
    a.step(0, used(0))
    for at_ms in range(1000, 10_001, 1000):
        a.step(at_ms)
    a.step(10_500, free(10_400, UseEnd("u", Outcome.DEVICE_FAULT)))
    assert a.ended()[0].outcome is Outcome.DEVICE_FAULT


def test_a_use_that_outlives_its_tries_is_split_off_as_blocked() -> None:
    """What the device would not end is no more the customer's use from then on."""
    a = agent(schedule(turn("a", 0, 10), turn("b", 60, 120)))
    a.step(0, used(0))
    for at_ms in range(1000, 80_001, 1000):
        result = a.step(at_ms)
        for order in result.orders:
            if order.step is Step.END:
                answer = Answer(OrderOutcome.FAILED, "does_not_end")
                memory = answered(a.state.memory, order, answer, at_ms)
                a.state = replace(a.state, memory=memory)
    (ended,) = a.ended()
    assert ended.outcome is Outcome.TURN_OVER
    assert a.state.session is not None
    assert a.state.session.right.basis is Basis.BLOCKED
    assert [event.turn for event in a.events if isinstance(event, TurnOpened)] == ["a"]
    a.step(81_000, free(80_500))
    assert [event.turn for event in a.events if isinstance(event, TurnOpened)] == ["a", "b"]
    assert [ended.basis for ended in a.ended()] == [Basis.TURN, Basis.BLOCKED]


@pytest.mark.parametrize("ended_ms", [9930, 10_000])
def test_a_use_that_ended_just_before_its_turn_opened_is_not_the_turns(ended_ms: int) -> None:
    """The device's word on it may come a moment after the turn has opened."""
    a = agent(schedule(turn("a", 10, 60), outside=OutsideTurns.OPEN))
    a.step(0, used(0))
    for at_ms in range(1000, 10_001, 1000):
        a.step(at_ms)
    a.step(10_050, free(ended_ms))
    a.step(11_000)
    (ended,) = a.ended()
    assert (ended.basis, ended.active_ms) == (Basis.OPEN, ended_ms)
    assert len([event for event in a.events if isinstance(event, Started)]) == 1


def test_a_use_that_goes_on_is_split_where_its_turn_opened() -> None:
    """However long it takes until that is sure: by the device's next word, or by its silence."""
    for words in ((), (used(10_200, active=False),)):
        a = agent(schedule(turn("a", 10, 60), outside=OutsideTurns.OPEN))
        a.step(0, used(0))
        for at_ms in range(1000, 10_001, 1000):
            a.step(at_ms)
        a.step(10_250, *words)
        a.step(10_000 + SETTLED_MS)
        a.step(12_000, free(12_000))
        before, after = a.ended()
        assert (before.basis, before.boot_ms, before.active_ms) == (Basis.OPEN, 10_000, 10_000)
        assert (after.basis, after.active_ms + after.idle_ms) == (Basis.TURN, 2000)


def test_a_device_that_stamps_itself_may_take_its_time_to_tell() -> None:
    """However late its word: nothing is counted or split by its silence."""
    a = agent(schedule(turn("a", 10, 60), outside=OutsideTurns.OPEN))
    a.setting = replace(a.setting, settles_ms=None)
    a.step(0, used(0))
    for at_ms in range(1000, 13_001, 1000):
        a.step(at_ms)
        saved = snapshot(a.state, moment(at_ms), None)
        assert saved.session is not None
        assert (saved.session.active_ms, saved.session.to_ms) == (0, 0)
        assert saved.watch is not None
        assert saved.watch.to_ms == 0
    a.step(13_500, used(9000))
    saved = snapshot(a.state, moment(13_500), None)
    assert saved.session is not None
    assert saved.session.active_ms == 9000
    a.step(14_000, free(9950))
    (ended,) = a.ended()
    assert (ended.basis, ended.active_ms) == (Basis.OPEN, 9950)


def test_a_gap_begins_where_a_device_that_stamps_itself_was_last_heard() -> None:
    """A sign of life from within the gap fills it up to there."""
    for words, unobserved in (((), 8000), ((used(8500),), 0)):
        a = agent()
        a.setting = replace(a.setting, settles_ms=None)
        a.step(0, used(0))
        a.step(2500, used(1000))
        a.step(9000)
        a.step(9100, *words)
        a.step(12_050, free(12_000))
        (ended,) = a.ended()
        assert (ended.active_ms, ended.unobserved_ms) == (12_000 - unobserved, unobserved)


def test_a_session_that_waits_to_be_split_is_suspended_in_both_parts() -> None:
    """A gap that begins meanwhile is for each of them, on its side of the split."""
    a = agent(schedule(turn("a", 10, 60), outside=OutsideTurns.OPEN))
    a.step(0, used(0))
    for at_ms in range(1000, 10_001, 1000):
        a.step(at_ms)
    a.step(30_000)
    a.step(31_000, free(31_000))
    before, after = a.ended()
    assert (before.active_ms, before.unobserved_ms) == (10_000 - SETTLED_MS, SETTLED_MS)
    assert (before.boot_ms, after.active_ms, after.unobserved_ms) == (10_000, 1000, 20_000)


def test_a_late_extension_is_answered_too_late() -> None:
    """A turn that was ended for good and then extended leaves an answer in the record."""
    a = agent(schedule(turn("a", 0, 10)))
    a.step(0, used(0))
    for at_ms in range(1000, 10_001, 1000):
        a.step(at_ms)
    a.step(10_500, free(10_400))
    a.setting = replace(a.setting, schedule=schedule(turn("a", 0, 90)))
    a.step(11_000)
    answers = [event for event in a.events if isinstance(event, OrderResult)]
    assert [(event.turn, event.outcome) for event in answers] == [("a", OrderOutcome.TOO_LATE)]


def test_suspended_time_is_unobserved() -> None:
    """A gap of more than 5 s between two cycles is in neither figure, and ends the watch."""
    a = agent()
    a.step(0, used(0))
    a.step(1000)
    a.step(3_601_000)
    a.step(3_602_000, free(3_602_000))
    (ended,) = a.ended()
    assert (ended.active_ms, ended.unobserved_ms) == (2000 - SETTLED_MS, 3_600_000 + SETTLED_MS)
    watched = [(e.from_ms, e.to_ms) for e in a.events if isinstance(e, Observed)]
    assert watched == [(0, 1000 - SETTLED_MS)]


def test_a_device_that_remembers_fills_the_agents_gap() -> None:
    """What it did meanwhile is told by its own stamps, to the millisecond."""
    a = agent()
    a.step(0, used(0))
    a.step(1000)
    a.step(20_000)
    a.step(20_050, free(3000), used(5000, "v"), free(9000), used(15_000, "w"))
    a.step(21_000, free(21_000))
    assert [ended.active_ms for ended in a.ended()] == [3000, 4000, 6000]
    assert [ended.unobserved_ms for ended in a.ended()] == [0, 0, 0]


def test_a_restart_right_after_a_gap_leaves_it_to_the_device_to_tell() -> None:
    """What was saved in the gap's name does not stand in the way of the device's own stamps."""
    a = agent()
    a.step(0, used(0))
    a.step(1000)
    a.step(20_000)
    state, _ = resume(snapshot(a.state, moment(20_000)), moment(21_000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(21_000, free(3000), used(5000, "v"), free(9000), used(15_000, "w"), used(21_000, "w"))
    b.step(22_000, free(22_000))
    first, *rest = b.ended()
    assert (first.active_ms, first.unobserved_ms) == (1000 - SETTLED_MS, 0)
    assert [ended.active_ms for ended in rest] == [4000, 7000]


def test_what_a_device_only_repeats_fills_no_gap() -> None:
    """It says how it is, not how it was all the while."""
    a = agent()
    a.step(0, used(0))
    a.step(1000)
    a.step(20_000, used(0))
    a.step(21_000, used(0))
    a.step(22_000, free(22_000))
    (ended,) = a.ended()
    assert (ended.active_ms, ended.unobserved_ms) == (3000 - SETTLED_MS, 19_000 + SETTLED_MS)


def test_a_restart_in_the_same_boot_goes_on_with_the_session() -> None:
    """After a restart of the agent the session goes on; the time between is unobserved."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    saved = snapshot(a.state, moment(4000))
    state, told = resume(saved, moment(9000), "simulated/1")
    assert [type(event) for event in told] == [Observed]
    b = Agent(a.setting, state)
    b.step(9000, used(9000))
    b.step(10_000)
    b.step(11_000, free(10_500))
    (ended,) = b.ended()
    assert (ended.active_ms, ended.unobserved_ms) == (4000 - SETTLED_MS + 1500, 5000 + SETTLED_MS)
    assert not [event for event in b.events if isinstance(event, Started)]


def test_what_a_killed_agent_did_not_see_is_not_filled_by_what_it_hears_next() -> None:
    """Its time was active or idle, who knows; and the use may end before the first look at it."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    state, _ = resume(snapshot(a.state, moment(4000)), moment(9000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(9000, used(6000, active=False))
    b.step(9050, used(8950, active=False), free(8970), used(8990, "v"), free(8995))
    first, second = b.ended()
    assert (first.active_ms, first.idle_ms) == (4000 - SETTLED_MS, 2970)
    assert (first.boot_ms, first.unobserved_ms) == (8970, 2000 + SETTLED_MS)
    assert (second.boot_ms, second.active_ms) == (8995, 5)


def test_what_a_device_repeats_after_a_restart_is_no_news_of_its_use() -> None:
    """Its use is confirmed by a word from after the checkpoint."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    state, _ = resume(snapshot(a.state, moment(4000)), moment(9000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(9000, used(2000))
    b.step(9050, used(9010))
    b.step(10_000, free(10_000))
    (ended,) = b.ended()
    assert (ended.active_ms, ended.unobserved_ms) == (3500 + 990, 5510)


def test_a_use_that_ended_while_the_agent_was_away_ends_at_its_checkpoint() -> None:
    """What nobody saw is not counted: the session ends where it was last saved."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    state, _ = resume(snapshot(a.state, moment(4000)), moment(60_000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(60_000, used(50_000, "v"))
    (ended,) = b.ended()
    assert ended.at_checkpoint
    assert ended.outcome is Outcome.UNKNOWN
    assert ended.active_ms == 4000 - SETTLED_MS


def test_uses_that_came_and_went_while_the_agent_was_away_are_told_by_their_own_stamps() -> None:
    """A device that remembers tells them all afterwards; none of them is a session of no time."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    state, _ = resume(snapshot(a.state, moment(4000)), moment(9000), "simulated/1")
    b = Agent(a.setting, state)
    away = (used(5000, active=False), free(6000), used(6500, "v"), free(7000), used(8000, "w"))
    b.step(9000, *away, used(9000, "w"))
    b.step(9500, free(9500))
    assert [ended.active_ms for ended in b.ended()] == [4000 - SETTLED_MS, 500, 1500]
    assert (b.ended()[0].idle_ms, b.ended()[0].unobserved_ms) == (1000, 1000 + SETTLED_MS)


def test_a_restart_right_at_a_turns_opening_splits_no_use_that_has_gone() -> None:
    """What is taken over from before the restart is first looked for."""
    a = agent(schedule(turn("a", 10, 60), outside=OutsideTurns.OPEN))
    a.step(0, used(0))
    a.step(4000)
    state, _ = resume(snapshot(a.state, moment(4000)), moment(11_000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(11_000)
    b.step(12_000)
    b.step(12_500, free(12_500))
    (ended,) = b.ended()
    assert ended.at_checkpoint
    assert (ended.basis, ended.active_ms) == (Basis.OPEN, 4000 - SETTLED_MS)
    assert not [event for event in b.events if isinstance(event, Started)]


def test_after_a_power_cut_the_session_ends_at_its_last_checkpoint() -> None:
    """Another boot ends the open session as power loss, in the stamps of the boot that died."""
    a = agent()
    a.step(0, used(0))
    a.step(4000)
    state, told = resume(snapshot(a.state, moment(4000)), moment(10, OTHER_BOOT), "simulated/1")
    ended = next(event for event in told if isinstance(event, Ended))
    assert ended.outcome is Outcome.POWER_LOSS
    assert state.memory.finished == ended.session
    assert ended.at_checkpoint
    assert ended.active_ms == 4000 - SETTLED_MS
    assert (ended.boot_id, ended.boot_ms) == (BOOT, 4000)
    assert state.session is None


def test_a_restart_mid_turn_opens_nothing_twice() -> None:
    """The turn is not opened or warned again, but the device is told its level again."""
    a = agent(schedule(turn("a", 0, 100, warn_before=(60,))))
    a.step(0, used(0))
    a.step(50_000 - GAP_MS)
    a.step(50_000)
    assert Step.WARN in [order.step for order in a.orders]
    state, _ = resume(snapshot(a.state, moment(50_000)), moment(51_000), "simulated/1")
    b = Agent(a.setting, state)
    b.step(51_000, used(0))
    assert [order.step for order in b.orders] == [Step.OPEN]
    assert not [event for event in b.events if isinstance(event, TurnOpened)]


def test_time_from_before_the_agents_first_start_is_not_claimed() -> None:
    """A use found running by a new agent counts from the agent's start: nothing twice."""
    state, _ = resume(None, moment(100_000), "simulated/1")
    a = Agent(setting(OPEN), state)
    a.step(100_000, used(20_000))
    a.step(101_000, free(101_000))
    assert a.ended()[0].active_ms == 1000


def test_a_stepped_wall_clock_moves_no_duration() -> None:
    """Durations come from boot time, whatever the wall clock says."""
    a = agent()
    a.step(0, used(0))
    jumped = replace(moment(1000), wall_ms=0)
    result = cycle(a.state, (free(1000),), jumped, a.setting)
    (ended,) = [event for event in result.events if isinstance(event, Ended)]
    assert ended.active_ms == 1000


def test_a_device_link_that_changes_ends_the_watch() -> None:
    """An interval of watching has one state of the device's link."""
    a = agent()
    a.step(0, free(0))
    a.step(1000, replace(free(900), device_link=DeviceLink.DISCONNECTED))
    (seen,) = [event for event in a.events if isinstance(event, Observed)]
    assert (seen.from_ms, seen.to_ms, seen.device_link) == (0, 900, DeviceLink.CONNECTED)


def test_a_checkpoint_after_a_gap_counts_no_suspended_time() -> None:
    """A machine that wakes up only to be shut down was not in use while it slept."""
    a = agent()
    a.step(0, used(0))
    a.step(1000)
    saved = snapshot(a.state, moment(3_601_000))
    assert saved.session is not None
    sure = 1000 - SETTLED_MS
    assert (saved.session.active_ms, saved.session.unobserved_ms) == (sure, 3_601_000 - sure)
    assert saved.watch is not None
    assert saved.watch.to_ms == sure


def test_what_the_device_knows_from_before_was_not_watched() -> None:
    """An old stamp makes no coverage: nobody looked then."""
    state, _ = resume(None, moment(50_000), "simulated/1")
    a = Agent(setting(OPEN), state)
    a.step(50_000, free(10_000))
    a.step(51_000, replace(free(51_000), device_link=DeviceLink.DISCONNECTED))
    (seen,) = [event for event in a.events if isinstance(event, Observed)]
    assert (seen.from_ms, seen.to_ms) == (50_000, 51_000)


def test_a_restart_right_after_the_first_look_tells_no_empty_interval() -> None:
    """Nothing was watched yet."""
    a = agent()
    a.step(0, free(0))
    assert resume(snapshot(a.state, moment(0)), moment(500), "simulated/1")[1] == ()


def test_a_stamp_from_before_1970_is_written_as_1970() -> None:
    """A machine without a battery clock may look back to before its time began."""
    a = agent()
    early = replace(moment(4000), wall_ms=100)
    state = cycle(a.state, (used(0),), replace(moment(0), wall_ms=0), a.setting).state
    result = cycle(state, (used(2000), free(3000)), early, a.setting)
    (ended,) = [event for event in result.events if isinstance(event, Ended)]
    assert ended.wall.year == 1970


def test_an_offset_from_before_does_not_lead_to_before_1970() -> None:
    """The orchestrator would set the event aside, and its use with it."""
    a = agent()
    early = replace(moment(4000), wall_ms=4000, offset_ms=-3_600_000)
    result = cycle(a.state, (used(2000),), early, a.setting)
    (started,) = [event for event in result.events if isinstance(event, Started)]
    assert started.wall.year == 1970
    assert started.offset_ms == -2000


spans = st.lists(
    st.tuples(st.integers(1, 4000), st.sampled_from(["", "u", "v", "w"]), st.booleans()),
    min_size=1,
    max_size=30,
)


def _story(parts: Iterable[tuple[int, str, bool]]) -> list[Observation]:
    """Return what a device tells: a stretch of time with a use or none, then the next."""
    at_ms, told = 0, []
    for index, (length, use, active) in enumerate(parts):
        name = f"{use}{index}" if use == "w" else use
        told.append(used(at_ms, name, active=active) if use else free(at_ms))
        at_ms += length
    return [*told, free(at_ms)]


@given(spans, st.lists(st.integers(1, GAP_MS), min_size=1, max_size=20))
def test_every_millisecond_of_use_is_counted_exactly_once(
    parts: Sequence[tuple[int, str, bool]], rhythm: Sequence[int]
) -> None:
    """However the agent's looks fall, what it counts equals what the device did."""
    story, a, now = _story(parts), agent(), 0
    for delay in itertools.cycle(rhythm):
        a.step(now, *[seen for seen in story if seen.at_ms <= now])
        story = [seen for seen in story if seen.at_ms > now]
        if not story:
            break
        now += delay
    true_active = sum(length for length, use, active in parts if use and active)
    true_idle = sum(length for length, use, active in parts if use and not active)
    assert sum(ended.active_ms for ended in a.ended()) == true_active
    assert sum(ended.idle_ms for ended in a.ended()) == true_idle
    assert sum(ended.unobserved_ms for ended in a.ended()) == 0


@given(spans, st.data())
def test_restarts_never_count_more_than_was_true(
    parts: Sequence[tuple[int, str, bool]], data: st.DataObject
) -> None:
    """With the agent killed at any cycle, never more is counted than was true."""
    story, a = _story(parts), agent()
    saved: Saved | None = None
    total: list[Ended] = []
    for seen in story:
        now = seen.at_ms + data.draw(st.integers(0, 50))
        a.step(now, seen)
        total += a.ended()
        a.events.clear()
        saved = snapshot(a.state, moment(now))
        if data.draw(st.booleans()):
            state, told = resume(saved, moment(now + 1), "simulated/1")
            total += [event for event in told if isinstance(event, Ended)]
            a = Agent(a.setting, state)
    counted = sum(ended.active_ms + ended.idle_ms for ended in total)
    assert counted <= sum(length for length, use, _ in parts if use) + 50
