"""The shapes of what is asked and answered over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from mqtt_schemas.base import DeviceLink, DeviceState, Seconds, UtcTime
from mqtt_schemas.messages import Phase
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import BookedBy, BookingState, Purpose
from orchestrator.domain.devices import CheckInBy

#: A device's name as people write it, or a booking's id: bounded, since it is quoted in refusals.
Name = Annotated[str, Field(min_length=1, max_length=81)]
#: As it is scanned or typed; in bodies only, since others may log a path.
CardNumber = Annotated[str, Field(max_length=80)]
#: Staff's own words, for the audit log: a few, and nobody's name.
Why = Annotated[str, Field(max_length=200)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class Refusal(_Answered):
    """Why something was not done: one sentence."""

    error: str


class TurnView(_Answered):
    """A turn in hand, or the next one. `phase` None: it has not begun."""

    id: str
    phase: Phase | None = None
    starts_at: UtcTime
    ends_at: UtcTime


class DeviceView(_Answered):
    """One device as it is now.

    link: of its agent; never: not heard of since it was configured; none: it has no agent, staff
    attends to it, and all that is told of it is their word. device_link, state,
    blocked, problems: as last reported, however long ago. turn, seconds_left: while online.
    to_be_cleared: a finished part is on it, so it is not free.
    """

    site: str
    device: str
    kind: str
    name: str
    link: Literal["online", "offline", "never", "none"]
    device_link: DeviceLink | None
    state: DeviceState | None
    turn: TurnView | None
    next_turn: TurnView | None
    seconds_left: float | None
    blocked: str | None
    to_be_cleared: bool
    problems: tuple[str, ...]
    plan_in_force: bool
    sessions_today: int
    active_seconds_today: float


class GroupTotals(_Answered):
    """A part of the counted use, as of one target group."""

    sessions: int
    active_seconds: float


class DeviceTotals(_Answered):
    """All use of one device that was ever counted. `outside_…` was seen, and is not counted.

    staff_entered: the part of it that rests on staff's word, since nothing observes the device.
    """

    kind: str
    sessions: int
    active_seconds: float
    idle_seconds: float
    ended_by_turn: int
    outside_sessions: int
    outside_seconds: float
    staff_entered: GroupTotals
    by_target_group: dict[str, GroupTotals]


class EventTotals(_Answered):
    """What became of all that came in. rejected: payloads that were no message of a device."""

    accepted: int
    duplicates: int
    set_aside: int
    rejected: int


class TotalsView(_Answered):
    """Totals by `site/device`."""

    devices: dict[str, DeviceTotals]
    events: EventTotals


class BrokerHealth(_Answered):
    """The connection to the broker. other_orchestrators: that serve a site of ours, too."""

    connected: bool
    problem: str | None
    other_orchestrators: tuple[str, ...]


class DatabaseHealth(_Answered):
    """Whether the last commit succeeded, and when the last backup was made."""

    healthy: bool
    last_backup: UtcTime | None


class DevicesHealth(_Answered):
    """How many devices with an agent there are, are online, and carry out their plan.

    attended: how many there are without an agent.
    """

    total: int
    online: int
    plan_in_force: int
    attended: int = 0


class FeedHealth(_Answered):
    """How a feed of another system stands. problem: a sentence; None while it is well.

    last_good: when what it says was last taken. faults: its entries that can't be.
    """

    id: str
    kind: str
    last_good: UtcTime | None
    problem: str | None
    faults: int


class Health(_Answered):
    """Whether the service does its work. Devices and feeds that are away do not degrade it."""

    status: Literal["ok", "degraded"]
    broker: BrokerHealth
    database: DatabaseHealth
    devices: DevicesHealth
    feeds: tuple[FeedHealth, ...] = ()


class NewBooking(_Asked):
    """A booking to be made, of a device or of any device of a kind.

    device: `site/device`, or `device` where that is clear; kind likewise. card: for a quota, a
    library card's number, which is kept nowhere; no_card: there is none. over_closing: staff
    lets the turn run on after closing.
    """

    device: Name | None = None
    kind: Name | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    target_group: Name | None = None
    party_size: int | None = None
    over_closing: bool = False
    card: CardNumber | None = Field(default=None, repr=False)
    no_card: bool = False
    why: Why | None = None


class NewEnd(_Asked):
    """Another end of a booking, or so much more time. One of the two.

    although_waiting: others in the queue have to wait for it.
    """

    ends_at: AwareDatetime | None = None
    more_seconds: Seconds | None = None
    although_waiting: bool = False
    over_closing: bool = False
    why: Why | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.ends_at is None) == (self.more_seconds is None):
            raise ValueError("give either ends_at or more_seconds")
        return self


class BookingView(_Answered):
    """A booking. It names nobody."""

    id: str
    site: str
    device: str
    name: str
    starts_at: UtcTime
    ends_at: UtcTime
    target_group: str | None
    party_size: int | None
    state: BookingState
    purpose: Purpose
    by: BookedBy
    group_assumed: bool
    series: str | None
    event: str | None
    walk_in: bool
    over_closing: bool
    check_in: CheckInBy
    hold_until: UtcTime | None


class ChangeView(_Answered):
    """A booking after a change. `message` says in a sentence how far that has come.

    code: the words of a new check-in code. They are told this once and kept nowhere.
    """

    booking: BookingView
    delivery: Delivery
    message: str
    code: str | None = None
