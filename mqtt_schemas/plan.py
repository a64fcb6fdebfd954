"""The plan: everything that enforcement needs, as one retained message."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mqtt_schemas.base import (
    Arguments,
    Code,
    Digest,
    Id,
    Items,
    Message,
    Model,
    OpaqueId,
    PartySize,
    Seconds,
    UtcTime,
)

#: In the longest spelling of each they stay below codec.MAX_PAYLOAD.
MAX_TURNS = 1300
#: A week of hours with every gap and period; they are few beside the turns.
MAX_WINDOWS = 200


class AtEnd(StrEnum):
    """What becomes of the use when its turn is over and the grace has passed."""

    LOCK = "lock"
    END = "end"
    FINISH_JOB = "finish_job"
    PAUSE_JOB = "pause_job"
    NOTIFY = "notify"


class OutsideTurns(StrEnum):
    """What holds while no turn runs."""

    OPEN = "open"
    CLOSED = "closed"
    OUT_OF_SERVICE = "out_of_service"


class HashedCode(Model):
    """A code that people type, as salted scrypt (RFC 7914). Five tries, then staff only.

    The hash, of 32 bytes, is over the words in lower case, in UTF-8, joined by single spaces,
    with the 16 bytes that `salt` spells in hex.
    """

    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    hash: Digest
    n: Annotated[int, Field(ge=2**12, le=2**17)] = 2**14
    r: Annotated[int, Field(ge=1, le=16)] = 8
    p: Annotated[int, Field(ge=1, le=4)] = 1


class CheckIn(Model):
    """The turn opens only when its code was given, within so many seconds of its start."""

    within: Seconds
    code: HashedCode | None = None


class Turn(Model):
    """One booking window of one device."""

    id: OpaqueId
    starts_at: UtcTime
    ends_at: UtcTime
    warn_before: Annotated[Items[Seconds], Field(max_length=10)] = Field(
        default=(), description="seconds before ends_at, each once, largest first"
    )
    grace: Seconds = 0
    at_end: AtEnd
    check_in: CheckIn | None = None
    target_group: Id | None = None
    group_assumed: bool = Field(
        default=False, description="nobody declared the group: it is a guess"
    )
    party_size: PartySize | None = None
    event: OpaqueId | None = Field(default=None, description="the group event it belongs to")
    rotate: Annotated[Seconds, Field(ge=30)] | None = Field(
        default=None, description="a group event's participants change places every so many seconds"
    )
    run_on: Seconds = Field(
        default=0, description="a job begun in it may go on so long after its end: nobody waits"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("a turn ends before it starts")
        if list(self.warn_before) != sorted(set(self.warn_before), reverse=True):
            raise ValueError("warn_before is not in falling order")
        return self


class Notice(Model):
    """A phrase of the agents' list, with arguments, to be shown until a time."""

    id: OpaqueId
    phrase: Code
    arguments: Arguments = Field(default_factory=dict)
    until: UtcTime


class Terms(Model):
    """How a turn that the agent opens alone runs. Its end is never past the window's."""

    max_seconds: Annotated[Seconds, Field(ge=1)]
    min_seconds: Annotated[Seconds, Field(ge=1)] = Field(
        default=60, description="where less is left, none is opened"
    )
    gap: Seconds = Field(default=0, description="seconds kept free before the next turn")
    warn_before: Annotated[Items[Seconds], Field(max_length=10)] = ()
    grace: Seconds = 0
    at_end: AtEnd = AtEnd.LOCK

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.warn_before) != sorted(set(self.warn_before), reverse=True):
            raise ValueError("warn_before is not in falling order")
        return self


class WalkIn(Terms):
    """Use without a booking: the customer begins it at the device, within a window."""


class DatedCode(Model):
    """A code that holds for a time."""

    starts_at: UtcTime
    ends_at: UtcTime
    code: HashedCode


class StaffCode(Terms):
    """Staff opens the device by hand, at any hour, with the code of the day."""

    days: Annotated[Items[DatedCode], Field(min_length=1, max_length=10)]


class PrintFit(Model):
    """A job that begins in a turn is held against the turn's end plus its `run_on`.

    Only as it begins: what runs already is never ended for it.
    """

    misfit: Literal["refuse", "warn"] = Field(
        default="warn", description="what becomes of a job that is estimated to take longer"
    )
    ratio_percent: Annotated[int, Field(ge=10, le=1000)] = Field(
        default=110, description="how long jobs take here, of what the device estimates"
    )


class Window(Model):
    """A span in which the device may be used without a turn: the library is open for it."""

    starts_at: UtcTime
    ends_at: UtcTime
    assumed_group: Id | None = Field(
        default=None, description="of use that declares none, e.g. in youth hours"
    )
    exclusive: bool = Field(default=False, description="walk-ins of other groups are refused")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("a window ends before it starts")
        return self


class Plan(Message):
    """Desired state of one device: idempotent, ordered by revision, safe twice or late."""

    issuer: Id
    revision: Annotated[int, Field(ge=1, le=2**53 - 1)]
    digest: Digest
    issued_at: UtcTime
    valid_until: UtcTime
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED]
    outside_turns: OutsideTurns
    turns: Annotated[Items[Turn], Field(max_length=MAX_TURNS)] = ()
    windows: Annotated[Items[Window], Field(max_length=MAX_WINDOWS)] = Field(
        default=(),
        description="outside them `outside_turns: open` and walk-ins do not hold; none: always",
    )
    notices: Annotated[Items[Notice], Field(max_length=20)] = ()
    walk_in: WalkIn | None = None
    staff_code: StaffCode | None = None
    print_fit: PrintFit | None = Field(
        default=None, description="none: jobs are not held against the end of their turn"
    )
    cleared: OpaqueId | None = Field(
        default=None, description="the session whose finished part was taken off the device"
    )

    @model_validator(mode="after")
    def _turns_do_not_overlap(self) -> Self:
        for earlier, later in pairwise(self.turns):
            if later.starts_at < earlier.ends_at:
                raise ValueError(f"turn {later.id} begins before turn {earlier.id} ends")
        if len({turn.id for turn in self.turns}) != len(self.turns):
            raise ValueError("a turn's id stands twice")
        return self

    @model_validator(mode="after")
    def _windows_do_not_overlap(self) -> Self:
        for earlier, later in pairwise(self.windows):
            if later.starts_at < earlier.ends_at:
                raise ValueError("a window begins before the one before it ends")
        return self
