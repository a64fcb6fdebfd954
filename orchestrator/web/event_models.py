"""The shapes of what is asked and answered of group events over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mqtt_schemas.base import UtcTime
from orchestrator.domain.group_events import EventState
from orchestrator.web.models import BookingView, ChangeView, Name, Why


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class PeopleAsked(_Asked):
    """Who took part; over_18: of 18 and over. estimated: nobody counted them.

    why: of a correction.
    """

    under_18: int = 0
    over_18: int = 0
    unknown: int = 0
    estimated: bool = False
    why: Why | None = None


class NewGroupEvent(_Asked):
    """An event to be planned, on all its devices or none.

    label: a few words that tell it apart, and name nobody. rotate, buffer: seconds.
    outside_hours: staff opens the library for it. not_counted: why its people are not to be
    counted: they are elsewhere. people: as expected.
    """

    devices: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    label: Annotated[str, Field(max_length=200)]
    target_group: Name | None = None
    rotate: int | None = None
    buffer: int | None = None
    outside_hours: bool = False
    not_counted: Why | None = None
    people: PeopleAsked | None = None
    why: Why | None = None


class Counting(_Asked):
    """Whether an event's people are to be counted, and why or why not."""

    counted: bool
    why: Why


class OtherDevice(_Asked):
    """Which of an event's devices is replaced by which."""

    device: Name
    to: Name
    why: Why | None = None


class CountView(_Answered):
    """Figures as they were told, when, by which role, and why they were corrected."""

    at: UtcTime
    role: str
    under_18: int
    over_18: int
    unknown: int
    estimated: bool
    why: str | None


class UseView(_Answered):
    """What the event's devices saw. Sessions are not people: these add nothing to them."""

    sessions: int
    active_seconds: float
    idle_seconds: float


class EventView(_Answered):
    """An event. participants: those that hold; None: nobody told them, which is not zero.

    told: everything that was, oldest first; corrected: more than once.
    """

    id: str
    site: str
    label: str
    starts_at: UtcTime
    ends_at: UtcTime
    state: EventState
    target_group: str | None
    rotate: int | None
    buffer: int | None
    counted: bool
    not_counted: str | None
    participants: CountView | None
    corrected: bool
    told: tuple[CountView, ...]
    turns: tuple[BookingView, ...]
    use: UseView


class EventChangeView(EventView):
    """An event after a change, and how far that has come on each device."""

    changes: tuple[ChangeView, ...]
