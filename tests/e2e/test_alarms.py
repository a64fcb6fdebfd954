"""A device that does not obey, and one that is used though it is closed: seen, counted, alarmed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.brokers import Broker
from tests.e2e.library import Library, Spec, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

#: Nothing ends this customer; who comes later leaves by themselves.
STUBBORN = """
[[visit]]
nth = 1
after = 0.2
does = [{ active = 25 }]
ignores = ["lock", "end", "pause"]
"""
#: Somebody sits down at a closed device, as the doors are opened.
UNINVITED = """
[[visit]]
when = "start"
after = 3
does = [{ active = 600 }]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Give a running library with two devices that make trouble."""
    folder = tmp_path_factory.mktemp("library")
    broker = Broker("nats", folder / "broker")
    broker.admit()
    broker.start()
    made = Library(
        broker, folder, [Spec("stubborn", script=STUBBORN), Spec("uninvited", script=UNINVITED)]
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()
        broker.stop()


def alarm(library: Library, device: str, kind: str) -> dict[str, Any]:
    """Wait until an alarm of that kind is raised at a device, and return it."""

    def look() -> dict[str, Any] | None:
        found: list[dict[str, Any]] = library.get("/api/v1/alarms")
        return next((a for a in found if (a["device"], a["alarm"]) == (device, kind)), None)

    return until(f"{device} raises {kind}", look)


def test_a_turn_that_is_not_obeyed_is_alarmed_and_never_the_next_customers(
    library: Library,
) -> None:
    """Its use is blocked: the turn after it does not begin on it, and it is no use of that turn."""
    first = library.book("stubborn", 0.5, 3)
    second = library.book("stubborn", 5, 120)
    raised = alarm(library, "stubborn", "not_obeyed")
    assert raised["severity"] == "critical"
    assert library.metric("laitevuoro_alarm", device="stubborn", alarm="not_obeyed") == 1
    assert library.device("stubborn")["blocked"] is not None
    until("it obeys again", lambda: library.device("stubborn")["blocked"] is None or None)
    uncounted = {"device": "stubborn", "basis": "blocked"}
    until(
        "the blocked use is seen",
        lambda: library.metric("laitevuoro_uncounted_sessions_total", **uncounted) or None,
    )
    assert library.counted("stubborn", 1)["ended_by_turn"] == 1
    left = [each["alarm"] for each in library.get("/api/v1/alarms") if each["device"] == "stubborn"]
    assert left == ["used_outside"]
    assert first != second


def test_use_of_a_closed_device_is_ended_counted_apart_and_alarmed(library: Library) -> None:
    """The desk learns of it also when it is over within seconds."""
    raised = alarm(library, "uninvited", "used_outside")
    assert raised["count"] == 1
    assert raised["message"].endswith("was used once without a right to it today.")
    uncounted = {"device": "uninvited", "basis": "outside"}
    assert library.metric("laitevuoro_uncounted_sessions_total", **uncounted) == 1
    assert library.totals("uninvited")["sessions"] == 0
    [use] = library.uses("uninvited")
    assert use.order is not None
