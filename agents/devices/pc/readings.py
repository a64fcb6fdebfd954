"""A few figures of the machine for the status: cheap to read, never counted."""

from __future__ import annotations

from pathlib import Path


def readings(proc: Path) -> dict[str, float]:
    """Return load over the last minute, memory available and time since boot.

    What can't be read is left out.
    """
    found: dict[str, float] = {}
    for name, file, find in (
        ("load1", "loadavg", _first),
        ("uptime_seconds", "uptime", _first),
        ("memory_available_bytes", "meminfo", _available),
    ):
        try:
            found[name] = find((proc / file).read_text())
        except (OSError, ValueError, IndexError):
            continue
    return found


def _first(text: str) -> float:
    return float(text.split(maxsplit=1)[0])


def _available(meminfo: str) -> float:
    """Return MemAvailable of proc(5) in bytes. Raises ValueError where the kernel has none."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    raise ValueError("no MemAvailable")
