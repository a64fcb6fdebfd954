"""How many events a second are counted for good, against what SQLite does on the same disk.

The limit is taken just before and just after each run: a disk that others use as well is not
the same for long. Told is the run whose ratio is the median.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

from mqtt_schemas.messages import MAX_EVENTS
from mqtt_schemas.topics import Address
from orchestrator.places import DATABASE
from tests.benchmarks import life
from tests.benchmarks.raw_sqlite import rows_a_second
from tests.benchmarks.registry import Result, benchmark
from tests.e2e.brokers import SITE, Broker
from tests.e2e.library import Library, Spec

RUNS = 5
AGENTS = 20
#: Events of each of them.
BACKLOG = 2_500
LIVE = 5_000
#: LAITEVUORO_BENCH_FULL=1 measures rebuild and recovery at the size of the issue, in minutes.
FULL = os.environ.get("LAITEVUORO_BENCH_FULL") == "1"
RECOVERED = 100_000 if FULL else 10_000
REBUILT = 1_000_000 if FULL else 100_000
#: Events a second: a million are rebuilt in 200 s, and an agent that comes back with a hundred
#: thousand, the most that it keeps, has told them all in half a minute.
REBUILT_AT_LEAST, RECOVERED_AT_LEAST = 5_000, 3_300


@benchmark
def intake_of_a_backlog() -> Iterator[Result]:
    """Measure events a second from 20 agents' outboxes, in batches of 50, to all acknowledged."""

    def run() -> tuple[float, float]:
        with _library([f"pc-{n}" for n in range(AGENTS)]) as library:
            for device in library.specs:
                life.fill(_state(library, device), device, BACKLOG)
            limit = _limit(library.folder, batch=MAX_EVENTS, rows=AGENTS * BACKLOG)
            before = limit()
            [seconds] = _run(library, "senders")
            assert library.events()["accepted"] >= AGENTS * BACKLOG
            return AGENTS * BACKLOG / seconds, mean((before, limit()))

    value, limit = _median(run)
    yield Result(
        name=f"events a second from the backlogs of {AGENTS} agents, against raw SQLite in 50s",
        value=value,
        unit="1/s",
        limit=limit,
        at_least=0.2,
    )


@benchmark
def one_live_agent() -> Iterator[Result]:
    """Measure events a second of one agent that commits and sends each as it happens."""

    def run() -> tuple[float, float]:
        with _library(["pc-1"]) as library:
            limit = _limit(library.folder, batch=1, rows=LIVE)
            before = limit()
            seconds, messages = _run(library, "live_agent", str(LIVE))
            sys.stderr.write(f"{LIVE / messages:.1f} events a message\n")
            assert library.events()["accepted"] == LIVE
            return LIVE / seconds, mean((before, limit()))

    value, limit = _median(run)
    yield Result(
        name="events a second of one live agent, against raw SQLite one at a time",
        value=value,
        unit="1/s",
        limit=limit,
        at_least=0.3,
    )


@benchmark
def recovery_of_one_agent() -> Iterator[Result]:
    """Measure events a second of one agent that was alone for long."""
    with _library(["pc-1"]) as library:
        life.fill(_state(library, "pc-1"), "pc-1", RECOVERED)
        [seconds] = _run(library, "senders")
        assert library.events()["accepted"] >= RECOVERED
    yield Result(
        name=f"events a second of one agent that comes back with {RECOVERED:,}",
        value=RECOVERED / seconds,
        unit="1/s",
        limit=RECOVERED_AT_LEAST,
        at_least=1.0,
    )


@benchmark
def rebuild() -> Iterator[Result]:
    """Measure `laitevuoro rebuild`: sessions, totals and coverage again from the event log."""
    with _library([f"pc-{n}" for n in range(AGENTS)]) as library:
        library.orchestrator.stop()
        for device in library.specs:
            life.fill_log(library.folder / "state" / DATABASE, device, REBUILT // AGENTS)
        began = time.perf_counter()
        library.command("rebuild", within=3600)
        seconds = time.perf_counter() - began
    yield Result(
        name=f"events a second of `laitevuoro rebuild` of {REBUILT:,}",
        value=REBUILT / seconds,
        unit="1/s",
        limit=REBUILT_AT_LEAST,
        at_least=1.0,
    )


def _median(run: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """Return value and limit of the run with the median ratio."""
    runs = sorted((run() for _ in range(RUNS)), key=lambda each: each[0] / each[1])
    told = ", ".join(f"{value:,.0f} of {limit:,.0f}" for value, limit in runs)
    sys.stderr.write(f"{told}\n")
    return runs[RUNS // 2]


def _limit(folder: Path, *, batch: int, rows: int) -> Callable[[], float]:
    events = life.stored(600)
    return lambda: rows_a_second(folder, events, batch=batch, rows=rows)


@contextmanager
def _library(devices: Sequence[str]) -> Iterator[Library]:
    """Give a running orchestrator, and `agents.toml` of one agent that has all devices."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        broker = Broker("mosquitto", folder / "broker")
        broker.admit()
        broker.start()
        library = Library(broker, folder, [Spec(device, kind="pc") for device in devices])
        try:
            library.write()
            library.start_orchestrator()
            _write_agents(library)
            yield library
        finally:
            library.stop()
            broker.stop()


def _write_agents(library: Library) -> None:
    lines = [f'state_dir = "agents"\n[broker]\nport = {library.broker.port}']
    lines += [
        f'[[device]]\nsite = "{SITE}"\nid = "{device}"\nkind = "pc"\ndriver = "simulated"\n'
        f'password_file = "{device}.secret"\n[device.simulated]\nsocket = "nobody.sock"'
        for device in library.specs
    ]
    (library.folder / "agents.toml").write_text("\n".join(lines))


def _state(library: Library, device: str) -> Path:
    return library.folder / "agents" / Address(SITE, device).user


def _run(library: Library, module: str, *words: str) -> list[float]:
    """Run a process of agents, once it is ready; return the figures that it prints."""
    config = str(library.folder / "agents.toml")
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", config, *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            return [float(figure) for figure in process.stdout.readline().split()]
        finally:
            process.kill()
