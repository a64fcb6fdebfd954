"""The script of a device: what its customers do, and how well it obeys. A TOML file.

clear_after = 4             # seconds that a finished print waits to be taken away
[[visit]]                   # every time that the device opens for a turn
after = 2                   # seconds after it opened
does = [{ active = 6 }, { idle = 2 }, { active = 1 }]
stays = true                # goes on with the last until ended
[[ask]]                     # every time that it closes, until it is granted
when = "closed"
wish = { what = "check_in", words = "three plain words" }
again = 1
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from agents.wishes import Wish
from mqtt_schemas.base import Code
from mqtt_schemas.events import Step

#: Seconds of scripted time.
Span = Annotated[float, Field(ge=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]
#: TOML has neither enums nor tuples, and the models are strict.
Steps = Annotated[
    frozenset[Step],
    BeforeValidator(lambda value: frozenset(Step(step) for step in value)),
]


class ScriptError(ValueError):
    """The script can't be played. The text is one sentence."""


class Settings(BaseModel):
    """A frozen table of the file; a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class When(StrEnum):
    """What a customer waits for.

    turn: the device opens for a turn. open: it opens outside turns. closed: it closes, and
    the customer uses it all the same. start: the process starts.
    """

    TURN = "turn"
    OPEN = "open"
    CLOSED = "closed"
    START = "start"


class Stretch(Settings):
    """So many seconds of one kind of use."""

    active: Span | None = None
    idle: Span | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.active is None) == (self.idle is None):
            raise ValueError("give either active or idle, in seconds")
        return self

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.idle or 0.0 if self.active is None else self.active


class Visit(Settings):
    """One customer, each time that `when` comes, or only the `nth` time (from 1).

    every: and after the `nth` again each so many times. does: what the customer does, one
    after the other. stays: goes on with the last of it until ended. job: a print, which can
    be paused and leaves something to clear away. fault_after: seconds of use after which the
    device breaks down. ignores: orders that have no effect on this customer.
    """

    when: When = When.TURN
    nth: Annotated[int, Field(ge=1)] | None = None
    every: Annotated[int, Field(ge=1)] | None = None
    after: Span = 1.0
    does: Annotated[tuple[Stretch, ...], Field(min_length=1, max_length=100)]
    stays: bool = False
    job: bool = False
    filament_mm_per_second: Annotated[float, Field(ge=0, le=1000)] = 0.0
    category: Code | None = None
    fault_after: Span | None = None
    ignores: Steps = frozenset()

    @field_validator("ignores")
    @classmethod
    def _can_be_ignored(cls, steps: frozenset[Step]) -> frozenset[Step]:
        if steps - {Step.LOCK, Step.END, Step.PAUSE}:
            raise ValueError("only lock, end and pause can be ignored")
        return steps

    def comes(self, time: int) -> bool:
        """Tell whether the customer comes the so-many-th time."""
        return _comes(self.nth, self.every, time)

    @model_validator(mode="after")
    def _job_is_one_piece(self) -> Self:
        if self.job and (len(self.does) != 1 or self.does[0].active is None):
            raise ValueError("a job is one active stretch")
        return self


class Ask(Settings):
    """Somebody who asks the agent for something, at the times of a Visit.

    again: seconds until it is asked again, and again, until it is granted.
    """

    when: When = When.CLOSED
    nth: Annotated[int, Field(ge=1)] | None = None
    every: Annotated[int, Field(ge=1)] | None = None
    after: Span = 1.0
    again: Annotated[float, Field(ge=0.01, le=86_400)] | None = None
    wish: Wish

    def comes(self, time: int) -> bool:
        """Tell whether it is asked the so-many-th time."""
        return _comes(self.nth, self.every, time)


def _comes(nth: int | None, every: int | None, time: int) -> bool:
    if nth is None or every is None:
        return nth in (None, time)
    return time >= nth and (time - nth) % every == 0


class Crowd(Settings):
    """Customers by chance, one after another for as long as the device is open.

    gap, stay: least and most seconds. shares: how many of them idle for half their stay,
    stay until ended, run into a fault, or print.
    """

    seed: int
    gap: tuple[Span, Span] = (0.5, 2.0)
    stay: tuple[Span, Span] = (1.0, 5.0)
    idle_share: Share = 0.3
    stays_share: Share = 0.2
    fault_share: Share = 0.0
    job_share: Share = 0.0
    filament_mm_per_second: Annotated[float, Field(ge=0, le=1000)] = 3.0

    @field_validator("gap", "stay")
    @classmethod
    def _in_order(cls, span: tuple[float, float]) -> tuple[float, float]:
        if span[0] > span[1]:
            raise ValueError("the least is more than the most")
        return span


class Script(Settings):
    """The whole file. All times are divided by `speed`.

    supports: the orders that this device can carry out. clear_after, repair_after: seconds
    from a finished print, or a fault, until the device is free. patience: seconds that a
    paused print waits before it is taken away. readings: what its sensors tell, in vain.
    """

    speed: Annotated[float, Field(gt=0, le=1000)] = 1.0
    supports: Steps = frozenset(Step)
    clear_after: Span = 0.0
    repair_after: Span = 5.0
    patience: Span = 5.0
    readings: Annotated[dict[Code, float], Field(max_length=64)] = Field(default_factory=dict)
    visit: tuple[Visit, ...] = ()
    ask: tuple[Ask, ...] = ()
    crowd: Crowd | None = None


def load(path: Path) -> Script:
    """Return the script in a file. Raises ScriptError."""
    try:
        return Script.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise ScriptError(f"{path}: {place}: {first['msg']}") from None
