"""The simulated event loop: processes that are killed, put to sleep, and buried."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.loop import Killed, Process, SimulatedLoop, Stuck

pytestmark = pytest.mark.filterwarnings("error")


def new_loop() -> SimulatedLoop:
    """Return a loop at time 0."""
    return SimulatedLoop()  # type: ignore[abstract]  # the rest needs sockets and threads


async def beat(beats: list[float], every: float = 1.0) -> None:
    """Note the time again and again, and that it ended."""
    try:
        while True:
            await asyncio.sleep(every)
            beats.append(asyncio.get_running_loop().time())
    finally:
        beats.append(-1.0)


def test_time_jumps_to_what_is_waited_for_next() -> None:
    """And stands still meanwhile."""
    loop, beats = new_loop(), list[float]()
    loop.start(None, beat(beats, 3600.0))
    loop.run(lambda: len(beats) == 3)
    assert beats == [3600.0, 7200.0, 10_800.0]
    loop.bury([])


def test_who_waits_for_nothing_that_can_come_is_told() -> None:
    """Rather than hang."""
    loop = new_loop()
    loop.start(None, asyncio.sleep(1))
    with pytest.raises(Stuck):
        loop.run(lambda: False)


def test_a_killed_process_runs_nothing_more() -> None:
    """Not even its `finally`, until it is buried; another one goes on."""
    loop, dead, live = new_loop(), list[float](), list[float]()
    process, other = Process("one"), Process("other")
    loop.start(process, beat(dead))
    loop.start(other, beat(live))
    loop.run(lambda: loop.now >= 2.5)
    process.kill()
    loop.run(lambda: loop.now >= 4.5)
    assert (dead, live) == ([1.0, 2.0], [1.0, 2.0, 3.0, 4.0])
    loop.bury([process, other])
    assert dead == [1.0, 2.0, -1.0]


def test_a_process_is_killed_at_the_step_that_was_named() -> None:
    """In its place, not after it."""
    loop, beats, killed = new_loop(), list[float](), list[float]()
    process = Process("one", killed=lambda: killed.append(loop.now))
    process.kill_at = 6
    loop.start(process, beat(beats))
    loop.at(10, lambda: None)
    loop.run(lambda: loop.now >= 10)
    assert process.steps == 6
    assert killed == [3.0]
    assert beats == [1.0, 2.0]
    loop.bury([process])


def test_a_kill_between_two_lines_unwinds_them() -> None:
    """The exception is nobody's problem."""
    loop, process, lines = new_loop(), Process("one"), list[int]()

    async def work() -> None:
        lines.append(1)
        process.kill()
        raise Killed

    loop.start(process, work())
    loop.at(1, lambda: None)
    loop.run(lambda: loop.now >= 1)
    loop.bury([process])
    assert (lines, loop.problems) == ([1], [])


def test_a_process_that_slept_does_not_know_of_it() -> None:
    """Its clock stood still, as CLOCK_MONOTONIC does in suspension."""
    loop, beats, process = new_loop(), list[float](), Process("one")
    loop.start(process, beat(beats, 10.0))
    loop.at(5, loop.freeze, process)
    loop.at(105, loop.thaw, process, 100.0)
    loop.run(lambda: len(beats) == 2)
    assert beats == [10.0, 20.0]
    assert loop.now == 120.0
    loop.bury([process])


def test_a_callback_that_raises_is_a_finding() -> None:
    """And so is what asyncio complains of."""
    loop = new_loop()
    loop.at(1, lambda: 1 / 0)
    loop.at(2, lambda: None)
    loop.run(lambda: loop.now >= 2)
    assert loop.problems == ["a callback raised ZeroDivisionError('division by zero')"]
