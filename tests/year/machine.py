"""A device and its agent in virtual time: the agents' real rules, no clock, disk or network."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from pydantic_core import from_json

from agents.cycle import Moment, Result, Setting, ask, cycle, resume, situation_of
from agents.enforcement import Situation, answered, next_due_ms
from agents.granting import Proof
from agents.model import Answer, Observation, Order, Reply, Request, UseEnd
from agents.requests import codes_for
from agents.schedule import Schedule
from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Outcome, ms_from_utc
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import Incoming, event_bytes, incoming
from mqtt_schemas.events import Ended, EventBody, Observed, OrderOutcome, Started, Step
from mqtt_schemas.plan import OutsideTurns, Plan
from mqtt_schemas.topics import Address
from tests.year.record import Use

_BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_DONE = Answer(OrderOutcome.DONE)
_FAILED = Answer(OrderOutcome.FAILED, "does_not_lock")
#: A session is split only once the device's word on before must be in (agents.cycle.SETTLED_MS).
_SETTLE_MS = 600


class Machine:
    """One device. Somebody sits down and leaves; all else the agent's rules decide.

    obeys: whether it ends a use when it is told to. pending: what its agent has logged and
    nobody has taken in yet. away: nothing of it comes or goes.
    """

    def __init__(self, address: Address, number: int, now_ms: int) -> None:
        self.address = address
        self.log = f"{number:08x}-0000-4000-8000-000000000000"
        self.obeys = True
        self.away = False
        self.plan: Plan | None = None
        self.waiting: Plan | None = None
        self.pending: list[Incoming] = []
        self.uses: list[Use] = []
        self.use: str | None = None
        self._seq = 0
        self._tip = first_link(self.log)
        self._uses = count(1)
        self._ids = (f"{number:x}-{each:x}" for each in count(1))
        self._schedule: Schedule | None = None
        self._ended: UseEnd | None = None
        self._began: dict[str, int] = {}
        self.state, _ = resume(None, self._moment(now_ms), "pc/1")

    @property
    def right(self) -> Basis | None:
        """By what right it is used now."""
        session = self.state.session
        return session.right.basis if session else None

    @property
    def turn(self) -> str | None:
        """The turn by which it is used now."""
        session = self.state.session
        return session.right.turn if session else None

    def hear(self, plan: Plan) -> None:
        """Be given a plan; one that is away finds it when it is back."""
        self.waiting = plan
        if not self.away:
            self.plan, self._schedule = plan, Schedule(plan)

    def come_back(self, now_ms: int) -> None:
        """Be reached again, and find the newest plan."""
        self.away = False
        if self.waiting is not None and self.waiting is not self.plan:
            self.hear(self.waiting)
        self.step(now_ms)

    def sit_down(self, now_ms: int) -> None:
        """Begin a use."""
        self.use = f"use-{next(self._uses)}"
        self.step(now_ms)

    def leave(self, now_ms: int) -> None:
        """End the use."""
        if self.use is not None:
            self._end(Outcome.CUSTOMER)
            self.step(now_ms)

    def ask(self, request: Request, now_ms: int, *, right: bool = True) -> Reply:
        """Ask the agent for something at the device; `right`: whether the code given is right."""
        setting, moment = self._setting(), self._moment(now_ms)
        codes = codes_for(self.state.memory, situation_of(self.state, moment, setting), request)
        proof = Proof(codes, right) if codes else None
        answered_ = ask(self.state, request, proof, moment, setting)
        self.state = answered_.state
        for body in answered_.events:
            self._add(body)
            self._keep(body)
        self.step(now_ms)
        return answered_.reply

    def step(self, now_ms: int) -> None:
        """Let the agent look, and carry out what it orders, until there is nothing more to do."""
        for _ in range(10):
            result = self._cycle(now_ms)
            self._log(result)
            for order in result.orders:
                self._obey(order, now_ms)
            if not result.orders and self._ended is None:
                return

    def due(self, now_ms: int) -> int | None:
        """Return when the agent must look again."""
        due = next_due_ms(self.state.memory, self._situation(now_ms))
        return now_ms + _SETTLE_MS if self.state.split is not None else due

    def take(self) -> tuple[Incoming, ...]:
        """Return what is pending, and forget it."""
        taken, self.pending = tuple(self.pending), []
        return taken

    @property
    def seq(self) -> int:
        """The newest event's number."""
        return self._seq

    def _setting(self) -> Setting:
        return Setting(
            rule="pc/1",
            closing=Step.LOCK,
            without_plan=OutsideTurns.CLOSED,
            schedule=self._schedule,
            new_id=lambda: next(self._ids),
        )

    def _cycle(self, now_ms: int) -> Result:
        ended, self._ended = self._ended, None
        seen = Observation(
            at_ms=now_ms,
            device_link=DeviceLink.CONNECTED,
            state=DeviceState.IN_USE if self.use else DeviceState.FREE,
            use=self.use,
            active=self.use is not None,
            ended=ended,
        )
        result = cycle(self.state, [seen], self._moment(now_ms), self._setting())
        self.state = result.state
        return result

    def _obey(self, order: Order, now_ms: int) -> None:
        ends = order.step in (Step.LOCK, Step.END, Step.PAUSE)
        if ends and self.obeys and self.use is not None:
            self._end(Outcome.TURN_OVER)
        answer = _FAILED if ends and not self.obeys else _DONE
        memory = answered(self.state.memory, order, answer, now_ms)
        self.state = replace(self.state, memory=memory)

    def _end(self, outcome: Outcome) -> None:
        self._ended = UseEnd(self.use or "", outcome)
        self.use = None

    def _log(self, result: Result) -> None:
        for body in result.events:
            if isinstance(body, Observed):
                continue  # a year of it; coverage has tests of its own
            self._add(body)
            self._keep(body)

    def _keep(self, body: EventBody) -> None:
        """Keep what was used, and by what right, as the checker reads it."""
        at_ms = ms_from_utc(body.wall)
        if isinstance(body, Started):
            self._began[body.session or ""] = at_ms
        elif isinstance(body, Ended):
            self.uses.append(
                Use(
                    device=self.address.device,
                    starts=self._began.pop(body.session or "", at_ms),
                    ends=at_ms,
                    basis=str(body.basis),
                    turn=body.turn,
                )
            )

    def _add(self, body: EventBody) -> None:
        self._seq += 1
        raw = event_bytes(self._seq, self._tip, body)
        self._tip = chain(raw)
        self.pending.append(incoming(from_json(raw)))

    def _situation(self, now_ms: int) -> Situation:
        return situation_of(self.state, self._moment(now_ms), self._setting())

    @staticmethod
    def _moment(now_ms: int) -> Moment:
        return Moment(now_ms=now_ms, boot_ms=now_ms, wall_ms=now_ms, boot_id=_BOOT, offset_ms=0)
