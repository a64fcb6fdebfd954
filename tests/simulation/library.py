"""A whole simulated library, and what is done to it: a seed decides everything."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agents.outbox import Outbox
from mqtt_schemas.plan import AtEnd, OutsideTurns
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import CheckInBy, Policy
from orchestrator.domain.devices import Device as Planned
from tests.simulation.device import Device
from tests.simulation.faults import Faults
from tests.simulation.loop import Stuck
from tests.simulation.machine import Machine
from tests.simulation.network import AgentLink, Broker, Weather
from tests.simulation.oracle import examine
from tests.simulation.server import InlineWriter, Server
from tests.simulation.world import World

#: Virtual seconds in which everything must have been told, once all is well again.
PATIENCE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The real parts under test; a mutation replaces one of them."""

    outbox: type[Outbox] = Outbox
    writer: type[InlineWriter] = InlineWriter
    link: Callable[..., AgentLink] = AgentLink


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    findings: what is wrong. lines: the trace. sessions: true uses. points: how often the first
    agent and the orchestrator could have been killed.
    """

    seed: int
    findings: list[str]
    faults: dict[str, int]
    trace_hash: str
    lines: list[str] = field(repr=False)
    steps: int = 0
    seconds: float = 0.0
    sessions: int = 0
    points: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say what was found."""
        found = "\n".join(f"  {each}" for each in self.findings) or "  nothing"
        return f"seed {self.seed} (faults {self.faults}) found\n{found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is done to a library. By default the seed decides everything.

    kinds: of faults, by their names in faults.py. calm: half a minute on a good network. kill:
    the agent or the orchestrator, at such a callback or such a write of its first process.
    """

    kinds: Sequence[str] | None = None
    calm: bool = False
    kill: Literal["agent", "orchestrator"] | None = None
    at_step: int | None = None
    at_write: int | None = None


#: Nothing is broken; the seed decides everything.
REAL, RANDOM = Parts(), Scenario()


def simulate(
    seed: int, folder: Path, *, parts: Parts = REAL, scenario: Scenario = RANDOM
) -> Outcome:
    """Run a library through its faults until all is told, and examine what was counted."""
    gc.disable()  # no finaliser at a moment of its own choosing
    try:
        library = Library(seed, folder, parts, scenario)
        library.run()
        return library.outcome()
    finally:
        gc.enable()


class Library:
    """One orchestrator, one broker, one to three devices."""

    def __init__(self, seed: int, folder: Path, parts: Parts, scenario: Scenario) -> None:
        random.seed(seed)  # the links' jitter
        self.scenario = scenario
        self.world = world = World(seed, folder)
        self.broker = Broker(world, Weather())
        self.machines: list[Machine] = []
        planned: dict[Address, Planned] = {}
        for number in range(1 if scenario.calm else world.random.choice([1, 1, 2, 3])):
            address = Address("paja", f"device-{number}")
            policy = _policy(world)
            planned[address] = Planned(address, "simulated", policy, address.device)
            device = Device(
                world, str(address), apart=world.chance(0.5), remembers=world.chance(0.5)
            )
            self.machines.append(
                Machine(
                    world,
                    broker=self.broker,
                    device=device,
                    address=address,
                    without_plan=world.random.choice([OutsideTurns.OPEN, OutsideTurns.CLOSED]),
                    outbox=parts.outbox,
                    link=parts.link,
                )
            )
        self.server = Server(world, broker=self.broker, devices=planned, writer=parts.writer)
        self.faults = Faults(world, self.broker, self.machines, self.server, scenario.kinds)

    def run(self) -> None:
        """Let it run: faults, healing, silence, examination."""
        try:
            self._run()
        finally:
            self.world.over = True
            self.world.loop.bury(self.world.processes)

    def _run(self) -> None:
        world, loop, calm = self.world, self.world.loop, self.scenario.calm
        self.server.start()
        for machine in self.machines:
            machine.boot()
        self._aim()
        if not calm:
            self.faults.begin()
        until = 30.0 if calm else world.between(60, 400)
        loop.run(lambda: loop.now >= until or bool(world.findings))
        world.trace("healed")
        self.faults.heal()
        try:
            loop.run(self._quiet_after(loop.now + (10.0 if calm else 60.0)))
            for machine in self.machines:
                machine.device.close_down()
            loop.run(self._quiet_after(loop.now + (10.0 if calm else 60.0)))
            end = loop.now + PATIENCE
            loop.run(lambda: self._drained() or loop.now > end or bool(world.findings))
        except Stuck:
            world.find("everything waits for what will never come")
        for problem in loop.problems:
            world.find(problem)
        examine(self)

    def _aim(self) -> None:
        """Have a process killed where the scenario says so."""
        scenario, one = self.scenario, self.machines[0]
        if scenario.kill is not None:
            process = one.process if scenario.kill == "agent" else self.server.process
            disk = one.disk if scenario.kill == "agent" else self.server.disk
            assert process is not None
            process.kill_at, disk.kill_at = scenario.at_step, scenario.at_write

    def outcome(self) -> Outcome:
        """Return what came of it."""
        world = self.world
        return Outcome(
            seed=world.seed,
            findings=world.findings,
            faults=dict(world.faults),
            trace_hash=world.trace_hash,
            lines=world.lines,
            steps=world.loop.steps,
            seconds=world.loop.now,
            points=self._points(),
            sessions=sum(len(machine.device.journal) for machine in self.machines),
        )

    def _points(self) -> dict[str, int]:
        """Return how many callbacks and writes there were to be killed at."""
        first = {process.name: process.steps for process in reversed(self.world.processes)}
        return {
            "agent steps": first[f"agent {self.machines[0].name}"],
            "agent writes": self.machines[0].disk.writes,
            "orchestrator steps": first["orchestrator"],
            "orchestrator writes": self.server.disk.writes,
        }

    def _quiet_after(self, end: float) -> Callable[[], bool]:
        return lambda: self.world.loop.now >= end or bool(self.world.findings)

    def _drained(self) -> bool:
        outboxes = [machine.outbox for machine in self.machines]
        told = all(box is not None and box.acknowledged == box.last for box in outboxes)
        ingest = self.server.ingest
        return told and ingest is not None and not ingest.backlog


def _policy(world: World) -> Policy:
    choose = world.random.choice
    return Policy(
        at_end=choose(list(AtEnd)),
        outside_turns=choose([OutsideTurns.OPEN, OutsideTurns.OPEN, OutsideTurns.CLOSED]),
        after_expiry=choose([OutsideTurns.OPEN, OutsideTurns.CLOSED]),
        warn_before=(20, 5),
        grace=choose([0, 5]),
        check_in=choose([CheckInBy.NONE, CheckInBy.NONE, CheckInBy.CODE, CheckInBy.STAFF]),
        check_in_within=choose([15, 60]),
        walk_in=choose([0, 20, 90]),
    )
