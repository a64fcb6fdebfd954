"""When a use of a printer begins and ends: recorded looks and events in, observations out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices.octoprint.payloads import File, Happening, Phase, PrintEvent, Reading
from agents.devices.octoprint.prints import Print, Prints
from agents.model import Observation
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from tests.agents.devices.octoprint.answers import event, look

PATIENCE = 30_000
#: The file of the recordings of a print that starts, is paused and gets done.
FILE = "b6fd8d46.gcode"
UNREACHABLE = ("octoprint_unreachable",)


def new_prints(in_hand: Print | None = None) -> Prints:
    """Return the prints of a new agent, with uses named use-1, use-2 …."""
    count = itertools.count(1)
    return Prints(new_use=lambda: f"use-{next(count)}", patience_ms=PATIENCE, in_hand=in_hand)


def printing(prints: Prints, at_ms: int = 1000) -> Observation:
    """Let the recorded print be in hand, as a look sees it."""
    (seen,) = prints.looked(at_ms, look("printing"))
    return seen


def test_a_print_is_one_use_from_its_start_to_its_end_by_events_alone() -> None:
    """Each event is told with its own stamp; a pause is no activity; the part waits on the bed."""
    prints = new_prints()
    prints.looked(0, look("none"))
    told = [
        seen
        for at_ms, name in ((100, "started"), (200, "paused"), (300, "resumed"), (400, "done"))
        for seen in prints.happened(at_ms, event(name, path=FILE))
    ]
    assert [(seen.at_ms, seen.state, seen.use, seen.active) for seen in told] == [
        (100, DeviceState.IN_USE, "use-1", True),
        (200, DeviceState.PAUSED, "use-1", False),
        (300, DeviceState.IN_USE, "use-1", True),
        (400, DeviceState.TO_BE_CLEARED, None, False),
    ]
    end = told[-1].ended
    assert end is not None
    assert (end.use, end.outcome) == ("use-1", Outcome.CUSTOMER)
    assert end.figures["progress_percent"] == 100
    assert end.figures["print_ms"] == 3920


def test_a_print_is_one_use_by_looks_alone() -> None:
    """Without a push socket the same comes of what the looks show."""
    prints = new_prints()
    names = ("none", "starting", "printing", "paused", "done")
    told = [seen for at_ms, name in enumerate(names) for seen in prints.looked(at_ms, look(name))]
    assert [(seen.state, seen.use) for seen in told] == [
        (DeviceState.FREE, None),
        (DeviceState.IN_USE, "use-1"),
        (DeviceState.IN_USE, "use-1"),
        (DeviceState.PAUSED, "use-1"),
        (DeviceState.TO_BE_CLEARED, None),
    ]
    end = told[-1].ended
    assert end is not None
    assert end.outcome is Outcome.CUSTOMER
    assert end.figures == {
        "progress_percent": 100,
        "filament_mm": 20,
        "print_ms": 3000,
        "estimated_ms": 4677,
    }


def test_looks_and_events_together_tell_nothing_twice() -> None:
    """Whichever is faster tells; the other changes nothing."""
    prints = new_prints()
    told = [
        *prints.looked(0, look("none")),
        *prints.looked(100, look("starting")),
        *prints.happened(101, event("started", path=FILE)),
        *prints.looked(102, look("printing")),
        *prints.looked(200, look("done")),
        *prints.happened(201, event("done", path=FILE)),
        *prints.looked(202, look("done")),
    ]
    assert [seen.use for seen in told] == [None, "use-1", "use-1", None, None]
    assert [seen.ended is not None for seen in told] == [False, False, False, True, False]


def test_filament_is_counted_by_the_share_that_was_printed() -> None:
    """A print that was cancelled at 18 % took 18 % of the file's filament, by estimate."""
    prints = new_prints()
    prints.happened(100, event("started", path=FILE))
    analysed = PrintEvent(Happening.ANALYSED, path=f"local/{FILE}", filament_mm=100.0)
    assert prints.happened(150, analysed) == []
    (seen,) = prints.happened(200, event("cancelled", path=FILE))
    assert seen.ended is not None
    assert seen.ended.figures["filament_mm"] == 18
    assert seen.ended.figures["progress_percent"] == 18


@pytest.mark.parametrize(("ordered", "outcome"), [(False, "customer"), (True, "turn_over")])
@pytest.mark.parametrize("by", ["look", "event"])
def test_a_cancelled_print_ended_by_its_customer_or_by_order(
    *, ordered: bool, outcome: str, by: str
) -> None:
    """Only the one who gave the order knows; OctoPrint's answers are the same. No part waits."""
    prints = new_prints()
    printing(prints)
    if ordered:
        prints.cancel_ordered()
    if by == "event":
        (seen,) = prints.happened(1200, event("cancelled", path=FILE))
    else:
        cancelled = replace(look("cancelled"), file=look("printing").file)
        (seen,) = prints.looked(1200, cancelled)
    assert seen.ended is not None
    assert seen.ended.outcome == outcome
    assert seen.state is DeviceState.FREE


def test_an_order_to_cancel_that_came_too_late_changes_no_done_print() -> None:
    """The print was done before OctoPrint heard of the order: that is its customer's end."""
    prints = new_prints()
    printing(prints)
    prints.cancel_ordered()
    (seen,) = prints.happened(1200, event("done", path=FILE))
    assert seen.ended is not None
    assert seen.ended.outcome is Outcome.CUSTOMER


def test_a_print_that_the_firmware_breaks_off_is_a_fault() -> None:
    """OctoPrint calls it cancelled, and only its PrintCancelling names the firmware."""
    prints = new_prints()
    printing(prints)
    cancelling = replace(event("cancelling", path=FILE), by_firmware=True)
    assert prints.happened(1100, cancelling) == []
    (seen,) = prints.happened(1200, event("cancelled", path=FILE))
    assert seen.ended is not None
    assert seen.ended.outcome is Outcome.DEVICE_FAULT


@pytest.mark.parametrize("name", ["interrupted", "offline", "error"])
def test_a_print_that_vanished_is_a_fault_and_never_done(name: str) -> None:
    """OctoPrint restarted, or lost its printer: nothing is chosen for printing any more."""
    prints = new_prints()
    printing(prints)
    (seen,) = prints.looked(3000, look(name))
    assert seen.ended is not None
    assert seen.ended.outcome is Outcome.DEVICE_FAULT
    assert seen.at_ms == 3000


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("none", DeviceState.FREE),
        ("offline", DeviceState.OFF),
        ("error", DeviceState.FAULT),
        ("done", DeviceState.TO_BE_CLEARED),
        ("cancelled", DeviceState.FREE),
    ],
)
def test_an_unused_printer_is_in_the_state_that_a_look_shows(name: str, state: DeviceState) -> None:
    """A new agent needs no memory for it: a done print stands at 100 % until another is chosen."""
    (seen,) = new_prints().looked(0, look(name))
    assert (seen.state, seen.device_link, seen.use) == (state, DeviceLink.CONNECTED, None)


def test_a_failed_print_is_a_fault_with_the_figures_so_far() -> None:
    """PrintFailed tells its progress as a fraction."""
    prints = new_prints()
    printing(prints)
    (seen,) = prints.happened(1200, event("failed_error", path=FILE))
    assert seen.state is DeviceState.FAULT
    assert seen.ended is not None
    assert seen.ended.outcome is Outcome.DEVICE_FAULT
    assert seen.ended.figures == {
        "progress_percent": 13,
        "filament_mm": 3,
        "print_ms": 1560,
        "estimated_ms": 4677,
    }


def test_a_part_stays_on_the_bed_until_the_next_print() -> None:
    """Choosing another file clears nothing."""
    prints = new_prints()
    printing(prints)
    prints.happened(1200, event("done", path=FILE))
    (chosen,) = prints.looked(2000, look("cancelled"))
    assert chosen.state is DeviceState.TO_BE_CLEARED
    (started,) = prints.happened(3000, event("started"))
    (cancelled,) = prints.happened(4000, event("cancelled", path="7e55a29b.gcode"))
    assert started.state is DeviceState.IN_USE
    assert cancelled.state is DeviceState.FREE


def test_a_short_outage_ends_no_print_and_counts_no_time() -> None:
    """The use stays in hand, not active, stamped at the moment at which it was last seen."""
    prints = new_prints()
    printing(prints, at_ms=1000)
    for at_ms in (3000, 5000):
        (seen,) = prints.lost(at_ms, UNREACHABLE)
        assert (seen.at_ms, seen.use, seen.active) == (1000, "use-1", False)
        assert seen.device_link is DeviceLink.DISCONNECTED
        assert seen.problems == UNREACHABLE
    (back,) = prints.looked(7000, look("printing"))
    assert (back.at_ms, back.use, back.active) == (7000, "use-1", True)
    assert back.ended is None
    assert back.problems == ()


def test_a_paused_print_stays_paused_over_an_outage() -> None:
    """Or a parked job would be taken for another use when OctoPrint is back."""
    prints = new_prints()
    prints.looked(1000, look("paused"))
    (seen,) = prints.lost(3000, UNREACHABLE)
    assert (seen.state, seen.use) == (DeviceState.PAUSED, "use-1")


@pytest.mark.parametrize(("fault", "outcome"), [(True, "device_fault"), (False, "unknown")])
def test_a_long_outage_ends_the_print_when_it_was_last_seen(*, fault: bool, outcome: str) -> None:
    """After `patience_ms`; where only our key was refused, nobody can say how it ended."""
    prints = new_prints()
    printing(prints, at_ms=1000)
    (before,) = prints.lost(1000 + PATIENCE - 1, UNREACHABLE, fault=fault)
    assert before.use == "use-1"
    end, now = prints.lost(1000 + PATIENCE, UNREACHABLE, fault=fault)
    assert end.at_ms == 1000
    assert end.ended is not None
    assert end.ended.outcome == outcome
    assert (now.at_ms, now.use, now.state) == (1000 + PATIENCE, None, DeviceState.OFF)
    (later,) = prints.lost(90_000, UNREACHABLE)
    assert later.ended is None


@pytest.mark.parametrize(
    ("name", "outcome", "state"),
    [
        ("interrupted", Outcome.DEVICE_FAULT, DeviceState.FREE),
        ("done", Outcome.CUSTOMER, DeviceState.TO_BE_CLEARED),
    ],
)
def test_a_print_that_ended_in_an_outage_ended_when_it_was_last_seen(
    name: str, outcome: Outcome, state: DeviceState
) -> None:
    """OctoPrint is back before patience ran out, and tells what became of the print."""
    prints = new_prints()
    printing(prints, at_ms=1000)
    prints.lost(3000, UNREACHABLE)
    end, now = prints.looked(9000, look(name))
    assert (end.at_ms, end.device_link, end.use) == (1000, DeviceLink.DISCONNECTED, None)
    assert end.ended is not None
    assert end.ended.outcome is outcome
    assert (now.at_ms, now.device_link, now.state) == (9000, DeviceLink.CONNECTED, state)
    assert now.ended is None


def test_another_print_of_the_same_file_is_another_use() -> None:
    """The time printed went back: one print ended and another began between two looks."""
    prints = new_prints()
    prints.looked(1000, look("printing", printTime=600))
    (seen,) = prints.looked(3000, look("printing", printTime=1))
    assert seen.use == "use-2"
    assert seen.ended is not None
    assert (seen.ended.use, seen.ended.outcome) == ("use-1", Outcome.UNKNOWN)
    assert seen.ended.figures["print_ms"] == 600_000


def test_the_figures_of_the_print_before_do_not_split_a_new_one() -> None:
    """While a print starts, OctoPrint may still show the last one's time."""
    prints = new_prints()
    starting = replace(look("starting", printTime=600), toward=Phase.PRINTING)
    prints.looked(1000, starting)
    (seen,) = prints.looked(3000, look("printing", printTime=1))
    assert (seen.use, seen.ended) == ("use-1", None)


def test_a_paused_print_that_is_started_again_was_given_up_by_its_customer() -> None:
    """OctoPrint's "restart" tells only that a print started."""
    prints = new_prints()
    prints.happened(100, event("started", path=FILE))
    prints.happened(200, event("paused", path=FILE))
    (seen,) = prints.happened(300, event("started", path=FILE))
    assert seen.use == "use-2"
    assert seen.ended is not None
    assert (seen.ended.use, seen.ended.outcome) == ("use-1", Outcome.CUSTOMER)


def test_an_event_of_another_file_than_that_in_hand_is_left_alone() -> None:
    """A late end of the print before must not end this one."""
    prints = new_prints()
    printing(prints)
    assert prints.happened(1200, event("done", path="another.gcode")) == []
    assert prints.in_hand is not None


def test_a_print_known_from_before_a_restart_keeps_its_use() -> None:
    """Without its file's name: size, date and the time printed tell it."""
    seen_before = look("paused").file
    assert seen_before is not None
    kept = Print("kept", File("", seen_before.size, seen_before.date), seen_ms=0, print_ms=1000)
    prints = new_prints(in_hand=kept)
    (seen,) = prints.looked(5000, look("paused"))
    assert (seen.use, seen.ended) == ("kept", None)


@pytest.mark.parametrize(
    ("name", "outcome"), [("done", Outcome.CUSTOMER), ("interrupted", Outcome.DEVICE_FAULT)]
)
def test_a_print_that_ended_while_the_agent_was_away_is_told_once(
    name: str, outcome: Outcome
) -> None:
    """The first look says how it ended."""
    file = look("done").file
    assert file is not None
    kept = Print("kept", File("", file.size, file.date), seen_ms=0, print_ms=1000)
    told = new_prints(in_hand=kept).looked(5000, look(name))
    ends = [seen.ended for seen in told if seen.ended]
    assert [(end.use, end.outcome) for end in ends] == [("kept", outcome)]


def test_readings_are_told_while_they_hold() -> None:
    """Temperatures always, progress and time left while printing, nothing while out of reach."""
    prints = new_prints()
    (seen,) = prints.looked(0, replace(look("printing"), temperatures={"bed_celsius": 60.0}))
    assert set(seen.readings) == {
        "bed_celsius",
        "estimated_seconds",
        "progress_ratio",
        "remaining_seconds",
    }
    (seen,) = prints.lost(2000, UNREACHABLE)
    assert seen.readings == {}
    *_, seen = prints.looked(4000, replace(look("none"), temperatures={"bed_celsius": 60.0}))
    assert set(seen.readings) == {"bed_celsius"}


def test_the_estimate_of_a_chosen_file_is_told_before_it_is_printed() -> None:
    """So the desk can tell whether it would be done in time."""
    prints = new_prints()
    chosen = replace(look("printing"), phase=Phase.IDLE, progress=None, print_ms=None)
    (seen,) = prints.looked(0, chosen)
    assert seen.use is None
    assert seen.readings == {"estimated_seconds": 5.0}


def test_an_estimate_that_comes_during_the_print_is_told_from_then_on() -> None:
    """Its analysis may take longer than the customer waits; the one of the file before is none."""
    prints = new_prints()
    prints.looked(0, replace(look("done"), progress=None, estimated_s=7200.0))
    (seen,) = prints.happened(100, event("started", path=FILE))
    assert "estimated_ms" not in seen.figures
    assert "estimated_seconds" not in seen.readings
    analysed = PrintEvent(Happening.ANALYSED, path=f"local/{FILE}", estimated_s=90.0)
    assert prints.happened(150, analysed) == []
    (seen,) = prints.happened(200, event("paused", path=FILE))
    assert seen.figures["estimated_ms"] == 90_000


FILES = st.sampled_from([None, File("local/a", 1, 1), File("local/b", 2, 2)])
READINGS = st.builds(
    Reading,
    phase=st.sampled_from(Phase),
    toward=st.none() | st.sampled_from(Phase),
    file=FILES,
    progress=st.none() | st.floats(0, 1),
    print_ms=st.none() | st.integers(0, 10_000),
    remaining_s=st.none() | st.integers(-10, 100),
    estimated_s=st.none() | st.floats(0.001, 1000),
    filament_mm=st.none() | st.floats(0, 1000),
)
EVENTS = st.builds(
    PrintEvent,
    happening=st.sampled_from(Happening),
    path=st.sampled_from(["local/a", "local/b"]),
    progress=st.none() | st.floats(0, 1),
    print_ms=st.none() | st.integers(0, 10_000),
    estimated_s=st.none() | st.floats(0.001, 1000),
    filament_mm=st.none() | st.floats(0, 1000),
    by_firmware=st.booleans(),
)
Step = Callable[[Prints, int], Sequence[Observation]]
STEPS: st.SearchStrategy[Step] = st.one_of(
    READINGS.map(lambda reading: lambda prints, at_ms: prints.looked(at_ms, reading)),
    EVENTS.map(lambda told: lambda prints, at_ms: prints.happened(at_ms, told)),
    st.booleans().map(lambda f: lambda prints, at_ms: prints.lost(at_ms, UNREACHABLE, fault=f)),
)


@given(st.lists(st.tuples(st.integers(-20, 40_000), STEPS), max_size=30))
def test_whatever_comes_each_use_is_told_whole(steps: list[tuple[int, Step]]) -> None:
    """Looks, events and outages in any order: each use ends once, after it was seen, for good.

    Stamps that come a little out of order are told in order.
    """
    prints = new_prints()
    told: list[Observation] = []
    now = 1000
    for wait, step in steps:
        now += wait
        told.extend(step(prints, now))
    assert [seen.at_ms for seen in told] == sorted(seen.at_ms for seen in told)
    before: str | None = None
    over: set[str] = set()
    for seen in told:
        if seen.ended is not None:
            assert seen.ended.use == before
            over.add(seen.ended.use)
        elif before is not None:
            assert seen.use == before
        assert seen.use not in over
        assert not seen.active or (
            seen.state is DeviceState.IN_USE and seen.device_link is DeviceLink.CONNECTED
        )
        assert (seen.use is not None) == (seen.state in (DeviceState.IN_USE, DeviceState.PAUSED))
        figures = {**seen.figures, **(seen.ended.figures if seen.ended else {})}
        assert all(value >= 0 for value in figures.values())
        before = seen.use


def done(prints: Prints) -> None:
    """Let the recorded print begin and be done."""
    for at_ms, name in ((100, "started"), (400, "done")):
        prints.happened(at_ms, event(name, path=FILE))


def state(prints: Prints, reading: Reading) -> DeviceState:
    """Return the state that a look comes to."""
    return prints.looked(500, reading)[-1].state


def test_a_cleared_bed_is_free_though_octoprint_still_shows_the_print() -> None:
    """And the part of the next print is there again."""
    prints = new_prints()
    done(prints)
    assert state(prints, look("done")) is DeviceState.TO_BE_CLEARED
    prints.clear()
    assert state(prints, look("done")) is DeviceState.FREE
    done(prints)
    assert state(prints, look("done")) is DeviceState.TO_BE_CLEARED


def test_nothing_is_cleared_while_it_prints() -> None:
    """A late word is of the part before."""
    prints = new_prints()
    printing(prints)
    prints.clear()
    prints.happened(5000, event("done", path=FILE))
    assert prints.part is True


@pytest.mark.parametrize(
    ("part", "shown", "expected"),
    [
        (True, "none", DeviceState.TO_BE_CLEARED),
        (False, "done", DeviceState.FREE),
        (None, "done", DeviceState.TO_BE_CLEARED),
    ],
)
def test_what_is_on_the_bed_is_known_over_a_restart(
    part: bool | None,  # noqa: FBT001 - a case
    shown: str,
    expected: DeviceState,
) -> None:
    """Of the agent, and of OctoPrint, which then shows no print any more."""
    prints = Prints(new_use=lambda: "u", patience_ms=PATIENCE, part=part)
    assert state(prints, look(shown)) is expected
