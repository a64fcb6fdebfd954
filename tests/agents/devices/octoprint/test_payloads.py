"""OctoPrint's words, put into ours."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices.octoprint import payloads
from agents.devices.octoprint.payloads import HISTORY, Happening, Phase, Stale, Unreadable
from tests.agents.devices.octoprint.answers import answer, event, look

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("none", Phase.IDLE),
        ("starting", Phase.PRINTING),
        ("printing", Phase.PRINTING),
        ("paused", Phase.PAUSED),
        ("done", Phase.IDLE),
        ("cancelled", Phase.IDLE),
        ("interrupted", Phase.IDLE),
        ("offline", Phase.OFF),
        ("error", Phase.ERROR),
    ],
)
def test_each_recorded_answer_has_its_phase(name: str, phase: Phase) -> None:
    """What OctoPrint calls its state decides, in each of the recorded answers."""
    assert look(name).phase is phase


def test_a_running_print_tells_its_figures() -> None:
    """Progress becomes a ratio, seconds become milliseconds, the tools' filament is summed."""
    reading = look("printing")
    assert reading.progress == pytest.approx(0.4078, abs=1e-4)
    assert reading.print_ms is not None
    assert reading.print_ms % 1000 == 0
    assert reading.filament_mm == 20.0
    assert reading.toward is None


def test_a_done_print_stands_at_the_whole_and_a_cancelled_one_at_nothing() -> None:
    """That is how a look tells the two apart; both keep their file."""
    done, cancelled = look("done"), look("cancelled")
    assert (done.progress, cancelled.progress) == (1.0, None)
    assert done.file is not None
    assert cancelled.file is not None


def test_an_interrupted_print_leaves_no_file() -> None:
    """After a kill -9 OctoPrint says Operational, and nothing is chosen for printing."""
    reading = look("interrupted")
    assert reading.phase is Phase.IDLE
    assert reading.file is None


@pytest.mark.parametrize(
    ("filament", "length"),
    [
        ({"length": None, "volume": None}, None),
        ({"length": 12.5, "volume": 0.1}, 12.5),
        (None, None),
        ({}, None),
        ({"tool0": {"length": 20.0, "volume": 0.0}}, 20.0),
        ({"tool0": {"length": 20.0}, "tool1": {"length": 2.5}, "tool2": {"length": None}}, 22.5),
    ],
)
def test_filament_has_three_shapes(filament: object, length: float | None) -> None:
    """OctoPrint sends an empty length, nothing at all, or one length for each tool."""
    told = answer("job_printing")
    told["job"]["filament"] = filament
    assert payloads.job(told).filament_mm == length


@pytest.mark.parametrize(
    ("state", "phase", "toward"),
    [
        ("Pausing", Phase.PRINTING, Phase.PAUSED),
        ("Resuming", Phase.PRINTING, Phase.PRINTING),
        ("Cancelling", Phase.PRINTING, Phase.IDLE),
        ("Finishing", Phase.PRINTING, Phase.IDLE),
        ("Starting print from SD", Phase.PRINTING, Phase.PRINTING),
        ("Printing from SD", Phase.PRINTING, None),
        ("Sending file to SD", Phase.IDLE, None),
        ("Detecting serial connection", Phase.OFF, Phase.IDLE),
        ("Offline (Error: Too many consecutive timeouts)", Phase.ERROR, None),
    ],
)
def test_a_state_on_its_way_belongs_to_where_it_comes_from(
    state: str, phase: Phase, toward: Phase | None
) -> None:
    """A print that is being paused or cancelled still prints, and tells where it is going."""
    reading = payloads.job({**answer("job_printing"), "state": state})
    assert (reading.phase, reading.toward) == (phase, toward)


def test_an_unknown_state_is_refused_in_one_sentence_without_its_text() -> None:
    """A guess could end a running print; and the text might hold anything."""
    with pytest.raises(Unreadable, match="the state is none that we know") as refused:
        payloads.job({**answer("job_printing"), "state": "Printing secret.gcode"})
    assert "secret" not in str(refused.value)


def test_a_bad_answer_is_refused_with_its_place_and_without_its_value() -> None:
    """The sentence goes to a log, where no file's name may stand."""
    told = answer("job_printing")
    told["job"]["file"]["size"] = "secret.gcode"
    with pytest.raises(Unreadable, match=r"/api/job: job\.file\.size: ") as refused:
        payloads.job(told)
    assert "secret" not in str(refused.value)


@given(JSON)
def test_any_json_is_read_or_refused(told: Any) -> None:  # noqa: ANN401 - any JSON
    """Whatever stands behind OctoPrint's port, nothing but Unreadable comes of it."""
    for read in (payloads.job, payloads.temperatures):
        with contextlib.suppress(Unreadable):
            read(told)


@given(st.binary() | JSON.map(lambda told: json.dumps(told).encode()))
def test_any_message_is_read_or_refused(message: bytes) -> None:
    """The same for the push socket."""
    with contextlib.suppress(Unreadable):
        payloads.pushed(message)


def test_temperatures_are_told_by_reading() -> None:
    """The nozzle is tool0. Right after connecting there are none yet."""
    assert payloads.temperatures(answer("printer_printing")) == {
        "nozzle_celsius": 21.3,
        "nozzle_target_celsius": 0.0,
        "bed_celsius": 21.3,
        "bed_target_celsius": 0.0,
    }
    assert payloads.temperatures({"temperature": {}}) == {}


@pytest.mark.parametrize(
    ("name", "happening"),
    [
        ("started", Happening.STARTED),
        ("paused", Happening.PAUSED),
        ("resumed", Happening.RESUMED),
        ("done", Happening.DONE),
        ("cancelling", Happening.CANCELLING),
        ("cancelled", Happening.CANCELLED),
        ("failed_error", Happening.FAILED),
    ],
)
def test_each_recorded_event_is_known(name: str, happening: Happening) -> None:
    """OctoPrint's name of an event is its value here."""
    assert event(name).happening is happening


def test_progress_is_a_fraction_in_a_failure_and_percent_elsewhere() -> None:
    """OctoPrint uses two scales; here it is always a ratio."""
    assert event("failed_error").progress == pytest.approx(0.1369, abs=1e-3)
    assert event("cancelled").progress == 0.18


def test_a_cancelled_print_is_told_once() -> None:
    """PrintFailed with the reason "cancelled" only repeats PrintCancelled: just a look is due."""
    assert payloads.pushed(json.dumps(answer("push_print_failed_cancelled"))) == "PrintFailed"


@pytest.mark.parametrize(
    ("told", "estimate"),
    [(90.5, 90.5), (1, 1.0), (None, None), (0, None), (-3, None), (1e12, None), ("long", None)],
)
def test_an_estimate_that_can_not_be_is_none(told: object, estimate: float | None) -> None:
    """A file without feed rates is analysed too; nothing is to be decided by what comes of it."""
    said = answer("job_printing")
    said["job"]["estimatedPrintTime"] = told
    assert payloads.job(said).estimated_s == estimate
    del said["job"]["estimatedPrintTime"]
    assert payloads.job(said).estimated_s is None


def test_an_analysis_tells_the_filament_and_the_time() -> None:
    """It may end after its print began."""
    told = payloads.pushed(json.dumps(answer("push_analysis_finished")))
    assert isinstance(told, payloads.PrintEvent)
    assert told.filament_mm == 60.0
    assert told.estimated_s == pytest.approx(13.477, abs=1e-3)


def test_other_messages_make_a_look_due_or_nothing() -> None:
    """The first message after subscribing, and other events, are no events of a print."""
    assert payloads.pushed(json.dumps(answer("push_history"))) == HISTORY
    state_changed = json.dumps(answer("push_printer_state_changed"))
    assert payloads.pushed(state_changed) == "PrinterStateChanged"
    assert payloads.pushed(json.dumps(answer("push_current"))) is None


def test_a_stale_login_is_told_apart() -> None:
    """OctoPrint asks for a new login when the user changed."""
    with pytest.raises(Stale):
        payloads.pushed('{"reauthRequired": {"reason": "stale"}}')
