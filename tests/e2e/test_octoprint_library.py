"""A real OctoPrint in a whole library: prints in turns are counted, others are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.demo_octoprint import DWELL_FILAMENT_MM, DWELL_SECONDS, OctoPrint
from tests.e2e.brokers import Broker
from tests.e2e.library import Library, Spec, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PRINTER = "printer-1"
Start = Callable[..., Library]


@pytest.fixture
def start(octoprint: OctoPrint, tmp_path: Path) -> Iterator[Start]:
    """Give a function that starts a library whose printer ends its turns so."""
    broker = Broker("nats", tmp_path / "broker")
    broker.admit()
    broker.start()
    started: list[Library] = []

    def begin(at_end: str, **policy: str) -> Library:
        own = {"url": octoprint.url, "api_key_file": str(octoprint.api_key_file)}
        policy |= {"at_end": at_end}
        spec = Spec(PRINTER, kind="printer", driver="octoprint", own=own, policy=policy)
        library = Library(broker, tmp_path, [spec])
        started.append(library)
        library.start()
        return library

    yield begin
    for library in started:
        library.stop()
    broker.stop()


def open_turn(library: Library) -> None:
    """Wait until the printer's turn has opened."""
    until("the turn is open", lambda: library.device(PRINTER)["turn"])


def test_a_print_in_a_turn_is_counted_with_its_time_and_filament(
    octoprint: OctoPrint, start: Start
) -> None:
    """A print in a turn is one session, as long as it took, with the filament it used."""
    library = start("end")
    library.book(PRINTER, 0.5, 60)
    open_turn(library)
    octoprint.start_print(30)
    library.state(PRINTER, "in_use")
    totals = library.counted(PRINTER, 1)
    # The virtual printer's own overhead between lines is up to a second or two.
    assert 30 * DWELL_SECONDS - 1 < totals["active_seconds"] < 30 * DWELL_SECONDS + 6
    assert totals["ended_by_turn"] == 0
    filament = library.metric(
        "laitevuoro_session_figure_total", device=PRINTER, figure="filament_mm"
    )
    assert filament == pytest.approx(30 * DWELL_FILAMENT_MM, abs=1)
    assert library.device(PRINTER)["state"] == "to_be_cleared"


def test_a_print_begun_while_closed_is_cancelled_and_is_no_use(
    octoprint: OctoPrint, start: Start
) -> None:
    """Outside every turn a print is cancelled at once; it is seen, and not counted as use."""
    library = start("end")
    octoprint.start_print(200)
    until("the print was seen", lambda: library.totals(PRINTER).get("outside_sessions"))
    assert octoprint.state() == "Operational"
    totals = library.totals(PRINTER)
    assert totals["sessions"] == 0
    assert totals["outside_seconds"] < 200 * DWELL_SECONDS / 2


def test_a_print_that_is_too_long_for_its_turn_is_refused_as_it_begins(
    octoprint: OctoPrint, start: Start
) -> None:
    """By OctoPrint's own estimate, long before the turn's end; a shorter one is let go on."""
    library = start("end", print_misfit="refuse")
    library.book(PRINTER, 0.5, 40)
    open_turn(library)
    octoprint.start_print(400)
    until("the long print is refused", lambda: library.totals(PRINTER).get("sessions"))
    assert library.totals(PRINTER)["active_seconds"] < 15
    until("the printer rests", lambda: octoprint.state() == "Operational")
    octoprint.start_print(20)
    totals = library.counted(PRINTER, 2)
    assert totals["ended_by_turn"] == 1
    assert (
        library.metric("laitevuoro_session_outcomes_total", device=PRINTER, outcome="customer") == 1
    )


def test_a_turns_end_pauses_the_print(octoprint: OctoPrint, start: Start) -> None:
    """With `pause_job` the print is paused at the end, and its session is over."""
    library = start("pause_job")
    library.book(PRINTER, 0.5, 8)
    open_turn(library)
    octoprint.start_print(200)
    totals = library.counted(PRINTER, 1)
    assert octoprint.state() == "Paused"
    assert totals["ended_by_turn"] == 1
    assert library.state(PRINTER, "paused")


def test_a_turns_end_lets_the_print_finish_and_marks_the_overrun(
    octoprint: OctoPrint, start: Start
) -> None:
    """With `finish_job` the print runs to its end; what it took past the turn is told apart."""
    library = start("finish_job")
    library.book(PRINTER, 0.5, 5)
    open_turn(library)
    octoprint.start_print(40)
    totals = library.counted(PRINTER, 1)
    assert totals["ended_by_turn"] == 0
    assert totals["active_seconds"] > 40 * DWELL_SECONDS - 1
    assert library.metric("laitevuoro_session_overrun_seconds_total", device=PRINTER) > 1
    assert library.device(PRINTER)["state"] == "to_be_cleared"


def test_a_turns_end_cancels_the_print_where_the_policy_says_so(
    octoprint: OctoPrint, start: Start
) -> None:
    """With `end` the print is cancelled at the end, and put down to the turn."""
    library = start("end")
    library.book(PRINTER, 0.5, 6)
    open_turn(library)
    octoprint.start_print(200)
    assert library.counted(PRINTER, 1)["ended_by_turn"] == 1
    assert octoprint.state() == "Operational"


def test_a_killed_octoprint_ends_the_session_as_a_fault(octoprint: OctoPrint, start: Start) -> None:
    """After kill -9 in mid-print the session ended by a fault, not as done."""
    library = start("end")
    library.book(PRINTER, 0.5, 120)
    open_turn(library)
    octoprint.start_print(200)
    library.state(PRINTER, "in_use")
    octoprint.kill()
    octoprint.restart()
    library.counted(PRINTER, 1)
    outcome = "laitevuoro_session_outcomes_total"
    assert library.metric(outcome, device=PRINTER, outcome="device_fault") == 1
    assert library.metric(outcome, device=PRINTER, outcome="customer") == 0
