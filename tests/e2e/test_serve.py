"""`laitevuoro serve` with its embedded broker, and the desk's commands beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import httpx
import pytest

from mqtt_schemas.codec import decode, encode
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Channel, device_topic, down_filter
from orchestrator.broker.credentials import Credentials, new_secret
from orchestrator.children import free_port
from orchestrator.places import ADMIN_SOCKET, DATABASE, HTTP_URL
from tests.e2e.brokers import SOCKET_OPTIONS
from tests.e2e.test_broker_tls import authority
from tests.orchestrator.fakes import link, status
from tests.orchestrator.parts import CONFIG, PRINTER

pytestmark = pytest.mark.e2e

COMMAND = str(Path(sys.executable).with_name("laitevuoro"))
WITHIN = 30


class Library:
    """A folder with a configuration and one enrolled printer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.config = folder / "laitevuoro.toml"
        self.broker_port = free_port()
        self.secret = new_secret()
        self.config.write_text(
            CONFIG.replace("[broker]\nport = 0", f"[broker]\nport = {self.broker_port}")
        )
        Credentials(self.state / "credentials").keep({PRINTER.user: self.secret})

    @asynccontextmanager
    async def serving(self, **environment: str) -> AsyncIterator[Process]:
        """Run `laitevuoro serve`; give it once systemd would know that it is ready."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.folder / "notify"))
            manager.setblocking(False)  # noqa: FBT003 - the standard library's
            process = await self.start("serve", NOTIFY_SOCKET=manager.getsockname(), **environment)
            try:
                async with asyncio.timeout(WITHIN):
                    ready = await asyncio.get_running_loop().sock_recv(manager, 100)
                assert ready.strip() == b"READY=1"
                yield process
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.communicate()
                (self.folder / "notify").unlink()

    async def start(self, *words: str, **environment: str) -> Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            *(COMMAND, *words, "--config", str(self.config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, **environment},
        )

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return exit code, output and errors."""
        process = await self.start(*words)
        async with asyncio.timeout(WITHIN):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def book(self, *more: str) -> str:
        """Book the printer for half an hour from now; return the answer."""
        words = ["--device", "printer-1", "--start", "now", "--for", "30min", "--group", "nuoret"]
        code, out, err = await self.run("booking", "add", *words, *more)
        assert (code, err) == (0, "")
        return out.strip()

    async def healthy(self) -> None:
        """Wait until the orchestrator says that it is well."""
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(WITHIN):
            url = (self.state / HTTP_URL).read_text().strip()
            while (await client.get(f"{url}/healthz")).status_code != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def printer(self, ca: Path | None = None) -> AsyncIterator[aiomqtt.Client]:
        """Connect as the printer's agent, and be there."""
        tls = aiomqtt.TLSParameters(ca_certs=str(ca)) if ca else None
        async with aiomqtt.Client(
            "127.0.0.1",
            self.broker_port,
            username=PRINTER.user,
            password=self.secret,
            socket_options=SOCKET_OPTIONS,
            tls_params=tls,
        ) as client:
            await client.subscribe(down_filter(PRINTER), qos=1)
            await client.publish(device_topic(PRINTER, Channel.LINK), encode(link()), 1)
            yield client


async def report(client: aiomqtt.Client, plan: Plan | None) -> None:
    """Report as an agent that carries out a plan."""
    await client.publish(device_topic(PRINTER, Channel.STATUS), encode(status(plan)), 1)


async def next_plan(client: aiomqtt.Client) -> Plan:
    """Return the next plan that the printer gets."""
    async with asyncio.timeout(WITHIN):
        async for message in client.messages:
            found = decode(message.topic.value, message.payload).message
            if isinstance(found, Plan):
                return found
    raise AssertionError


async def obey(client: aiomqtt.Client) -> None:
    """Carry out every plan that comes, for ever."""
    while True:
        await report(client, await next_plan(client))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library that has not been opened yet."""
    return Library(tmp_path)


async def test_a_booking_reaches_the_device_and_the_desk_is_told(library: Library) -> None:
    """From the command to the plan, and back to "has it"."""
    async with library.serving() as process, library.printer() as printer:
        plan = await next_plan(printer)
        assert plan.turns == ()
        await report(printer, plan)
        obeying = asyncio.create_task(obey(printer))
        said = await library.book()
        assert said.endswith("Printer 1 has it.")
        code, out, _ = await library.run("booking", "list", "--json")
        (booking,) = json.loads(out)
        assert (code, booking["target_group"]) == (0, "nuoret")
        code, out, _ = await library.run("booking", "extend", booking["id"], "--by", "5min")
        assert out.strip().endswith("Printer 1 has it.")
        obeying.cancel()
        code, out, _ = await library.run("booking", "cancel", booking["id"])
        assert out.strip().endswith("Printer 1 was told and has not confirmed it yet.")
        cancelled = await next_plan(printer)
        assert cancelled.turns == ()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WITHIN):
            _, err = await process.communicate()
        assert process.returncode == 0
        assert all(json.loads(line) for line in err.decode().splitlines())
    assert not (library.state / HTTP_URL).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", library.broker_port))


async def test_a_kill_loses_no_booking_and_no_revision(library: Library) -> None:
    """What was answered is kept; the device gets the very same plan again."""
    async with library.serving() as process:
        await library.healthy()
        said = await library.book()
        assert said.endswith("Printer 1 is offline; it is told when it is back.")
        process.kill()
        await process.communicate()
    assert (library.state / ADMIN_SOCKET).exists()
    async with library.serving(), library.printer() as printer:
        plan = await next_plan(printer)
        assert (plan.revision, len(plan.turns)) == (2, 1)


async def test_the_embedded_broker_speaks_tls_where_it_is_told_to(library: Library) -> None:
    """The orchestrator knows it by the authority, as devices do."""
    ours = authority(library.folder / "ours")
    certificate, key = ours.issue("broker")
    files = {"ca_file": ours.certificate, "cert_file": certificate, "key_file": key}
    lines = "\n".join(f'{name} = "{path}"' for name, path in files.items())
    library.config.write_text(
        library.config.read_text().replace("[broker]", f"[broker]\n{lines}", 1)
    )
    async with library.serving():
        await library.healthy()
        async with library.printer(ours.certificate) as printer:
            assert (await next_plan(printer)).turns == ()


async def test_a_second_one_is_refused_and_the_first_goes_on(library: Library) -> None:
    """One sentence, exit code 2."""
    async with library.serving():
        await library.healthy()
        code, out, err = await library.run("serve")
        assert (code, out) == (2, "")
        assert err.startswith(f"{library.state / DATABASE} is in use by another process")
        assert err.count("\n") == 1
        await library.healthy()
        await library.book()


async def test_a_device_that_is_enrolled_later_comes_in_after_a_reload(library: Library) -> None:
    """SIGHUP reads the credentials again; nobody else is cut off."""
    async with library.serving() as process, library.printer() as printer:
        await next_plan(printer)
        new = new_secret()
        Credentials(library.state / "credentials").keep({"paja.pc-1": new})
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(WITHIN):
            while True:
                try:
                    async with aiomqtt.Client(
                        "127.0.0.1", library.broker_port, username="paja.pc-1", password=new
                    ):
                        break
                except aiomqtt.MqttError:
                    await asyncio.sleep(0.05)
        await library.book()
        assert len((await next_plan(printer)).turns) == 1
