"""What agent and helper say to each other: a JSON object a line, over a Unix socket.

And what a device's own socket for requests (agents.request_socket) takes and says.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agents.wishes import Said, Wish
from mqtt_schemas.base import Code, Seconds

#: Bytes of the longest line that either end takes.
MAX_LINE = 4096


class BadLine(ValueError):
    """The other end said something that it may not say."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, defer_build=True)

    id: Annotated[int, Field(ge=1, le=2**53 - 1, description="of the phrase, or the request")]

    def line(self) -> bytes:
        """Return the line to send."""
        return self.model_dump_json().encode() + b"\n"


class Show(_Line):
    """To the helper: show a phrase of agents.devices.phrases."""

    phrase: Code
    arguments: dict[Code, int | Annotated[str, StringConstraints(max_length=64)]] = Field(
        default={}, max_length=8
    )
    seconds_left: Seconds | None = None


class Shown(_Line):
    """From the helper: whether the desktop took it."""

    shown: bool


class Wished(_Line):
    """To the agent: somebody asks for something."""

    wish: Wish


class Told(_Line):
    """From the agent: what is said to the request of that id."""

    said: Said


L = TypeVar("L", bound=_Line)


def show_from(line: bytes) -> Show:
    """Parse a line of the agent. Raises BadLine."""
    return _parse(Show, line)


def shown_from(line: bytes) -> Shown:
    """Parse a line of the helper. Raises BadLine."""
    return _parse(Shown, line)


def from_helper(line: bytes) -> Shown | Wished:
    """Parse a line of the helper that may be a request. Raises BadLine."""
    return _parse(Wished, line) if b'"wish"' in line else _parse(Shown, line)


def from_agent(line: bytes) -> Show | Told:
    """Parse a line of the agent that may be an answer to a request. Raises BadLine."""
    return _parse(Told, line) if b'"said"' in line else _parse(Show, line)


def _parse(model: type[L], line: bytes) -> L:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise BadLine(f"{where}: {first['msg']}") from None
