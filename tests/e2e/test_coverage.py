"""Coverage of a real library: each part of it stops for some seconds, and the gap is told.

One library for all tests; each has a device of its own, and looks at the time that passed in it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.brokers import Broker
from tests.e2e.library import Library, Spec, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

#: How long a part is away, in seconds.
AWAY = 3.0
#: Longer than what an agent takes for a sleep of its machine.
ASLEEP = 7.0
SCRIPT = "[[visit]]\nafter = 3600\ndoes = [{ active = 1 }]\n"
DEVICES = ("unplugged", "stopped", "asleep", "waiting", "x-orchestrator", "x-broker")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Give a running library. What is told does not depend on the kind of broker."""
    folder = tmp_path_factory.mktemp("library")
    broker = Broker("mosquitto", folder / "broker")
    broker.admit()
    broker.start()
    library = Library(broker, folder, [Spec(name, script=SCRIPT) for name in DEVICES])
    try:
        library.start()
        for device in DEVICES:
            until(f"{device} is reached", lambda d=device: _reached(library, d))  # type: ignore[misc]  # mypy can't infer a lambda with a default
        yield library
    finally:
        library.stop()
        broker.stop()


def _reached(library: Library, device: str) -> bool | None:
    return library.device(device)["device_link"] == "connected" or None


def now() -> datetime:
    """Return the time: of all processes, since they run on one machine."""
    return datetime.now(UTC)


def coverage(library: Library, device: str, since: datetime, to: datetime) -> dict[str, Any]:
    """Return what the API tells of a device's period."""
    asked = urlencode({"device": device, "from": since.isoformat(), "to": to.isoformat()})
    found: dict[str, Any] = library.get(f"/api/v1/coverage?{asked}")["devices"][0]
    parts = found["observed_seconds"] + sum(found["missing_seconds"].values())
    assert parts == pytest.approx(found["asked_seconds"])
    return found


def settled(library: Library, device: str, since: datetime, to: datetime) -> dict[str, Any]:
    """Wait until a device has told all of a period; return what it then holds."""

    def told() -> dict[str, Any] | None:
        found = coverage(library, device, since, to)
        return None if "not_told" in found["missing_seconds"] else found

    return until(f"{device} has told all", told)


def filled(library: Library, device: str, since: datetime, to: datetime) -> None:
    """Wait until a period has no gap."""
    until(f"{device} has no gap", lambda: not coverage(library, device, since, to)["gaps"] or None)


def assert_one_gap(found: dict[str, Any], reason: str, at_least: float) -> None:
    """Hold that there is one gap, of that reason and no shorter than it was, beside time seen."""
    assert [gap["reason"] for gap in found["gaps"]] == [reason]
    assert found["missing_seconds"][reason] >= at_least - 0.1
    assert found["observed_seconds"] > 0


def test_a_device_that_was_unplugged_is_told_from_its_agent(library: Library) -> None:
    """The agent went on watching, and says what it did not reach."""
    since, device = now(), "unplugged"
    time.sleep(1)
    library.scripted[device].stop()
    until("it is gone", lambda: not _reached(library, device) or None)
    time.sleep(AWAY)
    library.scripted[device].start()
    to = now()
    until("it is back", lambda: _reached(library, device))
    assert_one_gap(settled(library, device, since, to), "device_off", AWAY)


def test_an_agent_that_was_stopped_says_so_when_it_is_back(library: Library) -> None:
    """Whatever its device did meanwhile, nobody saw it."""
    since, device = now(), "stopped"
    time.sleep(1)
    library.agents[device].stop()
    time.sleep(AWAY)
    library.agents[device].start()
    to = now()
    library.online(device)
    until("it is reached", lambda: _reached(library, device))
    assert_one_gap(settled(library, device, since, to), "agent_off", AWAY)


def test_an_agent_that_stood_still_is_told_from_one_that_was_stopped(library: Library) -> None:
    """As on a machine that slept: its process lived, and did not run."""
    since, device = now(), "asleep"
    time.sleep(2)  # it was last seen awake up to a second before
    os.kill(library.agents[device].pid, signal.SIGSTOP)
    time.sleep(ASLEEP)
    os.kill(library.agents[device].pid, signal.SIGCONT)
    awake = now()
    assert_one_gap(settled(library, device, since, awake), "suspended", ASLEEP)


def test_without_the_orchestrator_nothing_is_missed(library: Library) -> None:
    """The agent watched on, and its heartbeat fills the time in which nobody listened."""
    since, device = now(), "x-orchestrator"
    library.orchestrator.stop()
    time.sleep(AWAY)
    library.start_orchestrator()
    to = now()
    filled(library, device, since, to)


def test_without_the_broker_nothing_is_missed(library: Library) -> None:
    """While it is down the gap has its reason; once the agent is back there is none."""
    since, device = now(), "x-broker"
    library.broker.kill()

    time.sleep(0.1)  # so that there is a period to ask for

    def unreachable() -> bool | None:
        missing = coverage(library, device, since, now())["missing_seconds"]
        return missing.get("broker_unreachable", 0) >= AWAY or None

    until("the gap has its reason", unreachable)
    library.broker.restart()
    to = now()
    filled(library, device, since, to)


def test_while_its_record_may_still_come_a_gap_tells_what_keeps_it(library: Library) -> None:
    """Agent and orchestrator are off: only the agent can tell afterwards which of it matters."""
    since, device = now(), "waiting"
    time.sleep(1)
    library.agents[device].stop()
    until("it is offline", lambda: library.device(device)["link"] == "offline" or None)
    library.orchestrator.stop()
    time.sleep(AWAY)
    library.start_orchestrator()
    missing = coverage(library, device, since, now())["missing_seconds"]
    assert missing["orchestrator_off"] >= AWAY - 0.1
    library.agents[device].start()
    to = now()
    library.online(device)
    until("it is reached", lambda: _reached(library, device))
    assert_one_gap(settled(library, device, since, to), "agent_off", AWAY)
    said = json.loads(library.command("coverage", "--device", device, "--json").stdout)
    reasons = [gap["reason"] for gap in said["devices"][0]["gaps"]]
    assert reasons[0] == "never_seen"
    assert reasons.count("agent_off") == 1
