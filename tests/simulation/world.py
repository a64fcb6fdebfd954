"""What every part of a simulation shares: the seed, the time, the trace, and what was found."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.simulation.loop import Process, SimulatedLoop

#: 2026-10-24T22:00:00Z: Helsinki leaves summer time three hours later.
BEGAN_MS = 1_792_879_200_000


class World:
    """One simulated library's surroundings.

    findings: what is wrong, one sentence each. faults: what was done to it, by kind. healed:
    no more faults. over: nothing is recorded any more.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.loop = SimulatedLoop()  # type: ignore[abstract]  # the rest needs sockets and threads
        self.findings: list[str] = []
        self.faults: Counter[str] = Counter()
        self.healed = False
        self.over = False
        self.lines: list[str] = []
        self.processes: list[Process] = []
        self._hash = hashlib.sha256()

    @property
    def now_ms(self) -> int:
        """Whole milliseconds since the simulation began."""
        return round(self.loop.now * 1000)

    @property
    def trace_hash(self) -> str:
        """What all that has happened comes to: equal for equal runs."""
        return self._hash.hexdigest()

    def trace(self, what: str) -> None:
        """Note what happens."""
        line = f"{self.now_ms / 1000:10.3f} {self.loop.steps:7} {what}"
        self._hash.update(line.encode())
        self.lines.append(line)

    def find(self, what: str) -> None:
        """Note that something is wrong."""
        if not self.over:
            self.findings.append(f"at {self.now_ms / 1000:.3f} s: {what}")
            self.trace(f"FINDING {what}")

    def fault(self, kind: str, what: str) -> None:
        """Note a fault that was made."""
        self.faults[kind] += 1
        self.trace(f"fault {kind}: {what}")

    def process(self, name: str, killed: Callable[[], None]) -> Process:
        """Return a new process."""
        process = Process(name, killed=killed)
        self.processes.append(process)
        return process

    def uuid(self) -> str:
        """Return a UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def hex(self) -> str:
        """Return 128 random bits."""
        return f"{self.random.getrandbits(128):032x}"

    def chance(self, probability: float) -> bool:
        """Tell whether something happens that happens so often."""
        return self.random.random() < probability

    def between(self, low: float, high: float) -> float:
        """Return a number between two."""
        return self.random.uniform(low, high)
