"""What `up/status` says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from agents.clock import Offset
from agents.cycle import Moment, Setting, State, cycle, resume
from agents.enforcement import Decision, TurnMemory
from agents.granting import MOST_TRIES
from agents.model import Observation
from agents.schedule import Schedule
from agents.status import MOST_PROBLEMS, MOST_READINGS, TRIES_USED_UP, Source, status_of
from mqtt_schemas.base import Basis, DeviceLink, DeviceState
from mqtt_schemas.codec import decode, encode
from mqtt_schemas.events import Step
from mqtt_schemas.messages import OutboxState, Phase, Watching
from mqtt_schemas.plan import AtEnd, OutsideTurns
from mqtt_schemas.topics import Channel, device_topic
from tests.agents.fakes import ADDRESS, BOOT, OTHER_BOOT
from tests.agents.plans import plan, turn

CONNECTION = "c" * 32
LOG = "ffffffff-ffff-ffff-ffff-ffffffffffff"
OUTBOX = OutboxState(log=LOG, first_kept=1, last=2, oldest_age_ms=30)
PLAN = plan(turn("a", 10, 100, AtEnd.FINISH_JOB, warn_before=(30,)), revision=7)
SEEN = Observation(
    at_ms=0,
    device_link=DeviceLink.CONNECTED,
    state=DeviceState.IN_USE,
    use="u",
    active=True,
    readings={"nozzle_celsius": 210.5},
    problems=("no_camera",),
)


def moment(boot_ms: int) -> Moment:
    """Return a moment; plan time runs with boot time."""
    return Moment(boot_ms, boot_ms, boot_ms + 1000, BOOT, offset_ms=-1000)


def source(state: State | None = None, decision: Decision | None = None) -> Source:
    """Return what a status is made from at 20 s, before anything was seen unless told."""
    state = state or resume(None, moment(0), "simulated/1")[0]
    return Source(
        state=state,
        decision=decision,
        moment=moment(20_000),
        schedule=Schedule(PLAN),
        offset=None,
        outbox=OUTBOX,
        problems=(),
    )


def after(*looks: tuple[int, Observation | None]) -> Source:
    """Return what a status is made from a moment after looks at these times."""
    setting = Setting("simulated/1", Step.END, OutsideTurns.CLOSED, Schedule(PLAN), lambda: "s")
    state, decision = resume(None, moment(0), "simulated/1")[0], None
    for at_ms, seen in looks:
        told = [] if seen is None else [replace(seen, at_ms=at_ms)]
        result = cycle(state, told, moment(at_ms), setting)
        state, decision = result.state, result.decision
    return replace(source(state, decision), moment=moment(looks[-1][0]))


def test_before_the_first_look_the_device_counts_as_off() -> None:
    """Nobody has reached it yet."""
    status = status_of(source(), CONNECTION)
    assert (status.device_link, status.state) == (DeviceLink.DISCONNECTED, DeviceState.OFF)
    assert (status.turn, status.session, status.blocked, status.readings) == (None, None, None, {})


def test_it_says_what_the_device_shows() -> None:
    """Link, state, readings, problems."""
    status = status_of(replace(after((20_000, SEEN)), problems=("no_helper",)), CONNECTION)
    assert (status.device_link, status.state) == (DeviceLink.CONNECTED, DeviceState.IN_USE)
    assert status.readings == {"nozzle_celsius": 210.5}
    assert status.connection == CONNECTION
    assert status.outbox == OUTBOX


def test_it_says_which_plan_is_in_force() -> None:
    """By issuer, revision and digest; the orchestrator compares."""
    told = status_of(source(), CONNECTION).plan
    assert told is not None
    assert (told.issuer, told.revision, told.digest) == ("main", 7, PLAN.digest)
    assert status_of(replace(source(), schedule=None), CONNECTION).plan is None


def test_it_carries_the_open_sessions_checkpoint_up_to_what_is_sure() -> None:
    """From it the session is closed if the machine never returns."""
    looked = after((20_000, SEEN), (21_000, None))
    session = status_of(replace(looked, moment=moment(21_500)), CONNECTION).session
    assert session is not None
    assert (session.session, session.turn, session.basis) == ("s", "a", Basis.TURN)
    assert (session.active_ms, session.idle_ms, session.unobserved_ms) == (1000, 0, 0)
    assert session.at_ms == 21_000


def test_of_a_device_that_stamps_itself_the_checkpoint_goes_up_to_its_newest_word() -> None:
    """However long it has been silent: what it tells next may be an end in that time."""
    looked = replace(after((20_000, SEEN), (24_000, None)), settles_ms=None)
    status = status_of(replace(looked, moment=moment(24_500)), CONNECTION)
    assert status.session is not None
    assert (status.session.at_ms, status.session.active_ms) == (20_000, 0)
    assert status.watching == Watching(from_ms=20_000, to_ms=20_000)


def test_it_tells_since_when_the_device_is_watched() -> None:
    """Up to what is sure, and not through a gap: the machine may have slept, and be gone again."""
    looked = after((20_000, SEEN), (24_000, None))
    watching = status_of(replace(looked, moment=moment(24_500)), CONNECTION).watching
    assert watching == Watching(from_ms=20_000, to_ms=24_000)
    watching = status_of(replace(looked, moment=moment(90_000)), CONNECTION).watching
    assert watching == Watching(from_ms=20_000, to_ms=23_500)
    assert status_of(source(), CONNECTION).watching is None


@pytest.mark.parametrize(
    ("at_ms", "phase"),
    [(20_000, Phase.OPEN), (71_000, Phase.WARNED), (100_000, Phase.OVERRUN)],
)
def test_it_says_where_the_turn_stands(at_ms: int, phase: Phase) -> None:
    """A job that may finish overruns its turn under the turn's own id."""
    status = status_of(after((19_000, SEEN), (at_ms, None)), CONNECTION)
    assert status.turn is not None
    assert (status.turn.id, status.turn.phase) == ("a", phase)


def test_it_says_no_turn_where_none_is_in_hand() -> None:
    """Before the first turn and after the last."""
    assert status_of(after((5000, None)), CONNECTION).turn is None
    assert status_of(after((100_000, None)), CONNECTION).turn is None


def test_it_says_why_a_device_does_not_obey() -> None:
    """Only while the use that would not end goes on."""
    looked = after((20_000, SEEN))
    memory = replace(looked.state.memory, blocked_use="u", blocked_reason="does_not_end")
    blocked = replace(looked, state=replace(looked.state, memory=memory))
    assert status_of(blocked, CONNECTION).blocked == "does_not_end"
    memory = replace(memory, blocked_use=None)
    blocked = replace(looked, state=replace(looked.state, memory=memory))
    assert status_of(blocked, CONNECTION).blocked is None


def test_the_clock_tells_how_old_its_offset_is() -> None:
    """In this boot; after another one nobody knows."""
    offset = Offset(BOOT, 0, -1000, measured_boot_ms=15_000, round_trip_ms=10)
    clock = status_of(replace(source(), offset=offset), CONNECTION).clock
    assert (clock.boot_ms, clock.offset_ms, clock.offset_age_ms) == (20_000, -1000, 5000)
    before = replace(offset, boot_id=OTHER_BOOT)
    assert status_of(replace(source(), offset=before), CONNECTION).clock.offset_age_ms is None
    assert status_of(source(), CONNECTION).clock.offset_age_ms is None


def test_what_has_no_place_in_the_message_is_left_out() -> None:
    """A reading that is no number, one too many, a problem twice: the status goes out all the same.

    A heartbeat that could not be made would look like a dead agent.
    """
    readings = {"nozzle_celsius": math.nan, "bed_celsius": math.inf, "load": 1.0}
    readings |= {f"sensor_{number}": 1.0 for number in range(100)}
    problems = tuple(f"problem_{number}" for number in range(30))
    looked = after((20_000, replace(SEEN, readings=readings)))
    status = status_of(replace(looked, problems=(*problems, *problems)), CONNECTION)
    assert len(status.readings) == MOST_READINGS
    assert "load" in status.readings
    assert status.problems == problems[:MOST_PROBLEMS]
    topic = device_topic(ADDRESS, Channel.STATUS)
    assert decode(topic, encode(status)).message == status


@pytest.mark.parametrize(
    ("known", "at_s", "told"),
    [
        (TurnMemory(tries=MOST_TRIES), 20, True),
        (TurnMemory(tries=MOST_TRIES - 1), 20, False),
        (TurnMemory(tries=MOST_TRIES, checked_in=True), 20, False),
        (TurnMemory(tries=MOST_TRIES), 101, False),
    ],
)
def test_a_turn_that_only_staff_can_open_is_a_problem(
    known: TurnMemory,
    at_s: int,
    told: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    """While it is not over and staff has not opened it: its code was guessed at."""
    state = resume(None, moment(0), "simulated/1")[0]
    state = replace(state, memory=replace(state.memory, turns={"a": known}))
    status = status_of(replace(source(state), moment=moment(at_s * 1000)), CONNECTION)
    assert (TRIES_USED_UP in status.problems) is told
