"""What every message is built of: the base model and the contract's scalar types."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

VERSION: Literal[1] = 1


def to_utc(value: datetime) -> datetime:
    """Return `value` in UTC, cut to whole milliseconds: the contract's resolution.

    Raises ValueError before 1970 and after 9999, where text and arithmetic would break.
    """
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is outside the years 1970 to 9999") from None
    if value.year < 1970:
        raise ValueError("the time is outside the years 1970 to 9999")
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def format_utc(value: datetime) -> str:
    """Format as RFC 3339 with exactly three decimals, e.g. `2026-11-25T09:30:00.000Z`.

    One spelling only, because digests and chains are computed over the text.
    """
    value = to_utc(value)
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"


def utc_from_ms(milliseconds: int) -> datetime:
    """Return the UTC time that many milliseconds after 1970-01-01T00:00Z."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def ms_from_utc(value: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00Z."""
    value = to_utc(value)
    return int(value.timestamp()) * 1000 + value.microsecond // 1000


UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(to_utc),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
    Field(description="RFC 3339, UTC, three decimals: 2026-11-25T09:30:00.000Z"),
]

#: Site, device, kind, instance, target group: lower-case letters, digits, hyphen.
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
#: A code word of the contract (category, figure, reading, reason): letters, digits, underscore.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
#: Turn and session ids: opaque, random or derived; never anything of a customer.
OpaqueId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
#: 128 random bits in hex.
Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
#: SHA-256 in hex.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
#: A session rule and its version, e.g. `octoprint/1`.
Rule = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}/[1-9][0-9]{0,3}$")]
#: Whole numbers that every JSON reader holds exactly (RFC 8785, section 3.2.2.3).
Milliseconds = Annotated[int, Field(ge=0, le=2**53 - 1)]
Offset = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
Seconds = Annotated[int, Field(ge=0, le=366 * 86_400)]
PartySize = Annotated[int, Field(ge=1, le=1000)]


class Model(BaseModel):
    """A frozen part of a message. Unknown fields are ignored: both ends upgrade alone."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )


class Message(Model):
    """A whole payload. `v` is the contract's version; another one is never guessed at."""

    v: Literal[1] = VERSION


class DeviceState(StrEnum):
    """What the device is doing now."""

    FREE = "free"
    IN_USE = "in_use"
    PAUSED = "paused"
    TO_BE_CLEARED = "to_be_cleared"
    LOCKED = "locked"
    FAULT = "fault"
    OFF = "off"


class DeviceLink(StrEnum):
    """Whether the agent reaches its device. Apart from the agent's own link to the broker."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class Basis(StrEnum):
    """By what right a session ran. Only `turn` and `open` are counted as use.

    turn: within a turn. open: outside turns, where the plan says open.
    outside: outside every turn on a closed device. blocked: the use of an ended turn that
    the device would not end.
    """

    TURN = "turn"
    OPEN = "open"
    OUTSIDE = "outside"
    BLOCKED = "blocked"


COUNTED = frozenset({Basis.TURN, Basis.OPEN})


class Outcome(StrEnum):
    """Why a session ended."""

    CUSTOMER = "customer"
    TURN_OVER = "turn_over"
    CLOSING = "closing"
    STAFF = "staff"
    DEVICE_FAULT = "device_fault"
    POWER_LOSS = "power_loss"
    UNKNOWN = "unknown"
