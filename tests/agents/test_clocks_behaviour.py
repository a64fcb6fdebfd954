"""Clocks that jump: no duration changes, no turn moves, and the record tells what happened.

A whole agent in virtual time. The event loop's time stands for CLOCK_MONOTONIC, which a
suspended machine does not count; its boot time, which counts that too, is a clock given to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agents.model import SETTLED_MS
from agents.outbox import Outbox
from mqtt_schemas.base import ms_from_utc, parse_time, utc_from_ms
from mqtt_schemas.events import Step
from mqtt_schemas.messages import TimeAnswer
from mqtt_schemas.plan import OutsideTurns
from mqtt_schemas.topics import Channel
from tests.agents.fakes import MORNING_MS, LoopClock
from tests.agents.test_runtime import Agent, agent, plan, turn
from tests.agents.virtual_time import virtual_time

MINUTE, HOUR = 60_000, 3_600_000
#: 2026-10-25T01:00Z: clocks in Finland go back from 4 to 3 in the morning.
CLOCKS_GO_BACK = ms_from_utc(datetime(2026, 10, 25, 1, tzinfo=UTC))
#: Milliseconds for what waits in virtual time between a cause and its event.
SLACK = 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of an outbox."""
    return tmp_path / "a.db"


def logged(outbox: Outbox, *types: str) -> list[dict[str, Any]]:
    """Return what is on disk, of these types."""
    raws: list[bytes] = []
    while batch := outbox.batch(len(raws)).events:
        raws += batch
    events = [json.loads(raw) for raw in raws]
    return [event for event in events if event["type"] in types]


def passed() -> int:
    """Return the true milliseconds since the test began."""
    return round(asyncio.get_running_loop().time() * 1000)


async def tell_the_time(a: Agent, began_ms: int = MORNING_MS) -> None:
    """Answer the agent's question; the orchestrator's clock is right, and began at `began_ms`."""
    asked = json.loads(a.link.connection.on(Channel.TIME_REQUEST)[-1].payload)
    now = utc_from_ms(began_ms + passed())
    a.link.receive(TimeAnswer(nonce=asked["nonce"], received=now, sent=now))
    await asyncio.sleep(0.01)


def orchestrators_ms(event: dict[str, Any]) -> int:
    """Return when an event happened, as the orchestrator reads it."""
    return ms_from_utc(parse_time(event["wall"])) + int(event["offset_ms"])


def suspend(clock: LoopClock, milliseconds: int) -> None:
    """Let a machine sleep: both of its clocks went on, its processes did not."""
    clock.boot += milliseconds
    clock.wall += milliseconds


def assert_no_hole(watched: Sequence[dict[str, Any]]) -> None:
    """Hold that each interval begins where the one before it ended."""
    assert all(one["to_ms"] == next_["from_ms"] for one, next_ in pairwise(watched))


@pytest.mark.parametrize(
    "step_ms",
    [HOUR, -HOUR, 30 * 24 * HOUR, -MORNING_MS],
    ids=["hour-on", "hour-back", "month-on", "back-to-1970"],
)
@virtual_time
async def test_a_step_of_the_wall_clock_changes_no_duration(path: Path, step_ms: int) -> None:
    """The record shows the step: wall and offset_ms move against each other, their sum stays."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        await tell_the_time(a)
        a.link.receive(plan(outside=OutsideTurns.OPEN))
        began = passed()
        a.device.show("u")
        await asyncio.sleep(400)
        clock.wall += step_ms
        await asyncio.sleep(600)
        a.device.show(None)
        await asyncio.sleep(1)
        started, ended = logged(a.outbox, "started", "ended")
        assert abs(ended["active_ms"] - 1_000_000) < SLACK
        assert (ended["idle_ms"], ended["unobserved_ms"]) == (0, 0)
        assert ended["offset_ms"] - started["offset_ms"] == -step_ms
        assert abs(orchestrators_ms(started) - MORNING_MS - began) < SLACK
        assert orchestrators_ms(ended) - orchestrators_ms(started) == ended["active_ms"]


@pytest.mark.parametrize("wrong_by", [2 * HOUR, -3 * HOUR], ids=["ahead", "behind"])
@virtual_time
async def test_a_wrong_time_zone_moves_no_turn(path: Path, wrong_by: int) -> None:
    """A machine that takes local time for UTC opens and ends on the orchestrator's minute."""
    async with agent(path, clock=LoopClock(wall=MORNING_MS + wrong_by)) as a:
        await tell_the_time(a)
        a.link.receive(plan(turn("t", 10, 100)))
        await asyncio.sleep(20)
        a.device.show("u")
        await asyncio.sleep(100)
        (opened,) = logged(a.outbox, "turn_opened")
        (ended,) = logged(a.outbox, "ended")
        assert abs(orchestrators_ms(opened) - MORNING_MS - 10_000) < SLACK
        assert abs(orchestrators_ms(ended) - MORNING_MS - 100_000) < SLACK
        assert abs(ended["active_ms"] - 80_000) < SLACK
        assert abs(ended["offset_ms"] + wrong_by) < SLACK


@virtual_time
async def test_a_turn_over_the_end_of_daylight_saving_is_as_long_as_it_was_planned(
    path: Path,
) -> None:
    """Even on a machine that keeps local time in its clock and sets it back in mid-turn."""
    shift = CLOCKS_GO_BACK - 600_000 - MORNING_MS
    clock = LoopClock(wall=MORNING_MS + shift + 3 * HOUR)
    began = MORNING_MS + shift
    async with agent(path, clock=clock) as a:
        await tell_the_time(a, began)
        booked = turn("t", 60 + shift // 1000, 1500 + shift // 1000)
        a.link.receive(plan(booked))
        await asyncio.sleep(61)
        a.device.show("u")
        await asyncio.sleep(600 - passed() / 1000)
        clock.wall -= HOUR
        await asyncio.sleep(1600 - passed() / 1000)
        ends = [order for order in a.device.orders if order.step is Step.END]
        assert [order.turn for order in ends] == ["t"]
        started, ended = logged(a.outbox, "started", "ended")
        assert abs(orchestrators_ms(ended) - ms_from_utc(booked.ends_at)) < SLACK
        assert abs(ended["active_ms"] - 1_439_000) < SLACK
        assert (ended["unobserved_ms"], ended["overrun_ms"] < SLACK) == (0, True)
        assert ended["offset_ms"] - started["offset_ms"] == HOUR


@virtual_time
async def test_without_an_orchestrator_durations_hold_and_the_offset_is_said_to_be_unknown(
    path: Path,
) -> None:
    """The wall clock jumps and nobody can tell by how much; the use is as long as it was."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        a.link.receive(plan(outside=OutsideTurns.OPEN))
        a.device.show("u")
        await asyncio.sleep(100)
        clock.wall -= HOUR
        await asyncio.sleep(100)
        a.device.show(None)
        await asyncio.sleep(1)
        started, ended = logged(a.outbox, "started", "ended")
        assert (started["offset_ms"], ended["offset_ms"]) == (None, None)
        assert abs(ended["active_ms"] - 200_000) < SLACK


@virtual_time
async def test_a_suspended_machine_leaves_its_sleep_unobserved_in_session_and_watch(
    path: Path,
) -> None:
    """The session goes on after it; neither active nor idle holds the sleep, and a gap is told."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        await tell_the_time(a)
        a.link.receive(plan(outside=OutsideTurns.OPEN))
        a.device.show("u")
        await asyncio.sleep(300)
        suspend(clock, HOUR)
        await asyncio.sleep(2)
        assert abs(a.told_session().unobserved_ms - HOUR) < 1000 + SETTLED_MS + SLACK
        await asyncio.sleep(298)
        a.device.show(None)
        await asyncio.sleep(1)
        suspend(clock, MINUTE)
        await asyncio.sleep(2)
        (ended,) = logged(a.outbox, "ended")
        assert len(logged(a.outbox, "started")) == 1
        # Of its last second awake nobody knows whether it passed before or after falling asleep.
        assert HOUR <= ended["unobserved_ms"] <= HOUR + 1000 + SETTLED_MS + SLACK
        length = ended["active_ms"] + ended["unobserved_ms"]
        assert abs(length - HOUR - 600_000) < SLACK
        before, after = logged(a.outbox, "observed")
        assert (before["until"], after["until"]) == ("gap", "gap")
        assert after["from_ms"] - before["to_ms"] == ended["unobserved_ms"]


@virtual_time
async def test_a_turn_that_ended_during_a_sleep_is_ended_at_wake_up(path: Path) -> None:
    """Within a second of it; the sleep is no overrun that anybody used."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        await tell_the_time(a)
        a.link.receive(plan(turn("t", 1, 100)))
        await asyncio.sleep(2)
        a.device.show("u")
        await asyncio.sleep(50)
        suspend(clock, HOUR)
        await asyncio.sleep(1.2)
        assert Step.END in a.steps
        (ended,) = logged(a.outbox, "ended")
        assert ended["outcome"] == "turn_over"
        assert ended["active_ms"] <= 50_000 + SLACK
        assert HOUR <= ended["unobserved_ms"] <= HOUR + 1000 + SETTLED_MS + SLACK


@virtual_time
async def test_a_stop_is_told_by_the_next_start(path: Path) -> None:
    """So that a gap of the agent's own is not taken for a sleep of its machine."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        await asyncio.sleep(20)
        assert a.status().watching is not None
    async with agent(path, clock=clock) as b:
        await asyncio.sleep(1)
        (told,) = logged(b.outbox, "observed")
        assert told["until"] == "stopped"
        assert abs(told["to_ms"] - told["from_ms"] - 20_000 + SETTLED_MS) < SLACK


@virtual_time
async def test_intervals_follow_each_other_through_any_step_of_the_wall_clock(path: Path) -> None:
    """Boot time is what they are told in."""
    clock = LoopClock()
    async with agent(path, clock=clock) as a:
        await tell_the_time(a)
        for step in (HOUR, -2 * HOUR):
            await asyncio.sleep(1800)
            clock.wall += step
            await asyncio.sleep(1800)
        await asyncio.sleep(20)
        watched = logged(a.outbox, "observed")
        assert [each["until"] for each in watched] == ["hour", "hour"]
        assert_no_hole(watched)
        now = a.status().watching
        assert now is not None
        assert now.from_ms == watched[-1]["to_ms"]
