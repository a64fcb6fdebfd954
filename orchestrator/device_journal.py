"""What a scripted device says that it truly did: its uses.

The journal is written by agents.devices.scripted, which nothing here imports: a count is held
against what the device wrote, not against what the counting side believes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a use in which nothing changed, in milliseconds of boot time."""

    from_ms: int
    to_ms: int
    active: bool


@dataclass(slots=True)
class Use:
    """One use of the device, in milliseconds of boot time.

    to_ms: its end; None while it goes on. latest_ms: the same, but where the device was killed
    under it: then it ended at some time from to_ms up to here. rightful: not against a closed
    device. spans: all of it that has ended.
    """

    id: str
    from_ms: int
    rightful: bool
    to_ms: int | None = None
    latest_ms: int | None = None
    active_ms: int = 0
    idle_ms: int = 0
    spans: list[Span] = field(default_factory=list)


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    at_ms: int


class _Other(_Line):
    what: Literal["device_started", "device_stopped", "ordered"]


class _Began(_Line):
    what: Literal["use_began"]
    use: str
    right: str


class _Span(_Line):
    what: Literal["span"]
    use: str
    from_ms: int
    active: bool


class _Ended(_Line):
    what: Literal["use_ended"]
    use: str
    right: str
    active_ms: int
    idle_ms: int
    last_known_ms: int | None = None


_LINE: TypeAdapter[_Other | _Began | _Span | _Ended] = TypeAdapter(
    Annotated[_Other | _Began | _Span | _Ended, Field(discriminator="what")]
)


def read_uses(path: Path) -> list[Use]:
    """Return what the journal tells so far; nothing where there is none yet."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # a torn last line is not yet written
    except FileNotFoundError:
        return []
    return list(_uses(lines))


def _uses(lines: list[bytes]) -> Iterator[Use]:
    use: Use | None = None
    for text in lines:
        line = _LINE.validate_json(text)
        if isinstance(line, _Began):
            use = Use(line.use, line.at_ms, line.right != "none")
            yield use
        elif isinstance(line, _Span) and use is not None:
            use.spans.append(Span(line.from_ms, line.at_ms, line.active))
        elif isinstance(line, _Ended) and use is not None:
            use.rightful = line.right != "none"
            use.active_ms, use.idle_ms = line.active_ms, line.idle_ms
            use.to_ms = line.at_ms if line.last_known_ms is None else line.last_known_ms
            use.latest_ms = line.at_ms
