"""Stand-ins for what an agent has at its edges: clocks, a device, a broker's connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from agents.clock import Clock
from agents.link import LinkLost, Receive, Serve
from agents.model import SETTLED_MS, Answer, Observation, Order
from mqtt_schemas.base import DeviceLink, DeviceState, Message, utc_from_ms
from mqtt_schemas.codec import MODELS, decode, encode
from mqtt_schemas.events import ExtensionRequested, OrderOutcome, Step
from mqtt_schemas.messages import Status
from mqtt_schemas.topics import Address, Channel, device_topic

BOOT = "00000000-0000-0000-0000-00000000000a"
OTHER_BOOT = "00000000-0000-0000-0000-00000000000b"
ADDRESS = Address("library", "pc-1")
#: 2026-11-25T09:00Z
MORNING_MS = 1_795_597_200_000


@dataclass
class FakeClock:
    """Clocks that stand still until `pass_`. Either may be set to anything."""

    wall: int = MORNING_MS
    boot: int = 1_000_000
    boot_id: str = BOOT

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.wall

    def boot_ms(self) -> int:
        """Return the time since boot."""
        return self.boot

    def pass_(self, milliseconds: int) -> None:
        """Let time pass on both."""
        self.wall += milliseconds
        self.boot += milliseconds


@dataclass(frozen=True)
class Published:
    """What was published, and when by the loop's clock."""

    at: float
    channel: Channel
    payload: bytes
    qos: int
    retain: bool

    @property
    def seqs(self) -> list[int]:
        """The seqs of a batch of events."""
        return [event["seq"] for event in json.loads(self.payload)["events"]]


class FakeConnection:
    """A connection that keeps what is published. `gone`: as after a publish without PUBACK."""

    def __init__(self, connection_id: str = "0" * 32) -> None:
        self.id = connection_id
        self.published: list[Published] = []
        self.gone = False

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Keep it. Raises LinkLost."""
        if self.gone:
            raise LinkLost("gone")
        now = asyncio.get_running_loop().time()
        self.published.append(Published(now, channel, payload, qos, retain))

    def on(self, channel: Channel) -> list[Published]:
        """Return what was published on a channel."""
        return [each for each in self.published if each.channel is channel]


def free(clock: FakeClock) -> Observation:
    """Return that nobody uses the device now."""
    return Observation(clock.boot, DeviceLink.CONNECTED, DeviceState.FREE)


def used(clock: FakeClock, use: str = "u") -> Observation:
    """Return that somebody uses the device now."""
    return Observation(clock.boot, DeviceLink.CONNECTED, DeviceState.IN_USE, use=use, active=True)


def body(number: int) -> ExtensionRequested:
    """Return an event that can be told apart by its number."""
    return ExtensionRequested(
        rule="simulated/1",
        wall=utc_from_ms(MORNING_MS),
        boot_id=BOOT,
        boot_ms=1,
        seconds=number,
    )


class FakeDevice:
    """A device that shows what it is told to, and keeps the orders that it gets.

    silent: it hangs. answers: to orders by their step, else done. obeys: an ending order ends
    its use. `order_gate` holds orders back while it is clear.
    """

    rule = "simulated/1"
    closing = Step.END
    interval = 5.0
    settles_ms: int | None = SETTLED_MS

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.use: str | None = None
        self.state = DeviceState.FREE
        self.problems: tuple[str, ...] = ()
        self.silent = False
        self.obeys = True
        self.answers: dict[Step, Answer] = {}
        self.orders: list[Order] = []
        self.order_gate = asyncio.Event()
        self.order_gate.set()
        self.looks = 0
        self.log: list[str] = []
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Begin."""
        self.log.append("start")

    async def stop(self) -> None:
        """End."""
        self.log.append("stop")

    def show(self, use: str | None, state: DeviceState | None = None) -> None:
        """Have somebody use it, or nobody; it tells of the change."""
        self.use = use
        self.state = state or (DeviceState.IN_USE if use else DeviceState.FREE)
        self._changed.set()

    async def observe(self) -> Sequence[Observation]:
        """Return what it shows."""
        self._changed.clear()
        self.looks += 1
        if self.silent:
            await asyncio.Event().wait()
        return [
            Observation(
                at_ms=self.clock.boot_ms(),
                device_link=DeviceLink.CONNECTED,
                state=self.state,
                use=self.use,
                active=self.state is DeviceState.IN_USE,
                problems=self.problems,
            )
        ]

    async def changed(self) -> None:
        """Return when `show` was called."""
        await self._changed.wait()

    async def carry_out(self, order: Order) -> Answer:
        """Keep the order, and obey."""
        self.orders.append(order)
        await self.order_gate.wait()
        answer = self.answers.get(order.step, Answer(OrderOutcome.DONE))
        if self.obeys and answer.outcome is OrderOutcome.DONE:
            if order.step in (Step.END, Step.LOCK):
                self.show(None)
            elif order.step is Step.PAUSE:
                self.show(self.use, DeviceState.PAUSED)
        return answer


class LoopClock:
    """Clocks that run with the event loop's, for tests in virtual time."""

    def __init__(
        self, *, boot_id: str = BOOT, wall: int = MORNING_MS, boot: int = 1_000_000
    ) -> None:
        self.boot_id = boot_id
        self.wall = wall
        self.boot = boot

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.wall + self._passed()

    def boot_ms(self) -> int:
        """Return the time since boot."""
        return self.boot + self._passed()

    def _passed(self) -> int:
        return round(asyncio.get_running_loop().time() * 1000)


class FakeLink:
    """A link that is connected while `online` is set."""

    def __init__(self) -> None:
        self.connection = FakeConnection()
        self.online = asyncio.Event()
        self.online.set()
        self._receive: Receive | None = None

    async def run(self, serve: Serve, receive: Receive) -> None:
        """Serve the one connection."""
        self._receive = receive
        await self.online.wait()
        await serve(self.connection)

    def receive(self, message: Message) -> None:
        """Have a message come in, through the codec as a real one."""
        assert self._receive is not None
        channel = next(each for each, model in MODELS.items() if type(message) is model)
        self._receive(decode(device_topic(ADDRESS, channel), encode(message)))

    def statuses(self) -> list[Status]:
        """Return the statuses that were sent."""
        raws = [each.payload for each in self.connection.on(Channel.STATUS)]
        return [Status.model_validate_json(raw) for raw in raws]
