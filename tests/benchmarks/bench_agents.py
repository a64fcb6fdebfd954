"""What the agents cost a machine that has other work: memory and idle CPU, side by side."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.registry import Result, benchmark
from tests.e2e.brokers import Broker
from tests.e2e.library import Library, Process, Spec
from tests.e2e.octoprint import OctoPrint, installed

SECONDS = 60.0
#: Let the start-up's own work be over.
SETTLE = 10.0
#: The design's budget: mebibytes resident, as `ps` and systemd count, and percent of a core.
#: For the CPU of the printer's agent, which asks OctoPrint every other second, it sets none.
BUDGET_MIB, BUDGET_CPU = 45.0, 0.1
BUDGET_OCTOPRINT_MIB, BUDGET_OCTOPRINT_CPU = 55.0, 0.25


@benchmark
def agent_footprint() -> Iterator[Result]:
    """Measure each agent over a minute in which nobody uses its device."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        broker = Broker("nats", folder / "broker")
        broker.admit()
        broker.start()
        octoprint = OctoPrint(program=installed(), folder=folder / "octoprint")
        octoprint.start()
        own = {"url": octoprint.url, "api_key_file": str(octoprint.api_key_file)}
        library = Library(
            broker,
            folder,
            [
                Spec("pc-1", kind="pc", driver="pc"),
                Spec("vr-1", script="[[visit]]\ndoes = [{ active = 1 }]\n"),
                Spec("printer-1", kind="printer", driver="octoprint", own=own),
            ],
        )
        try:
            library.start()
            yield from _measure(library.agents)
        finally:
            library.stop()
            octoprint.stop()
            broker.stop()


def _measure(agents: dict[str, Process]) -> Iterator[Result]:
    time.sleep(SETTLE)
    before = {name: _cpu_seconds(agent.pid) for name, agent in agents.items()}
    time.sleep(SECONDS)
    for name, agent in agents.items():
        used = _cpu_seconds(agent.pid) - before[name]
        printer = name.startswith("printer")
        yield Result(
            name=f"resident memory of the agent of {name}",
            value=_resident_mib(agent.pid),
            unit="MiB",
            limit=BUDGET_OCTOPRINT_MIB if printer else BUDGET_MIB,
            at_most=1.0,
        )
        yield Result(
            name=f"idle CPU of the agent of {name}",
            value=100 * used / SECONDS,
            unit="% of a core",
            limit=BUDGET_OCTOPRINT_CPU if printer else BUDGET_CPU,
            at_most=1.0,
        )


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all its threads, in nanoseconds' resolution.

    The clock id is what clock_getcpuclockid(3) makes of a process id; /proc counts ticks of
    10 ms, a sixth of the budget.
    """
    return time.clock_gettime((~pid << 3) | 2)
