"""What the agent's parts say to each other: observations, orders, and the Device protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step

#: So long the word of a device on what was before a moment may take, where its driver stamps it.
SETTLED_MS = 500


@dataclass(frozen=True, slots=True)
class UseEnd:
    """How a use ended, as the device itself knows it."""

    use: str
    outcome: Outcome
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """What holds at the device from `at_ms` on, until the next observation.

    at_ms: CLOCK_BOOTTIME in milliseconds; the device's own stamp where it has one.
    use: what tells one use from the next (a print job, a login session); None where nobody
        uses the device. The same over a restart of the agent, where the device can tell. It
        never leaves the machine.
    active: somebody is doing something (a paused print or an idle desktop is not active).
    category: of the software in front, from the contract's words; only while active.
    figures: of the ongoing use, whole numbers with their unit in the name (`filament_mm`).
    ended: given once, with the first observation after the end of that use.
    readings: for status only, never counted (`nozzle_celsius`).
    problems: what can't be seen or done here (`no_system_bus`); code words.
    """

    at_ms: int
    device_link: DeviceLink
    state: DeviceState
    use: str | None = None
    active: bool = False
    category: str | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    ended: UseEnd | None = None
    readings: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Something that the device is to do, once or again: carrying it out twice does no harm.

    open/close: the device may, or may not, be used from now on. warn: `seconds_left` are left
    of the turn. notice: show `phrase`. lock/end/pause: of the present use. clear: what the last
    use made was taken away, so the device is free.
    `phrase` says why, for the person at the device, in a code word of the agents' list.
    """

    step: Step
    turn: str | None = None
    seconds_left: int | None = None
    phrase: str | None = None
    arguments: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order. `reason` is a code word, given unless the outcome is done."""

    outcome: OrderOutcome
    reason: str | None = None


class CheckIn(NamedTuple):
    """A customer gives the code of the turn. The words are never logged."""

    words: str

    def __repr__(self) -> str:
        return "CheckIn()"


class WalkIn(NamedTuple):
    """A customer begins a turn without a booking, for so many seconds at most."""

    group: str | None = None
    party: int | None = None
    seconds: int | None = None


class StaffOpen(NamedTuple):
    """Staff opens the device by hand, with the code of the day."""

    words: str
    seconds: int | None = None

    def __repr__(self) -> str:
        return "StaffOpen()"


class MoreTime(NamedTuple):
    """The customer asks for so many seconds more. Only the orchestrator extends."""

    seconds: int


class SetGroup(NamedTuple):
    """The customer, or staff, declares who uses the device, and how many they are."""

    group: str
    party: int | None = None


class Cleared:
    """The customer says that what the last use made was taken off the device."""


class EndNow:
    """The customer leaves the turn for good, before its end."""


#: What a person at the device may ask for.
Request = CheckIn | WalkIn | StaffOpen | MoreTime | SetGroup | Cleared | EndNow


class Reply(NamedTuple):
    """What a person at the device is told: whether it was granted, in a phrase of the list."""

    accepted: bool
    phrase: str
    arguments: Mapping[str, str | int] = MappingProxyType({})


#: How a driver has the agent answer a request.
Ask = Callable[[Request], Awaitable[Reply]]


@runtime_checkable
class TakesRequests(Protocol):
    """A device at which people can ask for something."""

    def take_requests(self, ask: Ask) -> None:
        """Have every request from now on answered by `ask`. Called once, before `start`."""


class Device(Protocol):
    """One device as an agent sees it. Its failures are observations, never exceptions."""

    #: The session rule and its version: `pc/1`.
    rule: str
    #: How a use that nobody may have is ended here: `lock` a desktop, `end` a print.
    closing: Step
    #: Seconds between two looks; a change that `changed` tells of comes sooner.
    interval: float
    #: Milliseconds that its word on a change may take, where the driver stamps it. None where the
    #: device does so itself, and it may come however late: all is known up to the newest stamp,
    #: and a look at what has not changed is stamped with the device's newest sign of life.
    settles_ms: int | None

    async def start(self) -> None:
        """Begin to watch. Returns at once also where the device can't be reached."""

    async def stop(self) -> None:
        """Let go of the device, leaving it as it is."""

    async def observe(self) -> Sequence[Observation]:
        """Return what has happened since the last call, oldest first; the last is how it is now.

        At least one. Bounded in time (5 s): a device that does not answer is `disconnected`.
        """

    async def changed(self) -> None:
        """Return when there may be something new to observe; never, where only looking tells."""

    async def carry_out(self, order: Order) -> Answer:
        """Carry out an order and see that it took effect. Bounded in time (15 s)."""
