"""The main loop on real brokers: planned, begun, warned, ended, counted, exactly once.

One library for all tests of a broker; each test has a device of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from agents.devices.scripted.journal import Ordered
from mqtt_schemas.events import Step
from mqtt_schemas.topics import Address, Channel, device_topic
from tests.e2e.brokers import KINDS, SITE, Broker
from tests.e2e.library import Library, Spec, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

STAYS = """
[[visit]]
after = 0.2
does = [{ active = 0.6 }, { idle = 0.4 }, { active = 1 }]
stays = true
"""
LEAVES = "[[visit]]\nafter = 0.2\ndoes = [{ active = 1 }]\n"
INTRUDES = '[[visit]]\nwhen = "closed"\nafter = 0.5\ndoes = [{ active = 60 }]\nstays = true\n'

STAYING = ("booked", "extended", "cancelled", "x-orchestrator", "x-agent", "x-broker", "alone")
LEAVING = ("early", "overlap", "bad")


@pytest.fixture(scope="module", params=KINDS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """Give a running library on each kind of broker."""
    folder = tmp_path_factory.mktemp("library")
    broker = Broker(request.param, folder / "broker")
    broker.admit()
    broker.start()
    scripts = dict.fromkeys(STAYING, STAYS) | dict.fromkeys(LEAVING, LEAVES)
    devices = [Spec(name, script=script) for name, script in scripts.items()]
    library = Library(broker, folder, [*devices, Spec("intruded", script=INTRUDES)])
    try:
        library.start()
        yield library
    finally:
        library.stop()
        broker.stop()


def held_against_journal(library: Library, device: str) -> None:
    """Assert that what was counted is, to the millisecond, what the device did."""
    uses = [use for use in library.uses(device) if use.right != "none"]
    totals = library.counted(device, len(uses))
    assert totals["sessions"] == len(uses)
    assert round(totals["active_seconds"] * 1000) == sum(use.active_ms for use in uses)
    assert round(totals["idle_seconds"] * 1000) == sum(use.idle_ms for use in uses)


def orders(library: Library, device: str) -> list[Step]:
    """Return what a device was told, in order."""
    return [line.step for line in library.journal(device) if isinstance(line, Ordered)]


def test_a_booked_turn_begins_warns_ends_and_is_counted(library: Library) -> None:
    """A customer who stays is warned, ended with the turn, and counted to the millisecond."""
    library.book("booked", 0.5, 4, "--party", "2")
    library.state("booked", "in_use")
    assert library.device("booked")["turn"]["phase"] in ("open", "warned")
    totals = library.counted("booked", 1)
    held_against_journal(library, "booked")
    assert totals["ended_by_turn"] == 1
    assert totals["by_target_group"]["nuoret"]["sessions"] == 1
    told = orders(library, "booked")
    assert told.index(Step.WARN) < told.index(Step.END)
    assert library.events()["set_aside"] == 0


def test_a_customer_who_leaves_early_is_counted_for_what_was_used(library: Library) -> None:
    """A use that ends by itself is not put down to the turn."""
    library.book("early", 0.5, 8)
    assert library.counted("early", 1)["ended_by_turn"] == 0
    held_against_journal(library, "early")


def test_use_outside_every_turn_is_ended_and_not_counted(library: Library) -> None:
    """Whoever uses a closed device is ended at once; it is seen, but it is no use."""
    until("the intruder is seen", lambda: library.totals("intruded").get("outside_sessions"))
    assert library.totals("intruded")["sessions"] == 0
    assert Step.END in orders(library, "intruded")


def test_an_extension_reaches_the_device_during_the_turn(library: Library) -> None:
    """A longer booking is a new plan, and the turn goes on past its first end."""
    booking = library.book("extended", 0.5, 8)
    library.state("extended", "in_use")
    library.command("booking", "extend", booking, "--by", "3s")
    library.counted("extended", 1)
    (use,) = library.uses("extended")
    assert use.active_ms + use.idle_ms > 9000
    held_against_journal(library, "extended")


def test_a_cancelled_booking_ends_the_running_turn(library: Library) -> None:
    """A booking that staff cancel ends at the device at once, and not by its turn."""
    booking = library.book("cancelled", 0.5, 60)
    library.state("cancelled", "in_use")
    library.command("booking", "cancel", booking)
    assert library.counted("cancelled", 1)["ended_by_turn"] == 0
    held_against_journal(library, "cancelled")


def test_an_overlap_is_refused_in_one_sentence(library: Library) -> None:
    """Two customers can't have one device; the second is told so, with exit code 2."""
    library.book("overlap", 3600, 3600)
    words = ("--device", "overlap", "--group", "nuoret", "--start", "now", "--for", "2h")
    refused = library.command("booking", "add", *words, code=2)
    assert refused.stdout == ""
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("victim", ["orchestrator", "agent", "broker"])
def test_a_kill_in_mid_turn_loses_and_doubles_nothing(library: Library, victim: str) -> None:
    """Kill -9 of any of our processes, or the broker: the turn ends all the same, counted once."""
    device = f"x-{victim}"
    library.book(device, 0.5, 6)
    library.state(device, "in_use")
    if victim == "orchestrator":
        library.orchestrator.kill()
        library.start_orchestrator()
    elif victim == "broker":
        library.broker.kill()
        library.broker.restart()
    else:
        library.agents[device].kill()
        library.agents[device].start()
    totals = library.counted(device, 1)
    (use,) = library.uses(device)
    assert totals["sessions"] == 1
    assert totals["ended_by_turn"] == 1
    counted = round((totals["active_seconds"] + totals["idle_seconds"]) * 1000)
    true = use.active_ms + use.idle_ms
    if victim == "agent":
        # What passed between its last checkpoint and its return was seen by nobody.
        unseen = library.metric("laitevuoro_session_unobserved_seconds_total", device=device)
        assert true - 1000 * unseen - 1 <= counted <= true
    else:
        assert counted == true


def test_alone_the_agent_still_ends_the_turn_and_tells_it_afterwards(library: Library) -> None:
    """With orchestrator and broker down, the turn warns and ends; afterwards it is counted."""
    library.book("alone", 0.5, 4)
    library.state("alone", "in_use")
    library.orchestrator.kill()
    library.broker.kill()
    until("the turn has ended at the device", lambda: library.uses("alone"))
    library.broker.restart()
    library.start_orchestrator()
    assert library.counted("alone", 1)["ended_by_turn"] == 1
    assert Step.WARN in orders(library, "alone")
    held_against_journal(library, "alone")


async def test_a_bad_payload_is_counted_and_blocks_nobody(library: Library) -> None:
    """Malformed or wrongly versioned: each is refused and counted, and use goes on."""
    bad = [
        (Channel.STATUS, b"{"),
        (Channel.STATUS, b'{"v":2}'),
        (Channel.EVENTS, b'{"v":1,"log":"x","events":[]}'),
        (Channel.TIME_REQUEST, b'{"v":1,"nonce":"short"}'),
        (Channel.LINK, b"\xff\xfe"),
    ]
    before, address = library.events()["rejected"], Address(SITE, "bad")
    async with library.broker.client(address) as rogue:
        for channel, payload in bad:
            await rogue.publish(device_topic(address, channel), payload, qos=1)
    until("all are counted", lambda: library.events()["rejected"] >= before + len(bad))
    assert library.events()["rejected"] == before + len(bad)
    library.book("bad", 0.5, 5)
    library.counted("bad", 1)
    held_against_journal(library, "bad")


def test_health_tells_of_a_broker_that_is_down(library: Library) -> None:
    """Without its broker the orchestrator goes on, and /healthz says so with 503."""
    library.broker.kill()

    def red() -> httpx.Response | None:
        found = httpx.get(f"{library.url}/healthz", timeout=5)
        return found if found.status_code == 503 else None

    assert "broker" in json.dumps(until("health is red", red).json())
    library.broker.restart()
    until("health is green", lambda: httpx.get(f"{library.url}/healthz").status_code == 200)
    for device in library.specs:
        library.online(device)
