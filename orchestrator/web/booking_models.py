"""The shapes of what is asked and answered of bookings over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mqtt_schemas.base import Seconds, UtcTime
from orchestrator.domain.series import Every
from orchestrator.web.models import CardNumber, ChangeView, Name, NewBooking, Why


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewSeries(NewBooking):
    """A turn that is booked again and again. partial: those that can be had; else all or none."""

    every: Every
    times: int
    partial: bool = False


class SeriesRefusal(_Answered):
    """One turn of a series that was not booked; when, by the clock on the wall."""

    at: str
    error: str


class SeriesView(_Answered):
    """A series as it was booked. code: of all its turns, told this once."""

    series: str
    bookings: tuple[ChangeView, ...]
    refused: tuple[SeriesRefusal, ...]
    code: str | None


class NewBlock(_Asked):
    """Devices to be kept free of turns."""

    devices: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000)]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    why: Why | None = None


class AgeAnswers(_Asked):
    """What staff asked at check-in, as yes or no. No age is told.

    guardian: everybody is old enough to come alone, or a guardian has consented.
    """

    old_enough: bool | None = None
    guardian: bool | None = None


class NewWalkIn(AgeAnswers):
    """A turn that begins now. seconds: None: as long as may be."""

    device: Name | None = None
    kind: Name | None = None
    target_group: Name | None = None
    party_size: int | None = None
    seconds: Annotated[Seconds, Field(ge=1)] | None = None
    card: CardNumber | None = Field(default=None, repr=False)
    no_card: bool = False
    although_waiting: bool = False


class NewPlace(_Asked):
    """Where a booking is moved to. device: None: any other of the kind."""

    device: Name | None = None
    why: Why | None = None


class MovedView(ChangeView):
    """A booking at its new device. ended: the id of the turn that ended at the old one."""

    ended: str | None


class AuditView(_Answered):
    """One action: by role, what, when, why."""

    at: UtcTime
    role: str
    what: str
    target: str
    details: dict[str, str | int | None]
    why: str | None
