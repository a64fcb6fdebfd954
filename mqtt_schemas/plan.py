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
MAX_TURNS = 1500


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
    party_size: PartySize | None = None
    event: OpaqueId | None = Field(default=None, description="the group event it belongs to")

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


class WalkIn(Model):
    """Use without a booking that the agent may open alone."""

    max_seconds: Seconds
    gap: Seconds = Field(default=0, description="seconds kept free before the next turn")


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
    notices: Annotated[Items[Notice], Field(max_length=20)] = ()
    walk_in: WalkIn | None = None
    staff_code: HashedCode | None = None

    @model_validator(mode="after")
    def _turns_do_not_overlap(self) -> Self:
        for earlier, later in pairwise(self.turns):
            if later.starts_at < earlier.ends_at:
                raise ValueError(f"turn {later.id} begins before turn {earlier.id} ends")
        if len({turn.id for turn in self.turns}) != len(self.turns):
            raise ValueError("a turn's id stands twice")
        return self
