"""Which time was observed, and why the rest was not; held against a slow reading of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import DeviceLink, utc_from_ms
from mqtt_schemas.events import Observed, WatchEnd
from orchestrator.domain.coverage import (
    CONNECTED,
    DISCONNECTED,
    Attendance,
    Boot,
    Coverage,
    Gap,
    Interval,
    Reason,
    Record,
    Stamp,
    implausible,
    interval_of,
    normalise,
    stamp_of,
    together,
)
from orchestrator.domain.sessions import LONGEST_MS
from orchestrator.domain.spans import Span, union
from tests.orchestrator.domain.test_spans import moments
from tests.orchestrator.histories import BOOT, MORNING

GAP, STOPPED, HOUR = WatchEnd.GAP, WatchEnd.STOPPED, WatchEnd.HOUR
#: The orchestrator was there all the time.
ATTENDING = Attendance(orchestrator=[Span(0, 100)], broker=[Span(0, 100)])


@st.composite
def some_intervals(draw: st.DrawFn) -> list[Interval]:
    """Return intervals of one boot as they may come: in any order, overlapping, empty, twice."""
    ends = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)
    one = st.builds(
        lambda span, link, until: Interval(span[0], span[1], link, until),
        ends,
        st.sampled_from(DeviceLink),
        st.none() | st.sampled_from(WatchEnd),
    )
    return draw(st.lists(one, max_size=6))


stamps = st.builds(Stamp, st.booleans(), st.integers(0, 30), st.integers(-10, 40))
spans = st.lists(st.builds(Span, st.integers(0, 60), st.integers(0, 60)), max_size=4).map(union)
attendances = st.builds(Attendance, orchestrator=spans, broker=spans, agent=spans)


def boot(name: str, stamp: Stamp, told: Sequence[Interval], *watching: Interval) -> Boot:
    """Return what is known of a boot."""
    return Boot(name, stamp, tuple(normalise(told)), watching)


@st.composite
def some_boots(draw: st.DrawFn, *, watched: bool = True) -> list[Boot]:
    """Return up to three boots, of which each may contradict the others."""
    names = draw(st.lists(st.sampled_from("abc"), unique=True))
    result = []
    for name in names:
        watching = draw(some_intervals()) if watched else []
        plain = (each._replace(until=None) for each in watching)
        result.append(boot(name, draw(stamps), draw(some_intervals()), *plain))
    return result


def sure(*intervals: Interval, name: str = "a", epoch_ms: int = 0) -> Boot:
    """Return a boot that is dated by the orchestrator's clock."""
    return boot(name, Stamp(True, 0, epoch_ms), intervals)  # noqa: FBT003 - a tuple's field


def on(from_ms: int, to_ms: int, until: WatchEnd | None = None) -> Interval:
    """Return an interval in which the device was reached."""
    return Interval(from_ms, to_ms, CONNECTED, until)


def off(from_ms: int, to_ms: int, until: WatchEnd | None = None) -> Interval:
    """Return an interval in which it was not."""
    return Interval(from_ms, to_ms, DISCONNECTED, until)


# --- one boot's intervals


@given(some_intervals(), some_intervals(), st.randoms())
def test_pieces_come_in_any_order_and_number(
    these: list[Interval], those: list[Interval], random: Random
) -> None:
    """Taken in one by one, all at once, twice, or shuffled: the same is kept."""
    whole = normalise([*these, *those])
    assert normalise([*normalise(these), *those]) == whole
    assert normalise([*whole, *those, *whole]) == whole
    shuffled = [*these, *those]
    random.shuffle(shuffled)
    assert normalise(shuffled) == whole
    kept: list[Interval] = []
    for each in [*those, *these]:
        kept = normalise([*kept, each])
    assert kept == whole


@given(some_intervals())
def test_what_is_kept_is_disjoint_and_holds_what_was_told(told: list[Interval]) -> None:
    """And as few intervals as can be: an uninterrupted year is one."""
    kept = normalise(told)
    assert all(one.to_ms <= next_.from_ms for one, next_ in pairwise(kept))
    touching = [(a, b) for a, b in pairwise(kept) if a.to_ms == b.from_ms]
    assert all(a.link is not b.link for a, b in touching)
    for link in DeviceLink:
        held = moments(Span(*each[:2]) for each in kept if each.link is link)
        said = moments(Span(*each[:2]) for each in told if each.link is link)
        other = moments(Span(*each[:2]) for each in told if each.link is CONNECTED)
        assert held == (said if link is CONNECTED else said - other)


def test_hours_become_one_interval_with_the_end_of_the_last() -> None:
    """Why the earlier ones ended no longer matters: something followed."""
    assert normalise([on(0, 10, HOUR), on(10, 20, HOUR), on(20, 25, GAP)]) == [on(0, 25, GAP)]


def test_an_empty_interval_before_a_gap_keeps_its_reason() -> None:
    """A machine that fell asleep right after a change of its device's link."""
    told = [on(0, 10, WatchEnd.LINK_CHANGED), off(10, 10, GAP), off(15, 20)]
    assert normalise(told) == [on(0, 10, GAP), off(15, 20)]
    assert normalise([off(10, 10, GAP)]) == [off(10, 10, GAP)]


# --- a period


def _runs(boots: Sequence[Boot]) -> list[tuple[int, int, Interval, Boot]]:
    return [
        (each.from_ms + boot.stamp.epoch_ms, each.to_ms + boot.stamp.epoch_ms, each, boot)
        for boot in boots
        for each in [*boot.told, *boot.provisional()]
    ]


def slowly(boots: Sequence[Boot], seen: Attendance, at: int) -> Reason | None:  # noqa: C901, PLR0911 - the rules one after the other, as they are written down
    """Return why a moment was not observed, by the definitions alone; None: it was."""
    runs = _runs(boots)
    over = [run for run in runs if run[0] <= at < run[1]]
    if any(run[2].link is CONNECTED for run in over):
        return None
    if over:
        return Reason.DEVICE_OFF
    dated = [run for run in runs if run[3].stamp.sure]
    signs = [run[0] for run in dated] or [run[0] for run in runs]
    signs += [span.from_ms for span in seen.agent]
    if not signs or at < min(signs):
        return Reason.NEVER_SEEN
    for until, reason in ((GAP, Reason.SUSPENDED), (STOPPED, Reason.AGENT_OFF)):
        for run in dated:
            later = [
                each[0]
                for each in dated
                if each is not run and each[0] >= run[1] and (each[0] > run[1] or run[0] < run[1])
            ]
            ends = min(later, default=None)
            if run[2].until is until and run[1] <= at:
                if ends is None and until is STOPPED:
                    return reason
                if ends is not None and at < ends:
                    return reason
    if at in moments(seen.agent):
        return Reason.NOT_TOLD
    if any(at < run[1] for run in dated if run[2] in run[3].told):
        return Reason.AGENT_OFF
    if at not in moments(seen.orchestrator):
        return Reason.ORCHESTRATOR_OFF
    return Reason.AGENT_OFF if at in moments(seen.broker) else Reason.BROKER_UNREACHABLE


@given(some_boots(), attendances, st.integers(0, 60), st.integers(0, 60))
def test_each_moment_is_observed_or_has_the_one_reason_that_the_rules_give(
    boots: list[Boot], seen: Attendance, from_ms: int, to_ms: int
) -> None:
    """Observed time and gaps are the period, to the millisecond."""
    found = Record(boots, seen).coverage(from_ms, to_ms)
    by_moment = {
        moment: gap.reason for gap in found.gaps for moment in range(gap.from_ms, gap.to_ms)
    }
    assert len(by_moment) == sum(gap.to_ms - gap.from_ms for gap in found.gaps)
    asked = range(from_ms, to_ms)
    assert found.asked_ms == len(asked)
    assert found.observed_ms == len(asked) - len(by_moment)
    assert sum(found.missing_ms.values()) == len(by_moment)
    for moment in asked:
        assert by_moment.get(moment) == slowly(boots, seen, moment), moment


@given(some_boots(), attendances, spans, st.integers(0, 60), st.integers(0, 60))
def test_a_share_is_a_share_of_what_was_asked(
    boots: list[Boot], seen: Attendance, within: list[Span], from_ms: int, to_ms: int
) -> None:
    """Of opening hours only what lies in them; of nothing there is no share."""
    found = Record(boots, seen).coverage(from_ms, to_ms, within)
    asked = moments(within) & set(range(from_ms, to_ms))
    assert found.asked_ms == len(asked)
    assert (found.share is None) == (not asked)
    assert found.share is None or 0 <= found.share <= 1
    assert found.observed_ms >= max(found.provisional_ms, found.unsure_ms)
    assert moments(Span(*gap[:2]) for gap in found.gaps) <= asked
    every = Record(boots, seen).coverage(from_ms, to_ms)
    whole = {moment: gap.reason for gap in every.gaps for moment in range(*gap[:2])}
    part = {moment: gap.reason for gap in found.gaps for moment in range(*gap[:2])}
    assert part == {moment: reason for moment, reason in whole.items() if moment in asked}


@given(some_boots(), attendances, st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_parts_add_up_to_the_whole(boots: list[Boot], seen: Attendance, cuts: list[int]) -> None:
    """Days to a month, months to a year."""
    record, cuts = Record(boots, seen), sorted(cuts)
    parts = together(record.coverage(*pair) for pair in pairwise(cuts))
    assert parts == replace(record.coverage(cuts[0], cuts[-1]), gaps=())


@given(some_boots(watched=False), attendances, some_intervals())
def test_what_comes_late_fills_and_never_empties(
    boots: list[Boot], seen: Attendance, late: list[Interval]
) -> None:
    """An interval that comes after an outage takes nothing away from what was observed."""
    if not boots:
        return
    first = boots[0]
    filled = [replace(first, told=tuple(normalise([*first.told, *late]))), *boots[1:]]
    before = Record(boots, seen).coverage(0, 60)
    after = Record(filled, seen).coverage(0, 60)
    assert after.observed_ms >= before.observed_ms
    gone = moments(Span(*gap[:2]) for gap in after.gaps)
    assert gone <= moments(Span(*gap[:2]) for gap in before.gaps)


@given(some_intervals(), stamps, stamps)
def test_a_boot_that_is_dated_anew_keeps_its_lengths(
    told: list[Interval], one: Stamp, other: Stamp
) -> None:
    """Whatever the wall clock did: the intervals of a boot move together."""
    found = [
        Record([boot("a", stamp, told)], ATTENDING).coverage(-100, 100) for stamp in (one, other)
    ]
    assert found[0].observed_ms == found[1].observed_ms
    reached = moments(Span(*each[:2]) for each in told if each.link is CONNECTED)
    assert found[0].observed_ms == len(reached)


def test_the_newest_comparison_of_clocks_dates_a_boot() -> None:
    """And any comparison rather than none."""
    guess, early, late = Stamp(False, 90, 1), Stamp(True, 10, 2), Stamp(True, 20, 3)  # noqa: FBT003 - a tuple's field
    assert max(guess, early, late) == late
    assert max(guess, early) == early


# --- the reasons, one by one


def gaps(record: Record, from_ms: int = 0, to_ms: int = 100) -> list[Gap]:
    """Return the gaps of a period."""
    return list(record.coverage(from_ms, to_ms).gaps)


def test_a_device_that_was_off_is_told_apart_from_its_agent() -> None:
    """The agent watched, and did not reach it."""
    record = Record([sure(on(0, 40), off(40, 60), on(60, 100))], ATTENDING)
    assert gaps(record) == [Gap(40, 60, Reason.DEVICE_OFF)]


def test_a_sleep_is_told_apart_from_a_stop() -> None:
    """By the agent's own word, for no one else was there."""
    record = Record([sure(on(0, 20, GAP), on(40, 60, STOPPED), on(80, 100))], ATTENDING)
    assert gaps(record) == [Gap(20, 40, Reason.SUSPENDED), Gap(60, 80, Reason.AGENT_OFF)]


def test_a_stop_lasts_until_the_next_boot() -> None:
    """A machine that is switched off at night."""
    night = Record([sure(on(0, 20, STOPPED)), sure(on(0, 30), name="b", epoch_ms=70)], Attendance())
    assert gaps(night) == [Gap(20, 70, Reason.AGENT_OFF)]


def test_before_its_first_sign_a_device_was_not_missed() -> None:
    """One that is installed in mid-year has no half year of outage behind it."""
    assert gaps(Record([sure(on(70, 100))], ATTENDING)) == [Gap(0, 70, Reason.NEVER_SEEN)]
    assert gaps(Record([], ATTENDING)) == [Gap(0, 100, Reason.NEVER_SEEN)]


def test_while_the_record_may_still_come_its_way_is_the_reason() -> None:
    """Orchestrator, broker, agent: the first that was away."""
    seen = Attendance(
        orchestrator=[Span(0, 30), Span(50, 100)],
        broker=[Span(0, 30), Span(60, 100)],
        agent=[Span(0, 30), Span(60, 80)],
    )
    assert gaps(Record([sure(on(0, 30))], seen)) == [
        Gap(30, 50, Reason.ORCHESTRATOR_OFF),
        Gap(50, 60, Reason.BROKER_UNREACHABLE),
        Gap(60, 80, Reason.NOT_TOLD),
        Gap(80, 100, Reason.AGENT_OFF),
    ]


def test_a_heartbeat_does_not_close_the_record_behind_it() -> None:
    """An agent that is back tells what it watches now at once, and what came before it after."""
    seen = Attendance(orchestrator=[Span(0, 40), Span(60, 100)], broker=ATTENDING.broker)
    stamp = Stamp(True, 0, 0)  # noqa: FBT003 - a tuple's field
    back = Boot("a", stamp, told=(on(0, 40),), watching=(on(80, 100),))
    assert gaps(Record([back], seen)) == [
        Gap(40, 60, Reason.ORCHESTRATOR_OFF),
        Gap(60, 80, Reason.AGENT_OFF),
    ]


def test_an_empty_interval_tells_of_a_sleep_too() -> None:
    """The agent had only just begun to watch."""
    record = Record([sure(on(0, 10), on(20, 20, GAP), on(40, 100))], ATTENDING)
    assert gaps(record) == [Gap(10, 20, Reason.AGENT_OFF), Gap(20, 40, Reason.SUSPENDED)]


def test_what_the_agent_reports_afterwards_is_no_gap() -> None:
    """With network, broker and orchestrator down it watched, and says so when it can."""
    seen = Attendance(orchestrator=[Span(0, 30), Span(90, 100)], broker=[Span(0, 30)])
    assert gaps(Record([sure(on(0, 30), on(30, 100))], seen)) == []


def test_a_record_that_was_lost_is_not_taken_for_an_agent_that_was_off() -> None:
    """It was heard meanwhile: its disk died with what it had seen."""
    seen = replace(ATTENDING, agent=[Span(0, 55)])
    record = Record([sure(on(0, 30)), sure(on(0, 20), name="b", epoch_ms=80)], seen)
    assert gaps(record) == [Gap(30, 55, Reason.NOT_TOLD), Gap(55, 80, Reason.AGENT_OFF)]


def test_the_open_tail_counts_provisionally() -> None:
    """Up to the last heartbeat; the event that tells it replaces it."""
    stamp = Stamp(True, 0, 0)  # noqa: FBT003 - a tuple's field
    open_ = Boot("a", stamp, told=(on(0, 30),), watching=(on(30, 70),))
    found = Record([open_], ATTENDING).coverage(0, 100)
    assert (found.observed_ms, found.provisional_ms) == (70, 40)
    told = replace(open_, told=(on(0, 60, STOPPED),))
    found = Record([told], ATTENDING).coverage(0, 100)
    assert (found.observed_ms, found.provisional_ms) == (60, 0)


def test_an_empty_first_interval_replaces_the_heartbeats_too() -> None:
    """The agent's word is the last one, even where it has nothing to tell."""
    stamp = Stamp(True, 0, 0)  # noqa: FBT003 - a tuple's field
    told = Boot("a", stamp, told=(on(0, 0, GAP),), watching=(on(0, 30),))
    assert Record([told], ATTENDING).coverage(0, 100).observed_ms == 0


def test_a_machine_that_never_returned_was_observed_up_to_its_last_heartbeat() -> None:
    """No event will tell it; a later boot's events do not unmake it."""
    stamp = Stamp(True, 0, 0)  # noqa: FBT003 - a tuple's field
    gone = Boot("a", stamp, watching=(on(0, 40),))
    found = Record([gone, sure(on(0, 20), name="b", epoch_ms=80)], ATTENDING).coverage(0, 100)
    assert (found.observed_ms, found.provisional_ms) == (60, 40)


def test_a_clock_that_nobody_compared_is_marked() -> None:
    """It is counted where it says, and that is said; it explains nothing around it."""
    wrong = boot("a", Stamp(False, 0, 10), [on(0, 20, STOPPED)])  # noqa: FBT003 - a tuple's field
    found = Record([wrong, sure(on(0, 20), name="b", epoch_ms=50)], ATTENDING).coverage(0, 100)
    assert (found.observed_ms, found.unsure_ms) == (40, 20)
    assert found.missing_ms == {Reason.NEVER_SEEN: 30, Reason.AGENT_OFF: 30}
    slept = boot("a", Stamp(False, 0, 10), [on(0, 20, GAP)])  # noqa: FBT003 - a tuple's field
    record = Record([slept, sure(on(0, 5), on(50, 100))], ATTENDING)
    assert gaps(record) == [Gap(5, 10, Reason.AGENT_OFF), Gap(30, 50, Reason.AGENT_OFF)]


def test_nothing_added_up_is_nothing() -> None:
    """No device, or no day."""
    assert together([]) == Coverage()
    assert together([]).share is None


# --- events


def event(**more: object) -> Observed:
    """Return an interval as an agent tells it."""
    usual = {
        "rule": "printer/1",
        "wall": utc_from_ms(MORNING),
        "boot_id": BOOT,
        "boot_ms": 5000,
        "offset_ms": 250,
        "from_ms": 1000,
        "to_ms": 5000,
        "device_link": CONNECTED,
    }
    return Observed.model_validate(usual | more)


def test_an_event_tells_an_interval_and_dates_its_boot() -> None:
    """By the orchestrator's clock where the agent knew it, else by the machine's."""
    assert interval_of(event(until=GAP)) == on(1000, 5000, GAP)
    assert stamp_of(event()) == (True, 5000, MORNING + 250 - 5000)
    assert stamp_of(event(offset_ms=None)) == (False, 5000, MORNING - 5000)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"from_ms": 5001, "to_ms": 5000}, "from_ms"),
        ({"to_ms": 5001}, "to_ms"),
        ({"boot_ms": 2 * LONGEST_MS, "to_ms": LONGEST_MS + 1001}, "from_ms"),
        ({"offset_ms": -MORNING - 1}, "offset_ms"),
    ],
)
def test_an_interval_that_cant_be_true_is_named(more: dict[str, int], field: str) -> None:
    """It is set aside, and what it claims is not believed."""
    assert implausible(event()) is None
    reason = implausible(event(**more))
    assert reason is not None
    assert reason.startswith(f"{field}: ")
