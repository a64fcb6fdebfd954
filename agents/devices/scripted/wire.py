"""What a scripted device and its agent say to each other: JSON lines over a Unix socket.

The agent begins with Hello. The device answers with every Change that was not yet seen,
then Present, then each Change as it happens. Stamps are the device's own boot time.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agents.wishes import Said, Wish
from mqtt_schemas.base import Code, DeviceState, Milliseconds, OpaqueId, Outcome
from mqtt_schemas.events import OrderOutcome, Step

M = TypeVar("M")

#: Bytes of one line. Nothing that either end sends comes near.
MAX_LINE = 65_536


class BadLine(ValueError):
    """The other end sent what is no message. The text is one sentence."""


class Part(BaseModel):
    """A frozen part of a message. Both ends are of one release: unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Condition(Part):
    """What holds at the device since `since_ms`. Fields as in agents.model.Observation."""

    since_ms: Milliseconds
    state: DeviceState
    use: OpaqueId | None = None
    active: bool = False
    category: Code | None = None
    figures: dict[Code, Milliseconds] = Field(default_factory=dict)
    readings: dict[Code, float] = Field(default_factory=dict)


class Ending(Part):
    """How a use ended."""

    use: OpaqueId
    outcome: Outcome
    figures: dict[Code, Milliseconds] = Field(default_factory=dict)


class Change(Part):
    """Device: something changed. `seq` counts from 1 within `epoch`.

    epoch: random, new with each start of the device.
    """

    type: Literal["change"] = "change"
    epoch: str
    seq: int
    condition: Condition
    ended: Ending | None = None


class Present(Part):
    """Device: the changes up to `seq` were all, and it is so at `at_ms`."""

    type: Literal["present"] = "present"
    epoch: str
    seq: int
    at_ms: Milliseconds
    condition: Condition


class Alive(Part):
    """Device: nothing has changed up to `at_ms`. Sent every second: its silence is its absence."""

    type: Literal["alive"] = "alive"
    at_ms: Milliseconds


class Reply(Part):
    """Device: what came of order `id`."""

    type: Literal["reply"] = "reply"
    id: int
    outcome: OrderOutcome
    reason: Code | None = None


class Asked(Part):
    """Device: somebody asks for something, to be answered with its `id`."""

    type: Literal["asked"] = "asked"
    id: int
    wish: Wish


class Seen(Part):
    """Agent: I have seen the changes up to `seq` of `epoch`; never send them again."""

    type: Literal["seen"] = "seen"
    epoch: str
    seq: int


class Hello(Part):
    """Agent: this is what I have seen, if anything."""

    type: Literal["hello"] = "hello"
    seen: Seen | None = None


class Command(Part):
    """Agent: an order, to be answered with its `id`. Fields as in agents.model.Order."""

    type: Literal["command"] = "command"
    id: int
    step: Step
    turn: OpaqueId | None = None
    seconds_left: int | None = None
    phrase: Code | None = None
    arguments: dict[Code, str | int] = Field(default_factory=dict)


class Answered(Part):
    """Agent: what is said to request `id`."""

    type: Literal["answered"] = "answered"
    id: int
    said: Said


FromDevice = Alive | Asked | Change | Present | Reply
FromAgent = Answered | Hello | Seen | Command

_FROM_DEVICE: TypeAdapter[FromDevice] = TypeAdapter(
    Annotated[FromDevice, Field(discriminator="type")]
)
_FROM_AGENT: TypeAdapter[FromAgent] = TypeAdapter(Annotated[FromAgent, Field(discriminator="type")])


def line(message: Part) -> bytes:
    """Return the message as one line."""
    return message.model_dump_json().encode() + b"\n"


def from_device(text: bytes) -> FromDevice:
    """Return what the device said. Raises BadLine."""
    return _parsed(_FROM_DEVICE, text)


def from_agent(text: bytes) -> FromAgent:
    """Return what the agent said. Raises BadLine."""
    return _parsed(_FROM_AGENT, text)


def _parsed(adapter: TypeAdapter[M], text: bytes) -> M:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"]) or "the line"
        raise BadLine(f"{place}: {first['msg']}") from None
