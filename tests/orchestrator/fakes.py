"""What stands in for the world in the orchestrator's tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mqtt_schemas.base import DeviceLink, DeviceState
from mqtt_schemas.codec import decode
from mqtt_schemas.messages import AgentClock, Link, OutboxState, PlanInForce, Status
from mqtt_schemas.plan import AtEnd, Plan
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.next_turn import Condition
from orchestrator.domain.opening_hours import SiteHours
from orchestrator.office import Deliver, Office, not_now, to_nobody
from orchestrator.store.database import Database

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PRINTER = Device(
    Address("paja", "printer-1"),
    "printer",
    Policy(AtEnd.LOCK, grace=60, shortest=600, longest=7200),
    "Printer 1",
)
PC = Device(Address("paja", "pc-1"), "pc", Policy(AtEnd.LOCK), "PC 1")
OTHER_PC = Device(Address("sivu", "pc-1"), "pc", Policy(AtEnd.LOCK), "PC 1 of the branch")
DEVICES = {device.address: device for device in (PRINTER, PC, OTHER_PC)}

_BOOT = "00000000-0000-4000-8000-000000000000"


class FakeClock:
    """Wall and monotonic time that pass only when told to."""

    def __init__(self) -> None:
        self.wall = NOW
        self.monotonic = 1000.0

    def now(self) -> datetime:
        """Return the wall time."""
        return self.wall

    def wall_ms(self) -> int:
        """Return the wall time in milliseconds since 1970."""
        return round(self.wall.timestamp() * 1000)

    def seconds(self) -> float:
        """Return monotonic time."""
        return self.monotonic

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += timedelta(seconds=seconds)
        self.monotonic += seconds


@dataclass(slots=True)
class FakeBus:
    """Keeps what is published, while it is up."""

    up: bool = True
    sent: list[tuple[str, bytes, int, bool]] = field(default_factory=list)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,  # noqa: FBT001 - MQTT's own order
    ) -> bool:
        """Take a message, if up."""
        if self.up:
            self.sent.append((topic, payload, qos, retain))
        return self.up

    def plans(self, device: Device = PRINTER) -> list[Plan]:
        """Return and forget the plans that were sent to a device."""
        mine = [
            each for each in self.sent if each[0].split("/")[2:4] == str(device.address).split("/")
        ]
        self.sent = [each for each in self.sent if each not in mine]
        found = [decode(topic, payload).message for topic, payload, _, _ in mine]
        assert all(each[2:] == (1, True) for each in mine)
        return [plan for plan in found if isinstance(plan, Plan)]


def in_force(plan: Plan | None) -> PlanInForce | None:
    """Return what a device reports that carries out a plan."""
    if plan is None:
        return None
    return PlanInForce(issuer=plan.issuer, revision=plan.revision, digest=plan.digest)


def link(*, connection: int = 1) -> Link:
    """Return the presence of an agent that is there."""
    return Link(
        state="online", connection=f"{connection:032x}", boot_id=_BOOT, version="0", kind="printer"
    )


def status(plan: Plan | PlanInForce | None = None, *, connection: int = 1) -> Status:
    """Return a status of a free device."""
    return Status(
        connection=f"{connection:032x}",
        device_link=DeviceLink.CONNECTED,
        state=DeviceState.FREE,
        plan=in_force(plan) if isinstance(plan, Plan) else plan,
        clock=AgentClock(wall=NOW, boot_id=_BOOT, boot_ms=0, offset_ms=0, offset_age_ms=0),
        outbox=OutboxState(log=_BOOT, first_kept=0, last=0, oldest_age_ms=None),
    )


def office(
    database: Database,
    *,
    now: Callable[[], datetime],
    deliver: Deliver = to_nobody,
    devices: Mapping[Address, Device] = DEVICES,
    target_groups: Collection[str] = ("lapset", "nuoret"),
    replan: Callable[[Collection[Address]], None] = not_now,
    hours: Mapping[str, SiteHours] | None = None,
    conditions: Callable[[], Mapping[Address, Condition]] = dict,
) -> Office:
    """Return an office in Helsinki, of two groups."""
    return Office(
        database=database,
        devices=devices,
        target_groups=target_groups,
        zone=ZoneInfo("Europe/Helsinki"),
        language="fi",
        now=now,
        deliver=deliver,
        replan=replan,
        hours=hours or {},
        conditions=conditions,
    )
