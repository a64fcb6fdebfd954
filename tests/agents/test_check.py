"""`laitevuoro-agent check`: what would work on this machine, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import check as checking
from agents.check import check
from agents.config import Configuration
from agents.drivers import Surroundings
from mqtt_schemas.base import DeviceState
from tests.agents.fakes import FakeClock, FakeDevice


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """Give the device that is checked."""
    made = FakeDevice(FakeClock())
    monkeypatch.setattr("agents.drivers.build", lambda *_: made)
    return made


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Give what is wrong with the broker: nothing."""
    told: dict[str, str | None] = {"problem": None}

    async def problem(*_: object) -> str | None:
        return told["problem"]

    monkeypatch.setattr(checking, "broker_problem", problem)
    return told


def configuration(folder: Path, port: int = 1883) -> Configuration:
    """Return the configuration of one device."""
    return Configuration.model_validate(
        {
            "state_dir": str(folder),
            "broker": {"port": port},
            "device": [{"site": "library", "id": "d-1", "kind": "vr", "driver": "simulated"}],
        }
    )


async def test_all_is_well(
    tmp_path: Path, device: FakeDevice, broker: dict[str, str | None]
) -> None:
    """A line for the device and one for the broker; then the device is let go."""
    said: list[str] = []
    assert await check(configuration(tmp_path), said.append)
    assert said == [
        "library/d-1: device connected, free",
        "library/d-1: broker 127.0.0.1:1883: accepts this device",
    ]
    assert device.log == ["start", "stop"]


async def test_what_the_device_cant_do_is_not_well(
    tmp_path: Path, device: FakeDevice, broker: dict[str, str | None]
) -> None:
    """Each problem has its line."""
    device.problems, device.state = ("no_helper", "no_system_bus"), DeviceState.LOCKED
    said: list[str] = []
    assert not await check(configuration(tmp_path), said.append)
    assert said[:3] == [
        "library/d-1: device connected, locked",
        "library/d-1: no_helper",
        "library/d-1: no_system_bus",
    ]


async def test_a_device_that_hangs_is_not_waited_for_long(
    tmp_path: Path,
    device: FakeDevice,
    broker: dict[str, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said, the broker is still looked at, and the device let go."""
    monkeypatch.setattr(checking, "OBSERVE_TIMEOUT", 0.01)
    device.silent = True
    said: list[str] = []
    assert not await check(configuration(tmp_path), said.append)
    assert said[0] == "library/d-1: device does not answer"
    assert len(said) == 2
    assert device.log == ["start", "stop"]


async def test_a_broker_that_refuses_is_not_well(
    tmp_path: Path, device: FakeDevice, broker: dict[str, str | None]
) -> None:
    """With its reason."""
    broker["problem"] = "[code:5] Not authorized"
    said: list[str] = []
    assert not await check(configuration(tmp_path), said.append)
    assert said[1] == "library/d-1: broker 127.0.0.1:1883: [code:5] Not authorized"


async def test_a_broker_that_is_not_there_is_not_well(tmp_path: Path, device: FakeDevice) -> None:
    """A real connection to a port where nobody listens."""
    said: list[str] = []
    assert not await check(configuration(tmp_path, port=1), said.append)
    assert "refused" in said[1]


async def test_the_device_is_built_as_it_would_be_run(
    tmp_path: Path, broker: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But without a memory: nothing that a running agent keeps is touched."""
    built: list[Surroundings] = []

    def build(settings: object, around: Surroundings) -> FakeDevice:
        built.append(around)
        return FakeDevice(FakeClock())

    monkeypatch.setattr("agents.drivers.build", build)
    await check(configuration(tmp_path), lambda _: None)
    assert [around.memory for around in built] == [None]
