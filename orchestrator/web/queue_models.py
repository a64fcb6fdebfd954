"""The shapes of what is asked and answered of the queue over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mqtt_schemas.base import UtcTime
from orchestrator.domain.queue import TicketState
from orchestrator.web.booking_models import AgeAnswers
from orchestrator.web.models import BookingView, CardNumber, Name

Number = Annotated[int, Field(ge=1, le=1_000_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewNumber(_Asked):
    """Who asks for a number. kind: of device, or site/kind. card: for a quota; kept nowhere."""

    kind: Name
    target_group: Name | None = None
    party_size: int | None = None
    card: CardNumber | None = Field(default=None, repr=False)
    no_card: bool = False


class InLine(_Asked):
    """Which line: the kind of device, or site/kind."""

    kind: Name


class Acceptance(AgeAnswers):
    """Who takes an offered turn at the desk, and what they were asked."""

    kind: Name


class NumberView(_Answered):
    """A number in a line. It names nobody.

    expected_at, wait_seconds: when a turn is likely to come; None: it is not foreseen today, or
    is held already. turn: the one that is, or was, held for it.
    """

    site: str
    kind: str
    number: int
    state: TicketState
    joined_at: UtcTime
    target_group: str | None
    party_size: int | None
    expected_at: UtcTime | None
    wait_seconds: int | None
    turn: BookingView | None


class JoinedView(NumberView):
    """A new number. code: of check-in once a turn is offered; told this once, kept nowhere."""

    code: str | None
