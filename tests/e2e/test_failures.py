"""What brokers and networks do to a library: whatever fails, each use is counted once.

One library for all tests of a broker; each test has a device of its own. README.md tells where
the other failures are tested.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address, Channel, device_topic
from tests.e2e.brokers import KINDS, SITE, Broker
from tests.e2e.library import BIN, Library, Process, Spec, until
from tests.e2e.proxied import Network
from tests.e2e.test_main_loop import LEAVES, STAYS, held_against_journal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

#: A customer every now and then, so that something is told all the time.
CROWD = "[crowd]\nseed = 7\ngap = [0.1, 0.3]\nstay = [0.2, 0.6]\n"
SCRIPTS = {
    "wiped": STAYS,
    "parted": STAYS,
    "stalled": STAYS,
    "denied": CROWD,
    "crowded-out": LEAVES,
    "doubled": STAYS,
}
#: Not connected to the broker but through a network of its own.
BEHIND = ("parted", "stalled")
OLDEST = "laitevuoro_oldest_unacknowledged_event_seconds"
#: Close to the largest payload, and more of it than the 200 messages that Mosquitto has under
#: way and the 64 MB of its queue.
JUNK = b"x" * 1_000_000
MOST_JUNK = {"mosquitto": 400, "nats": 20}


@dataclass
class World:
    """A library, and the networks of some of its agents."""

    library: Library
    networks: dict[str, Network]

    @property
    def broker(self) -> Broker:
        """The library's broker."""
        return self.library.broker


@pytest.fixture(scope="module", params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a running library on each kind of broker."""
    folder = tmp_path_factory.mktemp("library")
    broker = Broker(request.param, folder / "broker")
    broker.admit()
    broker.start()
    networks = {device: Network(to_port=broker.port) for device in BEHIND}
    ports = {device: network.port for device, network in networks.items()}
    library = Library(
        broker,
        folder,
        [
            Spec(device, script=script, broker_port=ports.get(device))
            for device, script in SCRIPTS.items()
        ],
    )
    try:
        library.start()
        yield World(library, networks)
    finally:
        library.stop()
        broker.stop()
        for network in networks.values():
            network.close()


def used(library: Library, device: str, uses: int = 1) -> None:
    """Wait until so many customers have left."""
    until(f"{device} was used", lambda: len(library.uses(device)) >= uses or None)


# The first one: an agent that was cut off often of late waits longer and longer.
def test_a_partition_longer_than_any_session_loses_nothing(world: World) -> None:
    """When it ends the broker knows the agent no more; the turn had ended at the device."""
    library, device = world.library, "parted"
    library.book(device, 0.5, 4)
    library.state(device, "in_use")
    world.networks[device].part()
    world.broker.wipe()
    used(library, device)
    world.networks[device].join()
    assert library.counted(device, 1)["ended_by_turn"] == 1
    held_against_journal(library, device)


async def test_a_wiped_broker_loses_nothing(world: World) -> None:
    """In mid turn all that it kept is gone; both ends say again what is to be kept."""
    library, device = world.library, "wiped"
    library.book(device, 0.5, 5)
    library.state(device, "in_use")
    world.broker.wipe()
    assert library.counted(device, 1)["ended_by_turn"] == 1
    held_against_journal(library, device)
    library.online(device)
    address = Address(SITE, device)
    async with world.broker.client(address) as client:
        await client.subscribe(device_topic(address, Channel.PLAN), qos=1)
        async for message in client.messages:
            plan = Plan.model_validate_json(message.payload)
            break
    assert plan.revision == library.metric("laitevuoro_plan_revision_in_force", device=device)


def test_an_agent_that_is_killed_in_mid_publish_loses_and_doubles_nothing(world: World) -> None:
    """Its last events are in a network that hangs: it can't know whether they arrived."""
    library, device = world.library, "stalled"
    library.book(device, 0.5, 4)
    library.state(device, "in_use")
    world.networks[device].stall()
    log = library.folder / "agents" / Address(SITE, device).user / "outbox.db-wal"
    until("the end is on the agent's disk", lambda: b'"type":"ended"' in log.read_bytes() or None)
    library.agents[device].kill()
    world.networks[device].heal()
    library.agents[device].start()
    library.counted(device, 1)
    held_against_journal(library, device)


def test_events_that_a_broker_denies_stay_in_the_outbox(world: World) -> None:
    """Mosquitto acknowledges what it denies; the age of the oldest event tells that it does."""
    library, device = world.library, "denied"
    address = Address(SITE, device)
    # A missing right of one topic only: status and presence still come, all seems well.
    world.broker.allow(address, [Channel.LINK, Channel.STATUS, Channel.TIME_REQUEST])
    library.book(device, 0.5, 5)
    first = until("an event waits", lambda: library.metric(OLDEST, device=device))
    until("it waits longer", lambda: library.metric(OLDEST, device=device) > first + 1 or None)
    assert library.totals(device)["sessions"] == 0
    world.broker.allow(address)
    until("the turn is over", lambda: library.device(device)["turn"] is None)
    library.counted(device, len(library.uses(device)))
    held_against_journal(library, device)


async def test_events_that_do_not_fit_a_brokers_queue_come_again(world: World) -> None:
    """Mosquitto drops what it acknowledges once its queue is full; NATS keeps it on disk."""
    library, device = world.library, "crowded-out"
    library.book(device, 1, 30)
    address, pid = Address(SITE, device), library.orchestrator.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        async with world.broker.client(address) as flood:
            for _ in range(MOST_JUNK[world.broker.kind]):
                await flood.publish(device_topic(address, Channel.STATUS), JUNK, qos=1)
                if dropped := "messages are being dropped" in world.broker.log():
                    break
        assert dropped == (world.broker.kind == "mosquitto")
        used(library, device)
    finally:
        os.kill(pid, signal.SIGCONT)
    library.counted(device, 1)
    held_against_journal(library, device)


def test_two_agents_with_one_id_are_told_and_spoil_nothing(world: World, tmp_path: Path) -> None:
    """Neither evicts the other; the count of the one that has the device stays exact."""
    library, device = world.library, "doubled"
    config = tmp_path / "second.toml"
    text = (library.folder / f"{device}.toml").read_text()
    text = text.replace(str(library.folder / "agents"), str(tmp_path / "agents"))
    config.write_text(text.replace(f"{device}.sock", "nobody.sock"))
    command = [str(BIN / "laitevuoro-agent"), "run", "--config", str(config)]
    second = Process(command, tmp_path / "second.log")
    library.book(device, 0.5, 6)
    library.state(device, "in_use")
    second.start()
    try:
        name = "laitevuoro_agent_conflicts_total"
        until("it is told", lambda: library.metric(name, device=device) or None)
        used(library, device)
        library.counted(device, 1)
    finally:
        second.stop()
    held_against_journal(library, device)
