"""Figures of the machine."""

from __future__ import annotations

from pathlib import Path

from agents.devices.pc.readings import readings


def test_the_machines_own_figures_are_read(tmp_path: Path) -> None:
    """Names carry their unit; memory is in bytes."""
    (tmp_path / "loadavg").write_text("0.52 0.58 0.59 1/389 12345\n")
    (tmp_path / "uptime").write_text("350735.47 234388.90\n")
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\nMemFree: 1 kB\nMemAvailable: 4 kB\n")
    assert readings(tmp_path) == {
        "load1": 0.52,
        "uptime_seconds": 350735.47,
        "memory_available_bytes": 4096.0,
    }


def test_what_cant_be_read_is_left_out(tmp_path: Path) -> None:
    """A missing, empty or strange file takes only its own figure away."""
    (tmp_path / "loadavg").write_text("")
    (tmp_path / "uptime").write_text("soon\n")
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\n")
    assert readings(tmp_path) == {}


def test_this_machine_can_be_read() -> None:
    """The real /proc has them all."""
    found = readings(Path("/proc"))
    assert set(found) == {"load1", "uptime_seconds", "memory_available_bytes"}
    assert found["memory_available_bytes"] > 1e6
