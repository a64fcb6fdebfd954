"""Events -> sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Outcome
from mqtt_schemas.events import CheckedIn, Event
from orchestrator.domain.sessions import (
    LARGEST_FIGURE,
    LONGEST_MS,
    ClockSource,
    Session,
    SessionState,
    apply,
    close,
    implausible,
)
from tests.mqtt_schemas.strategies import bodies
from tests.orchestrator.histories import (
    MINUTE,
    MORNING,
    checkpoint,
    common,
    ended,
    group_set,
    started,
)


def after(*happened: Event) -> Session:
    """Return the session that these events make."""
    session = None
    for event in happened:
        session = apply(session, event)
    assert session is not None
    return session


def test_a_session_is_open_until_it_ends() -> None:
    """Its begin is the event's time by the orchestrator's clock."""
    session = after(started(offset_ms=2000))
    assert (session.state, session.outcome, session.ended_ms) == (SessionState.OPEN, None, None)
    assert (session.begun_ms, session.clock) == (MORNING + 2000, ClockSource.ORCHESTRATOR)


def test_an_ended_session_has_what_its_end_tells() -> None:
    """Durations, outcome, categories and figures are the device's own."""
    session = after(
        started(), ended(overrun_ms=5, categories={"game": 7}, figures={"filament_mm": 9})
    )
    assert session.state is SessionState.ENDED
    assert (session.active_ms, session.idle_ms, session.overrun_ms) == (20 * MINUTE, 10 * MINUTE, 5)
    assert (session.categories, session.figures) == ({"game": 7}, {"filament_mm": 9})
    assert session.ended_ms == MORNING + 30 * MINUTE


def test_an_end_is_complete_in_itself() -> None:
    """Where the begin was lost it is reckoned back, and the session is the same."""
    assert after(ended()) == after(started(), ended())


def test_a_session_ends_once() -> None:
    """What comes of it again, logged anew by a copy of the disk, changes nothing."""
    session = after(started(), ended())
    again = ended(active=1, idle=2, outcome=Outcome.POWER_LOSS, at_checkpoint=True)
    assert apply(session, again) is session
    assert apply(session, started()) is session


def test_an_end_that_was_seen_takes_the_place_of_one_at_a_checkpoint() -> None:
    """A copy of the disk ends what the original goes on with; either may be told first."""
    copys = ended(active=1, idle=2, outcome=Outcome.UNKNOWN, at_checkpoint=True)
    better = after(started(), copys, ended())
    assert better == after(started(), ended(), copys) == after(started(), ended())


def test_of_two_checkpoints_the_one_that_saw_more_counts() -> None:
    """Both tell what was truly seen, in whatever order they come."""
    less = ended(active=1, idle=2, at_checkpoint=True)
    more = ended(active=2, idle=2, at_checkpoint=True)
    assert after(started(), less, more) == after(started(), more, less)
    assert after(started(), less, more).active_ms == 2


def test_a_better_end_leaves_the_group_that_was_declared_meanwhile() -> None:
    """The last word on the group counts, also where the end is told once more."""
    cut = ended(active=1, idle=2, at_checkpoint=True)
    assert after(started(), cut, group_set(), ended(group="lapset")).target_group == "nuoret"
    assert after(started(), cut, ended(group="lapset")).target_group == "lapset"


def test_the_group_can_be_set_while_it_runs_and_afterwards() -> None:
    """The last word counts; an end that names no group leaves the one that was declared."""
    assert after(started(group="lapset"), group_set(), ended()).target_group == "nuoret"
    assert after(started(), ended(group="lapset")).target_group == "lapset"
    assert after(started(), ended(group="lapset"), group_set()).target_group == "nuoret"


def test_a_group_without_a_size_leaves_the_party_as_it_was() -> None:
    """Declaring the group does not undo what was said of the party."""
    assert after(started(party=3), group_set()).party_size == 3
    assert after(started(party=3), group_set(party=2)).party_size == 2


def test_a_group_set_before_the_session_is_known_waits_for_its_end() -> None:
    """There is nothing yet to set it on."""
    assert apply(None, group_set()) is None


def test_other_events_leave_sessions_alone() -> None:
    """A check-in in the middle of a session is no part of it."""
    session = after(started())
    assert apply(session, CheckedIn(**common("s1", MORNING))) is session


def test_a_session_nobody_ended_is_closed_at_its_last_checkpoint() -> None:
    """With outcome unknown, and marked as not being the true end."""
    session = close(after(started()), checkpoint(active=3 * MINUTE, idle=MINUTE))
    assert (session.state, session.outcome) == (SessionState.CLOSED, Outcome.UNKNOWN)
    assert (session.active_ms, session.idle_ms) == (3 * MINUTE, MINUTE)
    assert session.ended_ms == MORNING + 4 * MINUTE
    assert session.at_checkpoint


@pytest.mark.parametrize(
    "seen", [None, checkpoint("other", active=5), checkpoint(active=LONGEST_MS, idle=1)]
)
def test_without_a_checkpoint_of_its_own_it_has_no_length(seen: object) -> None:
    """Another session's checkpoint says nothing of this one, nor does an absurd one."""
    session = close(after(started()), seen)  # type: ignore[arg-type]  # parametrize loses the type
    assert (session.active_ms, session.idle_ms, session.ended_ms) == (0, 0, MORNING)


def test_the_devices_word_replaces_a_closure() -> None:
    """A closed session is provisional: its true end, or its going on, is believed."""
    open_session = after(started())
    session = close(open_session, checkpoint(active=MINUTE))
    assert apply(session, ended()) == after(started(), ended())
    assert apply(session, started()) == open_session


def test_a_clock_that_was_never_set_is_stated() -> None:
    """Times that rest on the machine's clock alone say so."""
    assert after(started(offset_ms=None)).clock is ClockSource.MACHINE


def test_an_end_by_the_right_clock_moves_a_begin_by_the_wrong_one() -> None:
    """A machine that booted in 1970 and then learnt the time: the begin is reckoned back."""
    wrong = started(at_ms=5000, offset_ms=None)
    session = after(wrong, ended())
    assert (session.begun_ms, session.clock) == (MORNING, ClockSource.ORCHESTRATOR)
    cut = after(wrong, ended(at_checkpoint=True))
    assert (cut.begun_ms, cut.clock) == (5000, ClockSource.MACHINE)


@pytest.mark.parametrize(
    ("event", "where"),
    [
        (started(offset_ms=2**53 - 1), "offset_ms"),
        (started(offset_ms=-(2**53) + 1), "offset_ms"),
        (started().model_copy(update={"session": None}), "session"),
        (ended().model_copy(update={"session": None}), "session"),
        (ended(active=LONGEST_MS, idle=1), "active_ms"),
        (ended(categories={"game": LONGEST_MS + 1}), "active_ms"),
        (ended(figures={"filament_mm": LARGEST_FIGURE + 1}), "figures"),
    ],
)
def test_what_can_not_be_true_is_named(event: Event, where: str) -> None:
    """The sentence begins with the field."""
    reason = implausible(event)
    assert reason is not None
    assert reason.startswith(f"{where}:")


def test_ordinary_events_are_plausible() -> None:
    """A night's print, and a clock that is an hour off."""
    assert implausible(started(offset_ms=-3_600_000)) is None
    assert implausible(ended(active=12 * 60 * MINUTE)) is None
    assert implausible(group_set(session=None)) is None


@given(st.lists(bodies, max_size=8))
def test_the_rules_fail_on_no_plausible_event(happened: list[Event]) -> None:
    """Whatever the contract allows makes a session or nothing, and an end has an outcome."""
    session = None
    for event in happened:
        if implausible(event) is None:
            session = apply(session, event)
    if session is not None:
        assert (session.outcome is None) == (session.state is SessionState.OPEN)
        assert (session.ended_ms is None) == (session.outcome is None)
        assert session.begun_ms >= 0
