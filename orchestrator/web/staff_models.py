"""The shapes of what staff says of devices, and of turns at attended ones, over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mqtt_schemas.base import Code, OpaqueId, Outcome, Seconds, UtcTime
from orchestrator.delivery import Delivery
from orchestrator.web.booking_models import AgeAnswers
from orchestrator.web.models import CardNumber, Name, NewEnd, Why

#: Chosen by the asker: the same request, asked again, is done once.
RequestId = OpaqueId


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewTurn(AgeAnswers):
    """A turn that begins at an attended device now.

    booking: whose; none: of somebody without one, for `seconds` at most. target_group,
    party_size: where they are not as booked.
    """

    booking: Name | None = None
    target_group: Name | None = None
    party_size: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[Seconds, Field(ge=1)] | None = None
    card: CardNumber | None = Field(default=None, repr=False)
    no_card: bool = False
    although_waiting: bool = False
    request: RequestId | None = None


class NewTurnEnd(NewEnd):
    """Another end of the turn in hand, or so much more time."""

    request: RequestId | None = None


class TurnOver(_Asked):
    """The turn in hand is over. ended_at: where that was not just now."""

    ended_at: AwareDatetime | None = None
    outcome: Literal["customer", "staff", "closing", "device_fault"] | None = None
    why: Why | None = None
    request: RequestId | None = None

    @property
    def how(self) -> Outcome | None:
        """Why it ended, as the contract has it."""
        return None if self.outcome is None else Outcome(self.outcome)


class OutOfService(_Asked):
    """A device can't be used. why: for the audit log only."""

    reason: Literal["fault", "maintenance", "cleaning", "other"]
    why: Why | None = None


class Remark(_Asked):
    """Why something is done, for the audit log only."""

    why: Why | None = None


class Cleared(_Asked):
    """A finished part was taken off. session: None: the one that the device told of."""

    session: OpaqueId | None = None


class NewNotice(_Asked):
    """A phrase to be shown until a time. seconds: of a phrase that tells a time."""

    phrase: Code
    until: AwareDatetime
    seconds: Seconds | None = None


class NoticeView(_Answered):
    """A notice that is shown."""

    id: str
    phrase: str
    seconds: int | None
    until: UtcTime


class StaffWordsView(_Answered):
    """What staff says of a device. out_of_service: the reason; None: it is in service."""

    site: str
    device: str
    name: str
    out_of_service: str | None
    notices: tuple[NoticeView, ...]


class SaidView(StaffWordsView):
    """The same after a change. `message` says in a sentence how far that has come."""

    delivery: Delivery
    message: str


class StaffCodeView(_Answered):
    """The words that open the devices of a site by hand, on a local day."""

    site: str
    day: date
    words: str
