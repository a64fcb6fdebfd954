"""Enrolling a device while the orchestrator and its embedded broker run."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest
from aiomqtt.exceptions import MqttConnectError

from agents.config import load, read_secret
from mqtt_schemas.topics import Channel, device_topic
from orchestrator.broker import launch
from orchestrator.children import free_port
from tests.e2e.brokers import SOCKET_OPTIONS, end

pytestmark = pytest.mark.e2e

LAITEVUORO = str(Path(sys.executable).parent / "laitevuoro")
WITHIN = 30.0
CONFIG = """
[orchestrator]
state_dir = "state"
[http]
port = 0
[broker]
port = {port}
[policy]
at_end = "lock"
[[site]]
id = "library"
[[device]]
site = "library"
id = "pc-1"
kind = "pc"
"""


@contextmanager
def serving(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `laitevuoro serve`."""
    launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
    with (config.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [*launcher, LAITEVUORO, "serve", "--config", str(config)], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        end(process)
        process.kill()
        process.wait()


async def publish(agent_toml: Path) -> None:
    """Connect as the enrolled device and publish, as its agent would."""
    configuration = load(agent_toml, {})
    (device,) = configuration.device
    assert device.password_file is not None
    client = aiomqtt.Client(
        configuration.broker.host,
        configuration.broker.port,
        username=device.user,
        password=read_secret(device.password_file),
        identifier=secrets.token_hex(16),
        socket_options=SOCKET_OPTIONS,
        timeout=5,
    )
    async with client:
        await client.publish(device_topic(device.address, Channel.LINK), b"", qos=1)


def enrol(config: Path, output: Path) -> Path:
    """Run `laitevuoro device enrol`, and return the agent's configuration."""
    words = ["--config", str(config), "--driver", "pc", "--output", str(output)]
    command = [LAITEVUORO, "device", "enrol", "library/pc-1", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=WITHIN)
    return output / "agent.toml"


async def let_in(agent_toml: Path) -> None:
    """Try until the broker takes the device."""
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(aiomqtt.MqttError):
                return await publish(agent_toml)
            await asyncio.sleep(0.1)


async def test_a_device_enrolled_meanwhile_gets_in_after_a_reload(tmp_path: Path) -> None:
    """SIGHUP lets a new device in; enrolled again, its old secret is void."""
    config = tmp_path / "laitevuoro.toml"
    config.write_text(CONFIG.format(port=free_port()))
    first = enrol(config, tmp_path / "first")
    with serving(config) as orchestrator:
        await let_in(first)
        second = enrol(config, tmp_path / "second")
        with pytest.raises(MqttConnectError):
            await publish(second)
        orchestrator.send_signal(signal.SIGHUP)
        await let_in(second)
        with pytest.raises(MqttConnectError):
            await publish(first)
