"""A device and whoever stands in front of it, by the agent's rules alone, for their tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from agents.cycle import Moment, Setting, State, ask, cycle, resume, situation_of, snapshot
from agents.enforcement import Decision, answered
from agents.granting import Proof
from agents.model import Answer, Observation, Order, Reply, Request
from agents.requests import codes_for
from agents.schedule import Schedule
from mqtt_schemas.base import DeviceLink, DeviceState
from mqtt_schemas.events import EventBody, OrderOutcome, Step
from mqtt_schemas.plan import HashedCode, OutsideTurns, Plan

BOOT = "00000000-0000-0000-0000-00000000000a"
DONE = Answer(OrderOutcome.DONE)


class Desk:
    """One device. Times are seconds of plan time, which boot time runs with.

    obeys: a use ends when it is told to. clears: so it does what it says when it is cleared.
    """

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.now_ms = 0
        self.use: str | None = None
        self.state = DeviceState.FREE
        self.obeys = self.clears = True
        self.events: list[EventBody] = []
        self.orders: list[tuple[int, Order]] = []
        ids = count(1)
        self.new_id: Callable[[], str] = lambda: f"own-{next(ids)}"
        self.agent: State = resume(None, self._moment(), "simulated/1")[0]
        self.decision: Decision | None = None

    def at(self, now_s: float) -> Decision:
        """Go on to a time, second by second."""
        until_ms = round(now_s * 1000)
        while True:
            decision = self._look()
            if self.now_ms >= until_ms:
                return decision
            self.now_ms = min(until_ms, self.now_ms + 1000)

    def ask(self, request: Request, *, right: bool = True) -> Reply:
        """Ask for something; of codes that are asked for, the right one is given or not."""
        setting = self._setting()
        situation = situation_of(self.agent, self._moment(), setting)
        proof = Proof(codes_for(self.agent.memory, situation, request), right)
        come = ask(self.agent, request, proof, self._moment(), setting)
        self.agent = come.state
        self.events += come.events
        self._look()
        return come.reply

    def asked_for(self, request: Request) -> tuple[HashedCode, ...]:
        """Return the codes that a request is held against."""
        situation = situation_of(self.agent, self._moment(), self._setting())
        return codes_for(self.agent.memory, situation, request)

    def sit_down(self, use: str = "u") -> None:
        """Have somebody use it."""
        self.use, self.state = use, DeviceState.IN_USE
        self._look()

    def leave(self, state: DeviceState = DeviceState.FREE) -> None:
        """Have nobody use it."""
        self.use, self.state = None, state
        self._look()

    def restart(self) -> None:
        """Start the agent anew from what it saved."""
        saved = snapshot(self.agent, self._moment())
        self.agent, told = resume(saved, self._moment(), "simulated/1")
        self.events += told
        self._look()

    def of(self, kind: type[EventBody]) -> list[EventBody]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def phrases(self, *steps: Step) -> list[tuple[float, str | None]]:
        """Return when what was said, in seconds."""
        return [(at / 1000, order.phrase) for at, order in self.orders if order.step in steps]

    @property
    def free(self) -> bool:
        """Whether nobody uses it and nothing is on it."""
        return self.state is DeviceState.FREE

    @property
    def open(self) -> bool:
        """Whether it may be used."""
        assert self.decision is not None
        return self.decision.access.open

    def _look(self) -> Decision:
        for _ in range(5):
            result = cycle(self.agent, [self._seen()], self._moment(), self._setting())
            self.agent, self.decision = result.state, result.decision
            self.events += result.events
            self._obey(result.orders)
            if not result.orders:
                break
        return result.decision

    def _obey(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self.orders.append((self.now_ms, order))
            if order.step in (Step.END, Step.LOCK) and self.obeys:
                self.use, self.state = None, DeviceState.FREE
            if order.step is Step.CLEAR and self.obeys and self.clears:
                self.state = DeviceState.FREE
            ends = order.step in (Step.END, Step.LOCK, Step.CLEAR)
            answer = DONE if self.obeys or not ends else Answer(OrderOutcome.FAILED, "stuck")
            memory = answered(self.agent.memory, order, answer, self.now_ms)
            self.agent = replace(self.agent, memory=memory)

    def _seen(self) -> Observation:
        active = self.state is DeviceState.IN_USE
        return Observation(
            self.now_ms, DeviceLink.CONNECTED, self.state, use=self.use, active=active
        )

    def _setting(self) -> Setting:
        return Setting(
            rule="simulated/1",
            closing=Step.END,
            without_plan=OutsideTurns.CLOSED,
            schedule=Schedule(self.plan) if self.plan else None,
            new_id=self.new_id,
        )

    def _moment(self) -> Moment:
        return Moment(self.now_ms, self.now_ms, self.now_ms, BOOT, 0)
