"""Sessions: what time they hold, and why they ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import tracking
from agents.model import Observation, UseEnd
from agents.tracking import OpenSession, Right
from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Outcome

BEGAN_MS = 1_000_000
SEEN = Observation(BEGAN_MS, DeviceLink.CONNECTED, DeviceState.IN_USE, use="u", active=True)
GONE = Observation(BEGAN_MS, DeviceLink.CONNECTED, DeviceState.FREE)

observations = st.builds(
    Observation,
    at_ms=st.just(0),
    device_link=st.sampled_from(DeviceLink),
    state=st.just(DeviceState.IN_USE),
    use=st.just("u"),
    active=st.booleans(),
    category=st.sampled_from([None, "game", "notation"]),
)
#: account (what held, to) or skip (None, to); the stamps may come late or repeat.
steps = st.lists(
    st.tuples(st.none() | observations, st.integers(BEGAN_MS - 5000, BEGAN_MS + 5000)), max_size=30
)


def session(turn_ends_ms: int | None = None) -> OpenSession:
    """Return a session that has just begun."""
    begun = tracking.begin("s", "u", Right(Basis.TURN, "t"), BEGAN_MS)
    return replace(begun, turn_ends_ms=turn_ends_ms)


def play(begun: OpenSession, steps: list[tuple[Observation | None, int]]) -> OpenSession:
    """Return the session after the steps."""
    for held, to_ms in steps:
        begun = (
            tracking.skip(begun, to_ms) if held is None else tracking.account(begun, held, to_ms)
        )
    return begun


@given(steps, st.none() | st.integers(BEGAN_MS - 1000, BEGAN_MS + 6000))
def test_time_is_accounted_once(
    steps: list[tuple[Observation | None, int]], turn_ends_ms: int | None
) -> None:
    """Active, idle and unobserved time are together what has passed, whatever came late."""
    played = play(session(turn_ends_ms), steps)
    accounted = played.active_ms + played.idle_ms + played.unobserved_ms
    assert accounted == played.to_ms - played.began_ms
    assert played.to_ms == max([BEGAN_MS, *(to_ms for _, to_ms in steps)])
    assert sum(played.categories.values()) <= played.active_ms


@given(steps, st.none() | st.integers(BEGAN_MS - 1000, BEGAN_MS + 6000))
def test_overrun_is_the_counted_time_past_the_turns_end(
    steps: list[tuple[Observation | None, int]], turn_ends_ms: int | None
) -> None:
    """Never more than is counted, nor than has passed since; none without a turn."""
    played = play(session(turn_ends_ms), steps)
    past = 0 if turn_ends_ms is None else max(0, played.to_ms - max(BEGAN_MS, turn_ends_ms))
    assert 0 <= played.overrun_ms <= min(past, played.active_ms + played.idle_ms)


def test_active_time_goes_to_its_category() -> None:
    """Idle time has none."""
    held = replace(SEEN, category="game")
    played = tracking.account(session(), held, BEGAN_MS + 100)
    played = tracking.account(played, replace(held, active=False), BEGAN_MS + 130)
    assert (played.active_ms, played.idle_ms, played.categories) == (100, 30, {"game": 100})


def test_overrun_begins_at_the_turns_end() -> None:
    """A span across the end is overrun in its later part."""
    played = tracking.account(session(BEGAN_MS + 60), SEEN, BEGAN_MS + 100)
    assert (played.active_ms, played.overrun_ms) == (100, 40)


def test_a_device_out_of_reach_is_not_observed() -> None:
    """Its use may go on or not: the time counts as neither active nor idle."""
    away = replace(SEEN, device_link=DeviceLink.DISCONNECTED)
    played = tracking.account(session(BEGAN_MS), away, BEGAN_MS + 100)
    assert (played.active_ms, played.idle_ms, played.unobserved_ms) == (0, 0, 100)
    assert played.overrun_ms == 0


def test_the_newest_figures_are_kept() -> None:
    """What the device no longer tells stays as it was last told."""
    told = tracking.with_figures(session(), {"filament_mm": 5, "progress_percent": 10})
    told = tracking.with_figures(told, {"progress_percent": 30})
    assert tracking.with_figures(told, {}).figures == {"filament_mm": 5, "progress_percent": 30}


@pytest.mark.parametrize(
    ("told", "ordered", "outcome"),
    [
        (None, None, Outcome.CUSTOMER),
        (Outcome.CUSTOMER, None, Outcome.CUSTOMER),
        (Outcome.CUSTOMER, Outcome.TURN_OVER, Outcome.TURN_OVER),
        (None, Outcome.CLOSING, Outcome.CLOSING),
        (Outcome.UNKNOWN, None, Outcome.UNKNOWN),
        (Outcome.DEVICE_FAULT, Outcome.TURN_OVER, Outcome.DEVICE_FAULT),
    ],
)
def test_an_end_is_put_down_to_whoever_brought_it_about(
    told: Outcome | None, ordered: Outcome | None, outcome: Outcome
) -> None:
    """A fault first, then our own order, then the device's word, then the customer."""
    seen = replace(GONE, ended=UseEnd("u", told) if told else None)
    assert tracking.outcome_of(session(), seen, ordered) is outcome


def test_the_end_of_another_use_says_nothing() -> None:
    """A late word about the use before must not end up in this session."""
    seen = replace(GONE, ended=UseEnd("before", Outcome.DEVICE_FAULT))
    assert tracking.outcome_of(session(), seen, None) is Outcome.CUSTOMER


def test_a_use_that_vanished_with_its_device_ended_nobody_knows_how() -> None:
    """Nobody saw the customer leave."""
    seen = replace(GONE, device_link=DeviceLink.DISCONNECTED)
    assert tracking.outcome_of(session(), seen, None) is Outcome.UNKNOWN
