"""The units under systemd/, by systemd's own tools. tests/e2e starts them for real."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[1] / "systemd"


@pytest.mark.parametrize(
    ("unit", "exposure"),
    [("laitevuoro.service", 13), ("laitevuoro-agent.service", 17)],
)
def test_a_service_is_valid_and_shut_in(unit: str, exposure: int, tmp_path: Path) -> None:
    """No fault is found; the exposure, in tenths, is what the service's work needs."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed; tests/e2e asks it in a container")
    text = (UNITS / unit).read_text()
    program = text.split("ExecStart=")[1].split()[0]
    copy = tmp_path / unit
    copy.write_text(text.replace(program, sys.executable))
    for command in (
        ("verify", "--recursive-errors=no", copy),
        ("security", "--offline=true", f"--threshold={exposure}", copy),
    ):
        done = subprocess.run((analyze, *command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_a_service_always_comes_back(unit: str) -> None:
    """It is started again after whatever end, for ever, and takes no more than its share."""
    lines = (UNITS / unit).read_text().splitlines()
    assert {"Restart=always", "StartLimitIntervalSec=0"} <= set(lines)
    assert any(line.startswith("MemoryMax=") for line in lines)


@pytest.mark.parametrize("unit", ["laitevuoro.service", "laitevuoro-agent.service"])
def test_a_system_service_says_when_it_is_ready_and_alive(unit: str) -> None:
    """It notifies, is watched, and gets its secrets as credentials, never by its command line."""
    lines = (UNITS / unit).read_text().splitlines()
    assert "Type=notify" in lines
    for key in ("WatchdogSec=", "LoadCredential=", "StateDirectory=", "User="):
        assert any(line.startswith(key) for line in lines)
    (command,) = (line for line in lines if line.startswith("ExecStart="))
    assert command.rsplit(" ", 2)[1] == "--config"
