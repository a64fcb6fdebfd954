"""A device with customers, an exact journal of what they do, and what an agent sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.clock import Clock
from agents.model import SETTLED_MS, Answer, Ask, Observation, Order, UseEnd
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from tests.simulation.people import ask_again_and_again
from tests.simulation.world import World


@dataclass(slots=True)
class Span:
    """Time of one use, in milliseconds of the world. to_ms: None while it lasts.

    parked: paused by order, so maybe nobody's use.
    """

    from_ms: int
    active: bool
    to_ms: int | None = None
    parked: bool = False


@dataclass(slots=True)
class Use:
    """One true use of a device."""

    id: str
    spans: list[Span] = field(default_factory=list)

    def time(self, from_ms: int, to_ms: int, *, active: bool | None = None) -> int:
        """Return the true milliseconds of it in an interval: all, or only (in)active ones."""
        total = 0
        for span in self.spans:
            assert span.to_ms is not None
            if active is None or span.active is active:
                total += max(0, min(to_ms, span.to_ms) - max(from_ms, span.from_ms))
        return total


class Device:
    """The true device.

    apart: it has power of its own and goes on while the agent's machine is off or asleep.
    asleep: nothing happens at it. away: the agent can't reach it. silent: it hangs: nothing
    happens at it, and it answers nothing.
    obeys: it ends a use when it is told to. remembers: what an agent missed while it was
    away, with the device's own stamps.
    """

    def __init__(self, world: World, name: str, *, apart: bool, remembers: bool) -> None:
        self.name = name
        self.apart = apart
        self.remembers = remembers
        self.journal: list[Use] = []
        self.open = False
        self.asleep = self.away = self.silent = False
        self.silences = 0
        self.obeys = True
        self.closed_for_good = False
        self.driver: Driver | None = None
        self._world = world
        self._use: Use | None = None
        self._paused = False
        self._visit = 0
        world.loop.at(world.between(0, 10), self._maybe_arrive)

    # --- customers

    def _maybe_arrive(self) -> None:
        if self.closed_for_good:
            return
        world = self._world
        world.loop.at(world.between(1, 15), self._maybe_arrive)
        intrudes = world.chance(0.05)
        if self._use is None and not self._stands_still and (self.open or intrudes):
            self._begin()

    def _begin(self) -> None:
        world = self._world
        self._visit += 1
        self._use = Use(world.hex())
        self._paused = False
        self.journal.append(self._use)
        self._span(active=world.chance(0.8))
        self._tell(None)
        world.loop.at(world.between(0.2, 30), self._go_on, self._visit)

    def _go_on(self, visit: int) -> None:
        world = self._world
        if visit != self._visit or self._use is None:
            return
        if self._stands_still:
            world.loop.at(5, self._go_on, visit)
            return
        if world.chance(0.25):
            self.end(Outcome.CUSTOMER)
            return
        if not self._paused:
            self._span(active=not self._use.spans[-1].active)
            self._tell(None)
        world.loop.at(world.between(0.2, 30), self._go_on, visit)

    @property
    def _stands_still(self) -> bool:
        return self.asleep or self.silent

    def _span(self, *, active: bool | None) -> None:
        assert self._use is not None
        now = self._world.now_ms
        if self._use.spans:
            self._use.spans[-1].to_ms = now
        if active is not None:
            self._use.spans.append(Span(now, active, parked=self._paused))

    def end(self, outcome: Outcome) -> None:
        """End the present use, if there is one."""
        if self._use is None:
            return
        ended = UseEnd(self._use.id, outcome)
        self._world.trace(f"{self.name} use {self._use.id[:6]} ends: {outcome}")
        self._span(active=None)
        self._use = None
        self._paused = False
        self._tell(ended)

    def close_down(self) -> None:
        """Let no more customers in, and send the last one home."""
        self.closed_for_good = True
        self.end(Outcome.CUSTOMER)

    def lose_power(self) -> None:
        """Go dark together with the machine."""
        self.driver = None
        self.open = False
        self.end(Outcome.POWER_LOSS)

    # --- what the agent's driver asks

    def condition(self, at_ms: int, ended: UseEnd | None = None) -> Observation:
        """Return what holds at the device, as seen when it can be reached."""
        use = self._use
        state = DeviceState.FREE
        if use is not None:
            state = DeviceState.PAUSED if self._paused else DeviceState.IN_USE
        active = use is not None and use.spans[-1].active
        return Observation(
            at_ms, DeviceLink.CONNECTED, state, use.id if use else None, active, ended=ended
        )

    def reach(self, *, away: bool) -> None:
        """Go out of the agent's reach, or come back."""
        self.away = away
        if self.driver is not None:
            self.driver.reached(away=away)

    def obey(self, order: Order) -> Answer:
        """Carry out an order."""
        if order.step in (Step.OPEN, Step.CLOSE):
            self.open = order.step is Step.OPEN
        elif order.step in (Step.END, Step.LOCK):
            if not self.obeys:
                return Answer(OrderOutcome.FAILED, "does_not_end")
            self.end(Outcome.UNKNOWN)
        elif order.step is Step.PAUSE and self._use is not None:
            if not self.obeys:
                return Answer(OrderOutcome.FAILED, "does_not_pause")
            self._paused = True
            self._span(active=False)
            self._tell(None)
        return Answer(OrderOutcome.DONE)

    def _tell(self, ended: UseEnd | None) -> None:
        if self.driver is not None:
            self.driver.tell(ended)


class Driver:
    """An agent's end of the device: agents.model.Device."""

    rule = "simulated/1"
    closing = Step.END
    settles_ms: int | None = SETTLED_MS

    def __init__(self, world: World, device: Device, clock: Clock) -> None:
        self.interval = world.random.choice([2.0, 5.0, 15.0])
        self._world = world
        self._device = device
        self._clock = clock
        self._news: list[Observation] = []
        self._missed: list[Observation] = []
        self._fresh = asyncio.Event()
        self._seen_use: str | None = None
        self._ask: Ask | None = None
        self._people: asyncio.Task[None] | None = None

    def take_requests(self, ask: Ask) -> None:
        """Have people's requests answered by `ask`."""
        self._ask = ask

    async def start(self) -> None:
        """Begin to watch. From now on people ask for things."""
        self._device.driver = self
        if self._ask is not None and not self._device.closed_for_good:
            people = ask_again_and_again(self._world, self._device.name, self._ask)
            self._people = asyncio.create_task(people)
        self._news = [self._away() if self._device.away else self._present()]

    async def stop(self) -> None:
        """Let go."""
        if self._people is not None:
            self._people.cancel()
        if self._device.driver is self:
            self._device.driver = None

    async def observe(self) -> Sequence[Observation]:
        """Return what is new, or how it is."""
        self._fresh.clear()
        await self._answer_of_device()
        await asyncio.sleep(self._world.between(0.0, 0.02))
        news, self._news = self._news, []
        if not news:
            news = [self._away() if self._device.away else self._present()]
        self._seen_use = news[-1].use
        return news

    async def changed(self) -> None:
        """Return when there is something new."""
        await self._fresh.wait()

    async def carry_out(self, order: Order) -> Answer:
        """Have the device carry out an order."""
        await asyncio.sleep(self._world.between(0.001, 0.5))
        await self._answer_of_device()
        if self._device.away:
            return Answer(OrderOutcome.FAILED, "disconnected")
        self._world.trace(f"{self._device.name} is told to {order.step}")
        return self._device.obey(order)

    async def _answer_of_device(self) -> None:
        while self._device.silent:  # noqa: ASYNC110 - as a driver that polls
            await asyncio.sleep(0.5)

    def tell(self, ended: UseEnd | None) -> None:
        """Hear of a change, stamped as it happens."""
        observation = self._present(ended)
        if self._device.away:
            self._missed.append(observation)
        else:
            self._say(observation)

    def reached(self, *, away: bool) -> None:
        """Hear that the device has gone out of reach, or has come back."""
        if away:
            last = self._news[-1].use if self._news else self._seen_use
            self._missed = []
            ended = UseEnd(last, Outcome.UNKNOWN) if last else None
            self._say(self._away(ended))
            return
        if self._device.remembers:
            for each in self._missed:
                self._say(each)
        self._missed = []
        self._say(self._present())

    def _say(self, observation: Observation) -> None:
        self._news.append(observation)
        self._world.loop.at(0.0, self._fresh.set)

    def _present(self, ended: UseEnd | None = None) -> Observation:
        return self._device.condition(self._clock.boot_ms(), ended)

    def _away(self, ended: UseEnd | None = None) -> Observation:
        return Observation(
            self._clock.boot_ms(), DeviceLink.DISCONNECTED, DeviceState.OFF, ended=ended
        )
