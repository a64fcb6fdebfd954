"""Which module drives which device, and what is said where that can't be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agents import drivers
from agents.config import DeviceSettings, InvalidConfiguration
from agents.drivers import Surroundings
from agents.model import Device
from tests.agents.fakes import FakeClock

FILE = Path("/etc/laitevuoro/agent.toml")


def built(driver: str, own: dict[str, Any], *, folder: Path | None = None) -> Device:
    """Return the device of a driver with its own table."""
    settings = DeviceSettings.model_validate(
        {"site": "library", "id": "d-1", "kind": "pc", "driver": driver, driver: own}
    )
    file = folder / FILE.name if folder else FILE
    return drivers.build(settings, Surroundings(FakeClock(), file, memory=folder))


def test_each_driver_builds_its_device(tmp_path: Path) -> None:
    """And nothing is connected by that; paths are relative to the configuration."""
    (tmp_path / "key").write_text("0123456789abcdef\n")
    own = {"url": "http://127.0.0.1:5000", "api_key_file": "key"}
    assert built("pc", {}).rule == "pc/1"
    assert built("simulated", {"socket": "device.sock"}).rule == "simulated/1"
    assert built("octoprint", own, folder=tmp_path).rule == "octoprint/1"


@pytest.mark.parametrize(
    ("driver", "own", "says"),
    [
        ("simulated", {}, "simulated: socket: It is missing."),
        ("simulated", {"socket": "x", "speed": 2}, "simulated: speed: There is no such key."),
        ("pc", {"seat": 5}, "pc: seat: It must be a valid string, not 5."),
        (
            "octoprint",
            {"url": "ftp://x", "api_key_file": "x"},
            "octoprint: url: It must begin with http:// or https:// and name a host.",
        ),
        (
            "octoprint",
            {"url": "http://x", "api_key_file": "nowhere"},
            (
                "octoprint: api_key_file: can't read /etc/laitevuoro/nowhere: "
                "No such file or directory."
            ),
        ),
    ],
)
def test_what_is_wrong_in_a_drivers_table_is_said_in_one_sentence(
    driver: str, own: dict[str, Any], says: str
) -> None:
    """File, device, key and reason."""
    with pytest.raises(InvalidConfiguration) as raised:
        built(driver, own)
    assert str(raised.value) == f"{FILE}: device library/d-1: {says}"


def test_a_package_that_is_missing_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An agent installs without what its devices don't need."""
    for name in [name for name in sys.modules if name.startswith("agents.devices.pc")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "dbus_fast"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Lacking("dbus_fast"), *sys.meta_path])
    with pytest.raises(InvalidConfiguration) as raised:
        built("pc", {})
    place = f"{FILE}: device library/d-1: pc"
    assert str(raised.value).startswith(f"{place}: dbus_fast")
    assert str(raised.value).endswith(" is not installed: install laitevuoro[pc].")


def test_a_module_of_ours_that_is_missing_is_no_matter_of_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is our own fault, and must not be put down to the user."""
    for name in [name for name in sys.modules if name.startswith("agents.devices.simulated")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Lacking("agents.devices.simulated"), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError):
        built("simulated", {"socket": "x"})


class _Lacking:
    """An import finder on a machine that has no such module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse the name."""
        if name == self._name or name.startswith(f"{self._name}."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
