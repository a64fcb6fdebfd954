"""The embedded broker as a real child process: started, killed, restarted, reloaded, orphaned."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest
from aiomqtt.exceptions import MqttConnectError

from mqtt_schemas.topics import Channel, Instance, device_topic, down_filter
from orchestrator.broker import server as server_module
from orchestrator.broker.access import User, users
from orchestrator.broker.credentials import hash_secret
from orchestrator.broker.embedded import Embedded, server_binary
from orchestrator.broker.server import BrokerFailed
from tests.e2e.brokers import DEVICES, HOST, SITE, SOCKET_OPTIONS

pytestmark = pytest.mark.e2e

ONE, _ = DEVICES
SECRET = "the same for all, since nothing here is about secrets"  # noqa: S105
PLAN = device_topic(ONE, Channel.PLAN)
WITHIN = 20.0


def everybody() -> tuple[User, ...]:
    """Return the users of both devices and the orchestrator."""
    hashes = hash_secret(SECRET)
    names = ["orchestrator.main", *(device.user for device in DEVICES)]
    return users(
        instance=Instance("main"),
        sites=[SITE],
        devices=DEVICES,
        hashes=dict.fromkeys(names, hashes),
    )


def client(port: int, user: str, *, identifier: str | None = None) -> aiomqtt.Client:
    """Return a client; with an identifier, one whose session outlives its connection."""
    return aiomqtt.Client(
        HOST,
        port,
        username=user,
        password=SECRET,
        identifier=identifier or secrets.token_hex(16),
        clean_session=identifier is None,
        socket_options=SOCKET_OPTIONS,
        timeout=5,
    )


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Embedded, int]]:
    """Run an embedded broker; give it and its port."""
    embedded = Embedded(state_dir=folder, users=everybody())
    port = await embedded.start()
    async with asyncio.timeout(WITHIN), asyncio.TaskGroup() as tasks:
        tasks.create_task(embedded.run(), name="broker")
        try:
            yield embedded, port
        finally:
            await embedded.stop()


@contextmanager
def held(pid: int | None) -> Iterator[int]:
    """Give a process's descriptor, which means this process and no later one; kill it at last."""
    assert pid is not None
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


async def gone(descriptor: int) -> None:
    """Wait for the end of a process, a child of ours or not."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(WITHIN):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)


async def received(port: int, payload: bytes, *, identifier: str | None = None) -> None:
    """Wait until the device gets a payload, trying again until the broker is back."""
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(aiomqtt.MqttError):
                async with client(port, ONE.user, identifier=identifier) as reader:
                    await reader.subscribe(down_filter(ONE), qos=1)
                    async for message in reader.messages:
                        if message.payload == payload:
                            return
            await asyncio.sleep(0.05)


async def test_a_killed_broker_comes_back_with_all_that_it_acknowledged(tmp_path: Path) -> None:
    """After kill -9 it runs again on its port, with retained messages and waiting ones."""
    async with running(tmp_path) as (embedded, port):
        async with client(port, ONE.user, identifier="waiting") as reader:
            await reader.subscribe(down_filter(ONE), qos=1)
        async with client(port, "orchestrator.main") as main:
            await main.publish(device_topic(ONE, Channel.ACK), b"waited", qos=1)
            await main.publish(PLAN, b"plan", qos=1, retain=True)
        killed = embedded.pid
        with held(killed) as server:
            signal.pidfd_send_signal(server, signal.SIGKILL)
            await gone(server)
        await received(port, b"plan")
        await received(port, b"waited", identifier="waiting")
        assert embedded.pid not in {None, killed}


async def test_stop_ends_the_server_and_run(tmp_path: Path) -> None:
    """After stop() the process is gone and run() returns; a second stop() does nothing."""
    async with running(tmp_path) as (embedded, _):
        pid = embedded.pid
        assert pid is not None
    await embedded.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_server_that_does_not_hear_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores SIGTERM does not hold up the end."""
    monkeypatch.setattr(server_module, "STOP_WITHIN", 0.2)
    async with running(tmp_path) as (embedded, _):
        pid = embedded.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


PARENT = """
import asyncio, sys
from pathlib import Path
from tests.e2e.test_broker_embedded import Embedded, everybody

async def main():
    embedded = Embedded(state_dir=Path(sys.argv[1]), users=everybody())
    port = await embedded.start()
    print(embedded.pid, port, flush=True)
    await embedded.run()

asyncio.run(main())
"""


async def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    """When the orchestrator is killed its broker dies too, and a new one can start at once."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=PIPE
    )
    assert parent.stdout is not None
    pid, port = map(int, (await asyncio.wait_for(parent.stdout.readline(), WITHIN)).split())
    with held(pid) as server:
        async with client(port, "orchestrator.main") as main:
            await main.publish(PLAN, b"plan", qos=1, retain=True)
        parent.kill()
        await parent.wait()
        async with running(tmp_path) as (_, port):
            await gone(server)
            await received(port, b"plan")


async def test_a_folder_serves_one_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second broker in the same folder is refused with one sentence."""
    monkeypatch.setattr("orchestrator.broker.embedded.LOCK_WITHIN", 0.1)
    async with running(tmp_path):
        with pytest.raises(BrokerFailed, match="another broker runs in"):
            await Embedded(state_dir=tmp_path, users=everybody()).start()


async def test_reload_drops_who_is_no_longer_a_user(tmp_path: Path) -> None:
    """After reload() a revoked device is out; who stayed keeps its connection."""
    async with running(tmp_path) as (embedded, port), client(port, "orchestrator.main") as main:
        async with client(port, ONE.user) as revoked:
            await embedded.reload([user for user in everybody() if user.name != ONE.user])
            with pytest.raises(aiomqtt.MqttError):
                await asyncio.wait_for(anext(aiter(revoked.messages)), WITHIN)
        with pytest.raises(MqttConnectError):
            async with client(port, ONE.user):
                pass
        await main.publish(PLAN, b"plan", qos=1)


async def test_users_taken_while_the_server_is_down_hold_after_its_restart(tmp_path: Path) -> None:
    """reload() in the moment of a restart is not lost."""
    async with running(tmp_path) as (embedded, port):
        pid = embedded.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await embedded.reload([user for user in everybody() if user.name != ONE.user])
        await first_refusal(port, ONE.user)
        async with client(port, "orchestrator.main"):
            pass


async def first_refusal(port: int, user: str) -> None:
    """Wait until the broker is back and refuses the user."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                async with client(port, user):
                    raise AssertionError(f"{user} was let in")
            except MqttConnectError:
                return
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)


async def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Where the port is taken start() says so."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        embedded = Embedded(state_dir=tmp_path, users=everybody(), port=taken.getsockname()[1])
        with pytest.raises(BrokerFailed, match="address already in use"):
            await embedded.start()
    await embedded.stop()


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("/bin/false", "the broker ended: it said nothing"),
        ("/nonexistent", "No such file or directory"),
    ],
)
async def test_a_broken_program_is_one_sentence(
    tmp_path: Path, program: str, sentence: str
) -> None:
    """A program that does not run as a server makes start() fail, with its last words."""
    embedded = Embedded(state_dir=tmp_path, users=everybody(), binary=Path(program))
    with pytest.raises(BrokerFailed, match=sentence):
        await embedded.start()


async def test_a_port_open_to_others_needs_tls(tmp_path: Path) -> None:
    """Passwords never go over a network in clear."""
    embedded = Embedded(state_dir=tmp_path, users=everybody(), host="192.0.2.1")
    with pytest.raises(BrokerFailed, match="needs TLS"):
        await embedded.start()


async def test_the_server_listens_on_loopback_only(tmp_path: Path) -> None:
    """Neither the MQTT port nor NATS' own is open to other machines."""
    async with running(tmp_path) as (embedded, port):
        addresses = listening(embedded.pid)
    assert f"{HOST}:{port}" in addresses
    assert {address.rpartition(":")[0] for address in addresses} == {HOST}


def listening(pid: int | None) -> set[str]:
    """Return the addresses on which a process listens."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = {link.removeprefix("socket:[").removesuffix("]") for link in links}
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                host, port = fields[1].split(":")
                packed = bytes.fromhex(host)[::-1] if family == socket.AF_INET else bytes(16)
                found.add(f"{socket.inet_ntop(family, packed)}:{int(port, 16)}")
    return found


def test_the_wheel_holds_the_server() -> None:
    """The program is found through the package that brought it."""
    assert os.access(server_binary(), os.X_OK)
