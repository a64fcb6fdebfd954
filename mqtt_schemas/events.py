"""What happened at a device: the bodies of the events that are counted exactly once.

On the wire an event is its body with `seq` and `prev` (see messages.EventFrame) in one
JSON object. Numbers are whole; durations are milliseconds of boot time (CLOCK_BOOTTIME),
so a stepped clock or a daylight-saving change can't alter them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from mqtt_schemas.base import (
    Basis,
    Code,
    DeviceLink,
    Figures,
    Id,
    Milliseconds,
    Model,
    Offset,
    OpaqueId,
    Outcome,
    PartySize,
    Rule,
    UtcTime,
    Uuid,
)


class TurnSource(StrEnum):
    """What opened a turn."""

    PLAN = "plan"
    WALK_IN = "walk_in"
    STAFF_CODE = "staff_code"


class Step(StrEnum):
    """What an agent tells its device: `open` and `close` say what may be; the rest happen once.

    clear: the part that the last use left was taken off, so the device is free.
    """

    OPEN = "open"
    CLOSE = "close"
    WARN = "warn"
    NOTICE = "notice"
    LOCK = "lock"
    END = "end"
    PAUSE = "pause"
    CLEAR = "clear"


class OrderOutcome(StrEnum):
    """What came of an order.

    done: carried out and seen to be so. failed: tried, the device did not obey.
    unsupported: this device can't. too_late: the turn had ended for good.
    """

    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    TOO_LATE = "too_late"


class WatchEnd(StrEnum):
    """Why an interval of watching ended.

    link_changed: the device came or went; the next interval follows at once. hour: it was
    long enough; likewise. gap: the agent's process lived but did not run, mostly because its
    machine slept; the next interval begins when it ran again. stopped: the agent was stopped,
    killed or cut off; told by its next start.
    """

    LINK_CHANGED = "link_changed"
    HOUR = "hour"
    GAP = "gap"
    STOPPED = "stopped"


class EventBody(Model):
    """What every event carries."""

    turn: OpaqueId | None = None
    session: OpaqueId | None = None
    rule: Rule
    wall: UtcTime = Field(description="the machine's own wall clock, right or wrong")
    boot_id: Uuid
    boot_ms: Milliseconds = Field(description="CLOCK_BOOTTIME")
    offset_ms: Offset | None = Field(
        default=None, description="orchestrator's clock less wall, None until it is known"
    )


class TurnOpened(EventBody):
    """The device may be used for this turn from now on."""

    type: Literal["turn_opened"] = "turn_opened"
    source: TurnSource = TurnSource.PLAN
    ends_at: UtcTime | None = Field(
        default=None, description="of a turn that the agent made: when it is to end, in plan time"
    )
    target_group: Id | None = None
    group_assumed: bool = False
    party_size: PartySize | None = None


class CheckedIn(EventBody):
    """The turn's code, or the staff's, was given at the device."""

    type: Literal["checked_in"] = "checked_in"


class ExtensionRequested(EventBody):
    """The customer asked for more time. Only the orchestrator extends."""

    type: Literal["extension_requested"] = "extension_requested"
    seconds: Milliseconds


class Started(EventBody):
    """A session began."""

    type: Literal["started"] = "started"
    basis: Basis
    target_group: Id | None = None
    group_assumed: bool = Field(default=False, description="nobody declared the group")
    party_size: PartySize | None = None


class GroupSet(EventBody):
    """Customer or staff declared the target group."""

    type: Literal["group_set"] = "group_set"
    target_group: Id
    party_size: PartySize | None = None


class Ended(EventBody):
    """A session ended. Complete in itself: it counts even where `started` was lost."""

    type: Literal["ended"] = "ended"
    basis: Basis
    outcome: Outcome
    active_ms: Milliseconds
    idle_ms: Milliseconds
    unobserved_ms: Milliseconds = Field(
        default=0, description="between begin and end, but seen by nobody; in neither figure"
    )
    overrun_ms: Milliseconds = Field(
        default=0, description="of active and idle, past the turn's end"
    )
    categories: Figures = Field(default_factory=dict, description="active milliseconds by category")
    figures: Figures = Field(default_factory=dict, description="the device's own, e.g. filament_mm")
    target_group: Id | None = None
    group_assumed: bool = Field(default=False, description="nobody declared the group")
    party_size: PartySize | None = None
    at_checkpoint: bool = Field(
        default=False, description="ended afterwards, at the last checkpoint before a cut"
    )


class OrderResult(EventBody):
    """An order was given to the device, and this came of it."""

    type: Literal["order_result"] = "order_result"
    step: Step
    outcome: OrderOutcome
    reason: Code | None = None


class Observed(EventBody):
    """An interval in which the device was watched, in boot time of `boot_id`."""

    type: Literal["observed"] = "observed"
    from_ms: Milliseconds
    to_ms: Milliseconds
    device_link: DeviceLink
    until: WatchEnd | None = Field(
        default=None, description="why it ended; None: the agent does not say"
    )


Event = Annotated[
    TurnOpened
    | CheckedIn
    | ExtensionRequested
    | Started
    | GroupSet
    | Ended
    | OrderResult
    | Observed,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))
