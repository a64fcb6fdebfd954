"""Two orchestrators at one broker, each with a database of its own: alarmed, and both exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.brokers import KINDS, Broker
from tests.e2e.library import Library, Spec, _text, until
from tests.e2e.test_main_loop import LEAVES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

DEVICE = "vr-1"
#: Two servers that were set up by the same instructions have one name.
TOPIC = "laitevuoro/v1/orchestrator/main"


@pytest.fixture(params=KINDS)
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """Give a running library on each kind of broker."""
    broker = Broker(request.param, tmp_path / "broker")
    broker.admit()
    broker.start()
    library = Library(broker, tmp_path / "ours", [Spec(DEVICE, script=LEAVES)])
    library.folder.mkdir()
    try:
        library.start()
        yield library
    finally:
        library.stop()
        broker.stop()


@pytest.fixture
def spare(library: Library, tmp_path: Path) -> Iterator[Library]:
    """Give a second server of the same library, not yet running."""
    spare = Library(library.broker, tmp_path / "theirs", list(library.specs.values()))
    spare.folder.mkdir()
    spare.write()
    try:
        yield spare
    finally:
        spare.orchestrator.stop()


def run(library: Library) -> None:
    """Start an orchestrator that may find another one."""
    file = library.folder / "state" / "http.url"
    file.unlink(missing_ok=True)
    library.orchestrator.start()
    library.url = until("it serves", lambda: _text(file))


def use(at: Library, library: Library) -> int:
    """Have a customer use the device, booked at one of them; return the uses up to now."""
    before = len(library.uses(DEVICE))
    # Long enough for a busy machine; the customer leaves much sooner.
    booking = at.book(DEVICE, 0.3, 15)
    until("the customer has left", lambda: len(library.uses(DEVICE)) > before or None)
    at.command("booking", "cancel", booking)
    return before + 1


def others(library: Library) -> list[str]:
    """Return which other orchestrators one tells of, with its health red, if any."""
    answer = httpx.get(f"{library.url}/healthz", timeout=5)
    health: dict[str, Any] = answer.json()
    found: list[str] = health["broker"]["other_orchestrators"]
    assert (answer.status_code == 503) == bool(found or not health["broker"]["connected"])
    return found


def noticed(library: Library) -> None:
    """Wait until one tells of the other."""
    until("they have noticed each other", lambda: others(library) == [TOPIC] or None)


def exact(library: Library, journal: Library, uses: int) -> None:
    """Assert that one has counted exactly what the device did."""
    totals = library.counted(DEVICE, uses)
    done = [each for each in journal.uses(DEVICE) if each.right != "none"]
    assert (totals["sessions"], len(done)) == (uses, uses)
    assert round(totals["active_seconds"] * 1000) == sum(each.active_ms for each in done)
    assert library.metric("laitevuoro_events_total", result="fork") == 0
    assert library.metric("laitevuoro_events_total", result="loss") == 0


def test_both_count_everything_and_say_that_they_are_two(library: Library, spare: Library) -> None:
    """Whichever of them hears and acknowledges what, and whichever is away meanwhile."""
    use(library, library)
    exact(library, library, 1)

    run(spare)
    for each in (library, spare):
        noticed(each)
        assert each.metric("laitevuoro_other_orchestrators") == 1
    exact(spare, library, 1)
    assert library.device(DEVICE)["plan_in_force"]
    exact(library, library, use(library, library))
    exact(spare, library, 2)
    assert library.device(DEVICE)["plan_in_force"]

    library.orchestrator.kill()
    until("the spare one is alone", lambda: others(spare) == [] or None)
    spare.online(DEVICE)
    exact(spare, library, use(spare, library))

    run(library)
    noticed(library)
    exact(library, library, 3)
    spare.orchestrator.stop()
    until("ours is alone", lambda: others(library) == [] or None)
    library.online(DEVICE)
    exact(library, library, use(library, library))
