"""What a device's agent would send: logs of events with their chain, and statuses."""

from __future__ import annotations

from typing import Any

from mqtt_schemas import codec
from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Outcome, utc_from_ms
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import Incoming
from mqtt_schemas.events import Ended, Event, EventBody, GroupSet, Started
from mqtt_schemas.messages import (
    AgentClock,
    Checkpoint,
    Events,
    Link,
    OutboxState,
    PlanInForce,
    Status,
    TurnNow,
)
from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address, Channel, device_topic
from orchestrator.domain.devices import Device, Policy
from orchestrator.store.intake import Batch

PRINTER = Address("main", "printer-1")
STATION = Address("main", "vr-1")
BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#: 2026-11-25T09:30:00Z, a Wednesday; 11:30 in Helsinki.
MORNING = 1_795_599_000_000
MINUTE = 60_000


def device(address: Address, kind: str = "printer") -> Device:
    """Return a device as the configuration names it."""
    return Device(
        address=address, kind=kind, policy=Policy(at_end=AtEnd.LOCK), name=address.device.upper()
    )


DEVICES = {PRINTER: device(PRINTER), STATION: device(STATION, "vr-station")}


def log_id(number: int) -> str:
    """Return a log's UUID."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def connection_id(number: int) -> str:
    """Return a connection's id."""
    return f"{number:032x}"


def common(session: str | None, at_ms: int, offset_ms: int | None = 0) -> dict[str, Any]:
    """Return what every event has."""
    return {
        "session": session,
        "rule": "printer/1",
        "wall": utc_from_ms(at_ms),
        "boot_id": BOOT,
        "boot_ms": max(0, at_ms - MORNING + 600 * MINUTE),
        "offset_ms": offset_ms,
    }


def started(
    session: str = "s1",
    at_ms: int = MORNING,
    *,
    group: str | None = None,
    party: int | None = None,
    basis: Basis = Basis.TURN,
    offset_ms: int | None = 0,
) -> Started:
    """Return the begin of a session."""
    return Started(
        **common(session, at_ms, offset_ms), basis=basis, target_group=group, party_size=party
    )


def ended(
    session: str = "s1",
    at_ms: int = MORNING + 30 * MINUTE,
    *,
    active: int = 20 * MINUTE,
    idle: int = 10 * MINUTE,
    group: str | None = None,
    party: int | None = None,
    basis: Basis = Basis.TURN,
    outcome: Outcome = Outcome.CUSTOMER,
    offset_ms: int | None = 0,
    **rest: Any,  # noqa: ANN401 - fields of Ended
) -> Ended:
    """Return the end of a session of 30 minutes."""
    return Ended(
        **common(session, at_ms, offset_ms),
        basis=basis,
        outcome=outcome,
        active_ms=active,
        idle_ms=idle,
        target_group=group,
        party_size=party,
        **rest,
    )


def group_set(
    session: str | None = "s1", group: str = "nuoret", party: int | None = None
) -> GroupSet:
    """Return the declaration of a target group."""
    return GroupSet(**common(session, MORNING + 5 * MINUTE), target_group=group, party_size=party)


class History:
    """One log of one device, as its outbox holds it: canonical bytes, chained."""

    def __init__(self, address: Address = PRINTER, log: str = log_id(1)) -> None:
        self.address = address
        self.log = log
        self.events: list[bytes] = []

    def add(self, *bodies: EventBody) -> History:
        """Log events."""
        for body in bodies:
            self.events.append(codec.event_bytes(len(self.events) + 1, self.tip, body))
        return self

    def add_bad(self) -> History:
        """Log an event of a later version, that nobody here understands."""
        text = b'{"prev":"%s","seq":%d,"type":"levitated"}'
        self.events.append(text % (self.tip.encode(), len(self.events) + 1))
        return self

    @property
    def tip(self) -> str:
        """The chain value of the newest event."""
        return chain(self.events[-1]) if self.events else first_link(self.log)

    def copy(self, events: int) -> History:
        """Return what a copy of the disk holds that was made after so many events."""
        copy = History(self.address, self.log)
        copy.events = self.events[:events]
        return copy

    def payload(self, first: int = 1, last: int | None = None) -> bytes:
        """Return an `up/events` payload with the events from seq `first` to `last`."""
        return codec.batch_bytes(self.log, self.events[first - 1 : last])

    def incoming(self, first: int = 1, last: int | None = None) -> tuple[Incoming, ...]:
        """Return the same events as the orchestrator decodes them."""
        message = codec.decode(self.topic, self.payload(first, last)).message
        assert isinstance(message, Events)
        return tuple(codec.incoming(raw) for raw in message.events)

    def batch(
        self,
        first: int = 1,
        last: int | None = None,
        *,
        first_kept: int | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Batch:
        """Return the same events as a batch."""
        return Batch(
            self.address,
            self.log,
            self.incoming(first, last),
            first_kept=first_kept,
            checkpoint=checkpoint,
        )

    @property
    def topic(self) -> str:
        """Where the events go."""
        return device_topic(self.address, Channel.EVENTS)

    def outbox(self, *, first_kept: int = 1, age_ms: int | None = None) -> OutboxState:
        """Return what the status says of this log."""
        return OutboxState(
            log=self.log, first_kept=first_kept, last=len(self.events), oldest_age_ms=age_ms
        )


def events_of(history: History) -> list[Event]:
    """Return the events of a history, decoded."""
    return [each.event for each in history.incoming() if each.event is not None]


def checkpoint(session: str = "s1", *, active: int = 0, idle: int = 0) -> Checkpoint:
    """Return the figures of an open session."""
    return Checkpoint(
        session=session,
        turn=None,
        basis=Basis.TURN,
        at_ms=1,
        active_ms=active,
        idle_ms=idle,
    )


def status(
    *,
    connection: int = 1,
    outbox: OutboxState | None = None,
    session: Checkpoint | None = None,
    state: DeviceState = DeviceState.FREE,
    plan: PlanInForce | None = None,
    turn: TurnNow | None = None,
    **rest: Any,  # noqa: ANN401 - fields of Status
) -> Status:
    """Return a heartbeat."""
    return Status(
        connection=connection_id(connection),
        device_link=DeviceLink.CONNECTED,
        state=state,
        session=session,
        plan=plan,
        turn=turn,
        clock=AgentClock(
            wall=utc_from_ms(MORNING), boot_id=BOOT, boot_ms=1, offset_ms=250, offset_age_ms=0
        ),
        outbox=outbox or OutboxState(log=log_id(1), first_kept=0, last=0, oldest_age_ms=None),
        **rest,
    )


def link(connection: int = 1, state: str = "online") -> Link:
    """Return an agent's presence."""
    fields = {"state": state, "connection": connection_id(connection), "boot_id": BOOT}
    return Link.model_validate({**fields, "version": "0.1.0", "kind": "printer"})


class Clock:
    """A clock that stands still unless it is moved. Wall time in ms, monotonic in seconds."""

    def __init__(self, wall_ms: int = MORNING) -> None:
        self.ms = wall_ms

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return self.ms

    def monotonic(self) -> float:
        """Return seconds."""
        return self.ms / 1000

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.ms += round(seconds * 1000)
