"""What every message is built of: the base model and the contract's scalar types."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from mqtt_schemas.topics import ID_PATTERN

VERSION = 1


def to_utc(value: datetime) -> datetime:
    """Return `value` in UTC, cut to whole milliseconds: the contract's resolution.

    Raises ValueError before 1970 and after 9999, where text and arithmetic would break.
    """
    if value.tzinfo is UTC and value.microsecond % 1000 == 0 and value.year >= 1970:
        return value
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
    return to_utc(value).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def utc_from_ms(milliseconds: int) -> datetime:
    """Return the UTC time that many milliseconds after 1970-01-01T00:00Z."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def ms_from_utc(value: datetime) -> int:
    """Return whole milliseconds since 1970-01-01T00:00Z."""
    value = to_utc(value)
    return int(value.timestamp()) * 1000 + value.microsecond // 1000


def parse_time(text: str) -> datetime:
    """Return the UTC time of an RFC 3339 text. Raises ValueError."""
    return to_utc(datetime.fromisoformat(text))


class _Rfc3339:
    """In JSON a time is RFC 3339 text; pydantic by itself takes much else, even "1732500000"."""

    pattern = (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})$"
    )

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(pattern=self.pattern)
        parse = core_schema.no_info_plain_validator_function(parse_time)
        time = core_schema.custom_error_schema(
            core_schema.chain_schema([text, parse]),
            custom_error_type="rfc3339",
            custom_error_message="it is no RFC 3339 time of the years 1970 to 9999",
        )
        return core_schema.json_or_python_schema(json_schema=time, python_schema=handler(source))


#: Written in one spelling (format_utc), read in all of RFC 3339's with capital letters.
UtcTime = Annotated[
    AwareDatetime,
    AfterValidator(to_utc),
    _Rfc3339(),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _Rfc3339.pattern}),
]

#: Site, device, kind, instance, target group: lower-case letters, digits, hyphen.
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
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
#: A bounded integer and no Literal: that takes true and 1.0 for 1.
Version = Annotated[
    int, Field(ge=VERSION, le=VERSION), WithJsonSchema({"type": "integer", "const": VERSION})
]

Item = TypeVar("Item")
#: A list of which only the first bad item is told: a million of them would take seconds.
Items = Annotated[tuple[Item, ...], FailFast()]


def _refuse_many(most: int) -> BeforeValidator:
    """Count the keys first, for the same reason; pydantic has no FailFast for a mapping."""

    def check(value: object) -> object:
        if isinstance(value, dict) and len(value) > most:
            raise ValueError(f"more than {most} keys")
        return value

    return BeforeValidator(check)


Figures = Annotated[dict[Code, Milliseconds], Field(max_length=16), _refuse_many(16)]
Readings = Annotated[dict[Code, float], Field(max_length=64), _refuse_many(64)]
Argument = Offset | Annotated[str, StringConstraints(max_length=64)]
Arguments = Annotated[dict[Code, Argument], Field(max_length=8), _refuse_many(8)]


class Model(BaseModel):
    """A frozen part of a message. Unknown fields are ignored: both ends upgrade alone.

    What an end never uses is never built: agents are to be light.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        allow_inf_nan=False,
        defer_build=True,
        json_schema_serialization_defaults_required=True,
    )


class Message(Model):
    """A whole payload. `v` is the contract's version; another one is never guessed at."""

    v: Version = VERSION


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
