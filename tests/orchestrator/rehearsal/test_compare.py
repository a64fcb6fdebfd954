"""Truth against count: exact where it is, and each figure where it is not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.device_journal import Span, Use
from orchestrator.rehearsal.compare import Counted, Figures, History, Sums, add, compare
from orchestrator.rehearsal.intervals import Interval, union


def use(name: str, from_ms: int, to_ms: int, idle_from: int | None = None) -> Use:
    """Return a use that is active up to `idle_from`, and idle then."""
    turning = to_ms if idle_from is None else idle_from
    spans = [Span(from_ms, turning, active=True)]
    if turning < to_ms:
        spans.append(Span(turning, to_ms, active=False))
    return Use(
        id=name,
        from_ms=from_ms,
        rightful=True,
        to_ms=to_ms,
        latest_ms=to_ms,
        active_ms=turning - from_ms,
        idle_ms=to_ms - turning,
        spans=spans,
    )


def session(name: str, from_ms: int, active: int, idle: int = 0, unseen: int = 0) -> Counted:
    """Return a counted session."""
    return Counted(
        session=name,
        from_ms=from_ms,
        to_ms=from_ms + active + idle + unseen,
        active_ms=active,
        idle_ms=idle,
    )


def history(uses: list[Use], sessions: list[Counted]) -> History:
    """Return a device's history, seen all the time, with totals that agree with the sessions."""
    return History(
        device="vr",
        uses=uses,
        sessions=sessions,
        totals=Sums(
            len(sessions),
            sum(each.active_ms for each in sessions),
            sum(each.idle_ms for each in sessions),
        ),
        observed=(Interval(0, 100_000),),
    )


TRUE = [use("u", 1000, 2000), use("v", 3000, 5000, idle_from=4000)]
COUNTED = [session("a", 1000, 1000), session("b", 3000, 1000, 1000)]
EXACT = history(TRUE, COUNTED)


def wrong(figures: Figures) -> tuple[int, int, int, int]:
    """Return what must be zero."""
    return figures.lost, figures.doubled, figures.overcounted_ms, figures.unexplained_ms


def test_a_count_that_is_the_truth_is_exact() -> None:
    """All four are zero, and the sums are told."""
    figures = compare(EXACT)
    assert figures.exact
    assert (figures.uses, figures.sessions) == (2, 2)
    assert figures.true_ms == figures.counted_ms == 3000
    assert figures.unobserved_ms == 0
    assert figures.remarks == ()


def test_a_use_without_a_session_is_lost() -> None:
    """And all of its time is unexplained."""
    figures = compare(history(TRUE, COUNTED[:1]))
    assert wrong(figures) == (1, 0, 0, 2000)
    assert not figures.exact
    assert len(figures.remarks) == 2


def test_a_use_of_no_time_has_a_session_of_no_time() -> None:
    """A customer who sits down as the device is closed: it began, and so it is counted."""
    none = use("w", 6000, 6000)
    figures = compare(history([*TRUE, none], [*COUNTED, session("c", 6000, 0)]))
    assert figures.exact
    assert wrong(compare(history(TRUE, [*COUNTED, session("c", 6000, 0)]))) == (0, 1, 0, 0)


def test_what_was_unseen_for_a_reason_on_record_is_not_lost() -> None:
    """The agent was killed, and says itself that it did not look."""
    seen = (Interval(0, 2500), Interval(6000, 100_000))
    unseen = replace(history(TRUE, COUNTED[:1]), observed=seen, excused=(Interval(2000, 7000),))
    assert wrong(compare(unseen)) == (0, 0, 0, 0)
    assert compare(unseen).unobserved_ms == 2000


def test_no_reason_helps_where_the_agent_says_that_it_looked() -> None:
    """It was killed, but what it claims to have seen must be counted."""
    claimed = replace(history(TRUE, []), excused=(Interval(0, 9000),))
    assert wrong(compare(claimed)) == (2, 0, 0, 3000)


def test_no_gap_on_record_helps_without_a_reason() -> None:
    """An agent that simply looks away loses time all the same."""
    assert wrong(compare(replace(history(TRUE, []), observed=()))) == (2, 0, 0, 3000)


def test_a_named_loss_is_a_reason_of_its_own() -> None:
    """The orchestrator says which events a device no longer kept."""
    lost = replace(history(TRUE, COUNTED[:1]), losses=(Interval(2900, 5100),))
    assert wrong(compare(lost)) == (0, 0, 0, 0)


def test_a_part_that_is_missing_is_unexplained() -> None:
    """A session may be too short at its end, its begin, or in the middle."""
    short = history(TRUE, [COUNTED[0], session("b", 3000, 1000, 400)])
    assert wrong(compare(short)) == (0, 0, 0, 600)
    hollow = history(TRUE, [COUNTED[0], session("b", 3000, 900, 900, unseen=200)])
    assert wrong(compare(hollow)) == (0, 0, 0, 200)
    assert compare(replace(hollow, excused=(Interval(3500, 3700),))).exact


def test_a_session_that_is_counted_twice_is_doubled() -> None:
    """Its time is overcounted too."""
    twice = history(TRUE, [*COUNTED, replace(COUNTED[0], session="a2")])
    assert wrong(compare(twice)) == (0, 1, 1000, 0)


def test_a_session_that_begins_before_the_one_before_has_ended_is_doubled() -> None:
    """One device is used by one customer at a time."""
    overlapping = [session("a", 1000, 600), session("a2", 1500, 500)]
    figures = compare(history(TRUE[:1], overlapping))
    assert (figures.doubled, figures.overcounted_ms) == (1, 100)


def test_a_session_outside_every_use_is_doubled_even_without_any_time() -> None:
    """It would be counted as somebody who was not there."""
    assert wrong(compare(history(TRUE, [*COUNTED, session("x", 2000, 0)]))) == (0, 1, 0, 0)


def test_a_use_that_is_counted_in_two_pieces_for_no_reason_is_doubled() -> None:
    """One customer is one session, unless the right changes or the device is out of reach."""
    pieces = [session("a", 1000, 400), session("a2", 1400, 600), COUNTED[1]]
    assert compare(history(TRUE, pieces)).doubled == 1
    turns = [replace(pieces[0], right=("turn", "t")), *pieces[1:]]
    assert compare(history(TRUE, turns)).exact
    cut = [replace(pieces[0], cut_short=True), *pieces[1:]]
    assert compare(history(TRUE, cut)).exact


def test_a_millisecond_beyond_the_truth_is_overcounted() -> None:
    """At either end."""
    late = history(TRUE, [session("a", 1000, 1001), COUNTED[1]])
    assert wrong(compare(late)) == (0, 0, 1, 0)


def test_idle_time_that_is_counted_as_active_is_overcounted() -> None:
    """Though the sum is right."""
    mixed = history(TRUE, [COUNTED[0], session("b", 3000, 1500, 500)])
    assert wrong(compare(mixed)) == (0, 0, 500, 0)


def test_use_of_a_closed_device_must_not_be_counted() -> None:
    """Whoever had no right to it is not in the figures."""
    intruder = replace(TRUE[1], rightful=False)
    assert compare(history([TRUE[0], intruder], COUNTED)).overcounted_ms == 2000
    assert compare(history([TRUE[0], intruder], COUNTED[:1])).exact


def test_under_a_killed_device_a_use_ended_at_any_time_up_to_the_next_start() -> None:
    """Nobody knows better, and not of which kind that time was."""
    cut = replace(TRUE[1], to_ms=4500, latest_ms=6000, spans=TRUE[1].spans[:1])
    for idle in (500, 1000, 2000):
        counted = [COUNTED[0], session("b", 3000, 1000, idle)]
        assert compare(history([TRUE[0], cut], counted)).exact
    beyond = [COUNTED[0], session("b", 3000, 1000, 2001)]
    assert compare(history([TRUE[0], cut], beyond)).overcounted_ms == 1
    short = [COUNTED[0], session("b", 3000, 1000, 499)]
    assert compare(history([TRUE[0], cut], short)).unexplained_ms == 1


def test_totals_must_be_those_of_the_sessions() -> None:
    """Reports read the totals."""
    assert wrong(compare(replace(EXACT, totals=Sums(3, 2500, 1000)))) == (0, 1, 500, 0)
    assert wrong(compare(replace(EXACT, totals=Sums(1, 1500, 1000)))) == (1, 0, 0, 500)


def test_a_device_that_nobody_used_is_exact() -> None:
    """With nothing counted."""
    assert compare(history([], [])).exact


def test_the_figures_of_all_devices_are_added_up() -> None:
    """A mistake at one is not made good by another."""
    lost = compare(history(TRUE, []))
    doubled = compare(history(TRUE, [*COUNTED, session("x", 2000, 0)]))
    both = add([lost, doubled])
    assert wrong(both) == (2, 1, 0, 3000)
    assert (both.uses, both.sessions, both.true_ms, both.counted_ms) == (4, 3, 6000, 3000)
    assert len(both.remarks) == len(lost.remarks) + len(doubled.remarks)


lengths = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=8)


@given(lengths, st.data())
def test_any_single_mistake_shows(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    """A session dropped, copied, longer or shorter by a millisecond is never exact."""
    uses, sessions, at_ms = [], [], 0
    for number, (gap, long) in enumerate(parts):
        at_ms += gap
        uses.append(use(f"u{number}", at_ms, at_ms + long))
        sessions.append(session(f"s{number}", at_ms, long))
        at_ms += long
    assert compare(history(uses, sessions)).exact
    which = data.draw(st.integers(0, len(sessions) - 1))
    spoilt = sessions[which]
    instead = data.draw(
        st.sampled_from(
            [
                [],
                [spoilt, replace(spoilt, session="copy")],
                [session("longer", spoilt.from_ms, spoilt.active_ms + 1)],
                [session("shorter", spoilt.from_ms, spoilt.active_ms - 1)],
                [session("later", spoilt.from_ms + 1, spoilt.active_ms)],
            ]
        )
    )
    assert not compare(history(uses, [*sessions[:which], *instead, *sessions[which + 1 :]])).exact


def test_a_gap_that_touches_a_use_explains_only_its_own_part() -> None:
    """The rest of the use must be counted."""
    seen = union([Interval(0, 3500), Interval(4000, 100_000)])
    half = replace(history(TRUE, COUNTED[:1]), observed=seen, excused=(Interval(0, 100_000),))
    figures = compare(half)
    assert (figures.lost, figures.unexplained_ms, figures.unobserved_ms) == (1, 1500, 500)
