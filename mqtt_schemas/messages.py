"""Frozen models of every message. The plan and the events have files of their own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mqtt_schemas.base import (
    Basis,
    Code,
    DeviceLink,
    DeviceState,
    Digest,
    Id,
    Items,
    Message,
    Milliseconds,
    Model,
    Nonce,
    Offset,
    OpaqueId,
    Readings,
    UtcTime,
    Uuid,
)

MAX_EVENTS = 50

LinkState = Literal["online", "offline"]
Sequence = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Link(Message):
    """`up/link`: the agent's presence and last will. Advisory: a will may fire while it lives."""

    state: LinkState
    connection: Nonce = Field(description="new for each connection")
    boot_id: Uuid
    version: Annotated[str, StringConstraints(max_length=40)]
    kind: Id


class Phase(StrEnum):
    """Where the turn in hand stands."""

    AWAITING = "awaiting_check_in"
    OPEN = "open"
    WARNED = "warned"
    GRACE = "grace"
    OVERRUN = "overrun"


class TurnNow(Model):
    """The turn that the agent is carrying out."""

    id: OpaqueId
    phase: Phase


class Checkpoint(Model):
    """The open session so far. If the machine never returns, it is closed from this."""

    session: OpaqueId
    turn: OpaqueId | None
    basis: Basis
    at_ms: Milliseconds = Field(description="boot time of these figures")
    active_ms: Milliseconds
    idle_ms: Milliseconds
    unobserved_ms: Milliseconds = 0


class PlanInForce(Model):
    """The plan that the agent carries out now."""

    issuer: Id
    revision: Sequence
    digest: Digest


class AgentClock(Model):
    """The agent's clocks when it sent the status."""

    wall: UtcTime
    boot_id: Uuid
    boot_ms: Milliseconds
    offset_ms: Offset | None = Field(description="orchestrator's clock less wall; None: unknown")
    offset_age_ms: Milliseconds | None = Field(description="since the offset was measured")


class Watching(Model):
    """The interval in which the device is being watched: no event has told it yet."""

    from_ms: Milliseconds = Field(description="boot time, of the clock's boot_id")
    to_ms: Milliseconds = Field(description="boot time up to which the device was watched")


class OutboxState(Model):
    """What the agent keeps for the orchestrator."""

    log: Uuid
    first_kept: Sequence = Field(description="0: nothing kept")
    last: Sequence = Field(description="0: nothing logged yet")
    oldest_age_ms: Milliseconds | None = Field(description="of the oldest unacknowledged event")


class Status(Message):
    """`up/status`: on change and every 15 s, the heartbeat. What is, now."""

    connection: Nonce
    device_link: DeviceLink
    state: DeviceState
    turn: TurnNow | None = None
    blocked: Code | None = Field(default=None, description="why the device does not obey")
    session: Checkpoint | None = None
    to_be_cleared: OpaqueId | None = Field(
        default=None, description="the session whose finished part is still on the device"
    )
    readings: Readings = Field(default_factory=dict)
    plan: PlanInForce | None = None
    clock: AgentClock
    watching: Watching | None = Field(
        default=None, description="with device_link as it stands here; None: not watched now"
    )
    outbox: OutboxState
    problems: Annotated[Items[Code], Field(max_length=16)] = Field(
        default=(), description="what the agent can't see or do here, e.g. no_system_bus"
    )


class EventFrame(Model):
    """The two fields that every event on the wire has beside its body."""

    seq: Annotated[int, Field(ge=1, le=2**53 - 1)]
    prev: Digest = Field(
        description="chain value of the event before; of the first, SHA-256 of the log's UUID"
    )


class Events(Message):
    """`up/events`: events in rising order of seq, raw, so that one bad event spoils no other."""

    log: Uuid
    events: Annotated[Items[dict[str, Any]], Field(min_length=1, max_length=MAX_EVENTS)]


class TimeRequest(Message):
    """`up/time`: asks for the orchestrator's clock."""

    nonce: Nonce


class TimeAnswer(Message):
    """`down/time`: when the request came in and when this was sent, by the orchestrator's clock."""

    nonce: Nonce
    received: UtcTime
    sent: UtcTime


class Ack(Message):
    """`down/ack`: everything of `log` up to `seq` is committed. `chain` is that of event `seq`."""

    log: Uuid
    seq: Sequence
    chain: Digest | None = Field(description="None where seq is 0")
    database: Uuid | None = Field(
        default=None,
        description="the orchestrator's database, where it is committed; a restored one keeps it",
    )


class Presence(Message):
    """`laitevuoro/v1/orchestrator/{instance}`: the orchestrator's presence, and its last will."""

    state: LinkState
    at: UtcTime
    database: Uuid | None = Field(default=None, description="as in its acknowledgements")
    sites: Annotated[Items[Id], Field(max_length=1000)] = Field(
        default=(), description="the sites that it serves; empty: not told"
    )
