"""What a scripted device truly did: one JSON line per change of truth, synced before it is told.

Times are CLOCK_BOOTTIME in milliseconds. Nothing here comes from the agent but its orders,
so what was counted can be held against it. The lines that matter most are `use_ended`, with
the figures of a whole use, and `span`, each stretch of one use in which nothing changed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mqtt_schemas.events import OrderOutcome, Step


class JournalError(Exception):
    """The journal can't be written or read. The text is one sentence."""


class Right(StrEnum):
    """By what right a customer uses the device, as the device knows it.

    turn: it was opened for one. open: it was open outside turns. none: it was closed.
    """

    TURN = "turn"
    OPEN = "open"
    NONE = "none"


class EndedBy(StrEnum):
    """What ended a use. cut: the device's process was killed; stop: it was switched off."""

    CUSTOMER = "customer"
    ORDER = "order"
    FAULT = "fault"
    STOP = "stop"
    CUT = "cut"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at_ms: int


class DeviceStarted(_Line):
    """The device was switched on."""

    what: Literal["device_started"] = "device_started"
    boot_id: str


class DeviceStopped(_Line):
    """The device was switched off."""

    what: Literal["device_stopped"] = "device_stopped"


class Ordered(_Line):
    """An order came, and this came of it."""

    what: Literal["ordered"] = "ordered"
    step: Step
    turn: str | None
    seconds_left: int | None
    phrase: str | None
    outcome: OrderOutcome
    reason: str | None


class Asked(_Line):
    """Somebody asked for something, and this was said to it."""

    what: Literal["asked"] = "asked"
    wish: str
    accepted: bool
    phrase: str


class UseBegan(_Line):
    """A customer began to use the device."""

    what: Literal["use_began"] = "use_began"
    use: str
    right: Right
    turn: str | None


class Span(_Line):
    """A stretch of a use, `from_ms` to `at_ms`, in which neither activity nor right changed."""

    what: Literal["span"] = "span"
    use: str
    from_ms: int
    active: bool
    right: Right
    turn: str | None


class UseEnded(_Line):
    """A use ended, in all figures.

    right, turn: at its end. refused: how many orders to end it had no effect. For `cut`, it
    ended at some time between `last_known_ms` and `at_ms`, and its figures reach the former.
    """

    what: Literal["use_ended"] = "use_ended"
    use: str
    from_ms: int
    active_ms: int
    idle_ms: int
    by: EndedBy
    order: Step | None = None
    right: Right
    turn: str | None
    refused: int = 0
    figures: dict[str, int] = Field(default_factory=dict)
    last_known_ms: int | None = None


Line = Asked | DeviceStarted | DeviceStopped | Ordered | UseBegan | Span | UseEnded

_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="what")])


def read(path: Path) -> list[Line]:
    """Return a journal's lines. A torn last line is left out. Raises JournalError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}") from None
    lines = text.split(b"\n")[:-1]
    try:
        return [_LINE.validate_json(line) for line in lines if line]
    except ValidationError as error:
        raise JournalError(f"{path}: {error.errors()[0]['msg']}") from None


def cut_short(lines: list[Line], at_ms: int) -> Iterator[UseEnded]:
    """Yield the end of the use that a killed device left open, if any."""
    began = next((line for line in reversed(lines) if isinstance(line, UseBegan)), None)
    ended = {line.use for line in lines if isinstance(line, UseEnded)}
    if began is None or began.use in ended:
        return
    spans = [line for line in lines if isinstance(line, Span) and line.use == began.use]
    yield UseEnded(
        at_ms=at_ms,
        use=began.use,
        from_ms=began.at_ms,
        active_ms=sum(span.at_ms - span.from_ms for span in spans if span.active),
        idle_ms=sum(span.at_ms - span.from_ms for span in spans if not span.active),
        by=EndedBy.CUT,
        right=spans[-1].right if spans else began.right,
        turn=spans[-1].turn if spans else began.turn,
        last_known_ms=lines[-1].at_ms,
    )


class Journal:
    """The open file. One process at a time."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: {error.strerror or error}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalError(f"{path}: another scripted device writes this journal") from None
        try:
            _drop_torn_line(self._file)
            self.before = read(path)
        except BaseException:
            self.close()
            raise

    def write(self, lines: list[Line]) -> None:
        """Write lines, each on the disk before the next. Raises OSError."""
        for line in lines:
            os.write(self._file, line.model_dump_json().encode() + b"\n")
            os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _drop_torn_line(file: int) -> None:
    size = os.lseek(file, 0, os.SEEK_END)
    tail = os.pread(file, 65_536, max(0, size - 65_536))
    os.ftruncate(file, size - (len(tail) - tail.rfind(b"\n") - 1))
