"""Everything as it is now, for those who only look: devices, totals, health."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, tzinfo
from functools import partial

from mqtt_schemas.base import DeviceState, to_utc
from mqtt_schemas.messages import Status
from mqtt_schemas.plan import Turn
from mqtt_schemas.topics import Address
from orchestrator import last_backup
from orchestrator.attended_view import AttendedNow, attended_now
from orchestrator.bus import Bus
from orchestrator.domain.bookings import Booking
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.usage import NOT_TOLD, DeviceUsage, Totals, by_device
from orchestrator.feeds import FeedState
from orchestrator.ingest import Ingest
from orchestrator.store import totals
from orchestrator.store.counters import EVENTS, REFUSED, by_result
from orchestrator.store.database import Connection, Database
from orchestrator.twins import Twin, Twins
from orchestrator.usage_metrics import UNKNOWN
from orchestrator.web.models import (
    BrokerHealth,
    DatabaseHealth,
    DevicesHealth,
    DeviceTotals,
    DeviceView,
    EventTotals,
    FeedHealth,
    GroupTotals,
    Health,
    TotalsView,
    TurnView,
)


class Overview:
    """Looks at a running orchestrator."""

    def __init__(  # noqa: PLR0913 - all that it looks at
        self,
        *,
        devices: Mapping[Address, Device],
        twins: Twins,
        ingest: Ingest,
        database: Database,
        bus: Bus,
        zone: tzinfo,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        feeds: Callable[[], Iterable[FeedState]] = tuple,
    ) -> None:
        self._devices = devices
        self._twins = twins
        self._ingest = ingest
        self._database = database
        self._bus = bus
        self._zone = zone
        self._now = now
        self._monotonic = monotonic
        self._feeds = feeds

    async def devices(self) -> list[DeviceView]:
        """Return all devices, by site and device. Raises StoreFailed."""
        now, clock = self._now(), self._monotonic()
        today = now.astimezone(self._zone).strftime("%Y-%m-%d")
        counted, attended = await self._database.read(
            partial(_look, devices=self._devices.values(), today=today, now=to_utc(now))
        )
        used = by_device(counted, self._devices)
        return [
            attended_view(device, attended[address], used[address], now=now)
            if address in attended
            else device_view(device, self._twins.of(address), used[address], now=now, clock=clock)
            for address, device in sorted(self._devices.items())
        ]

    def totals(self) -> TotalsView:
        """Return what was counted so far, as of the newest commit."""
        used = by_device(self._ingest.totals, self._devices)
        events = by_result(self._ingest.counts, EVENTS)
        return TotalsView(
            devices={
                str(address): device_totals(device, used[address])
                for address, device in sorted(self._devices.items())
            },
            events=EventTotals(
                accepted=events["accepted"],
                duplicates=events["duplicate"],
                set_aside=events["set_aside"],
                rejected=by_result(self._ingest.counts, REFUSED).total(),
            ),
        )

    def health(self) -> Health:
        """Return whether the service does its work."""
        clock = self._monotonic()
        online = [twin for twin in self._twins.all() if twin.online(clock)]
        others = tuple(self._bus.others)
        well = self._bus.connected and self._database.healthy and not others
        return Health(
            status="ok" if well else "degraded",
            broker=BrokerHealth(
                connected=self._bus.connected,
                problem=self._bus.problem,
                other_orchestrators=others,
            ),
            database=DatabaseHealth(
                healthy=self._database.healthy,
                last_backup=last_backup.read(self._database.path.parent),
            ),
            devices=DevicesHealth(
                total=sum(each.kind != ATTENDED for each in self._devices.values()),
                attended=sum(each.kind == ATTENDED for each in self._devices.values()),
                online=len(online),
                plan_in_force=sum(twin.in_agreement for twin in online),
            ),
            feeds=tuple(FeedHealth(**asdict(feed)) for feed in self._feeds()),
        )


def device_view(
    device: Device, twin: Twin, used: DeviceUsage, *, now: datetime, clock: float
) -> DeviceView:
    """Return one device as it is now. `clock` is monotonic seconds."""
    online, status = twin.online(clock), twin.status
    turn = twin.turn if online else None
    running = status.turn if status is not None and turn is not None else None
    heard_of = twin.link is not None or status is not None
    return DeviceView(
        site=device.address.site,
        device=device.address.device,
        kind=device.kind,
        name=device.name,
        link="online" if online else "offline" if heard_of else "never",
        device_link=status.device_link if status else None,
        state=status.state if status else None,
        turn=_turn_view(turn).model_copy(update={"phase": running.phase})
        if turn and running
        else None,
        next_turn=_next_turn(twin, now),
        seconds_left=max(0.0, (turn.ends_at - now).total_seconds()) if turn else None,
        blocked=status.blocked if status else None,
        to_be_cleared=_to_be_cleared(status),
        problems=status.problems if status else (),
        plan_in_force=online and twin.in_agreement,
        sessions_today=used.sessions,
        active_seconds_today=used.active_ms / 1000,
    )


def attended_view(
    device: Device, seen: AttendedNow, used: DeviceUsage, *, now: datetime
) -> DeviceView:
    """Return a device without an agent, as it is now by staff's word."""
    turn, following = seen.turn, seen.next
    return DeviceView(
        site=device.address.site,
        device=device.address.device,
        kind=device.kind,
        name=device.name,
        link="none",
        device_link=None,
        state=seen.state,
        turn=_booked(turn).model_copy(update={"phase": seen.phase}) if turn else None,
        next_turn=_booked(following) if following else None,
        seconds_left=max(0.0, (turn.ends_at - now).total_seconds()) if turn else None,
        blocked=None,
        to_be_cleared=False,
        problems=(),
        plan_in_force=False,
        sessions_today=used.sessions,
        active_seconds_today=used.active_ms / 1000,
    )


def device_totals(device: Device, used: DeviceUsage) -> DeviceTotals:
    """Return one device's use in seconds."""
    return DeviceTotals(
        kind=device.kind,
        sessions=used.sessions,
        active_seconds=used.active_ms / 1000,
        idle_seconds=used.idle_ms / 1000,
        ended_by_turn=used.ended_by_turn,
        outside_sessions=used.outside_sessions,
        outside_seconds=used.outside_ms / 1000,
        staff_entered=GroupTotals(
            sessions=used.staff.sessions, active_seconds=used.staff.active_ms / 1000
        ),
        by_target_group={
            UNKNOWN if name == NOT_TOLD else name: GroupTotals(
                sessions=group.sessions, active_seconds=group.active_ms / 1000
            )
            for name, group in sorted(used.by_target_group.items())
        },
    )


def _to_be_cleared(status: Status | None) -> bool:
    """Tell whether a part waits on the device, by what it does or by what its agent remembers."""
    if status is None:
        return False
    return status.state is DeviceState.TO_BE_CLEARED or status.to_be_cleared is not None


def _next_turn(twin: Twin, now: datetime) -> TurnView | None:
    planned = twin.desired.turns if twin.desired else ()
    return next((_turn_view(turn) for turn in planned if turn.starts_at > now), None)


def _look(
    rows: Connection, *, devices: Iterable[Device], today: str, now: datetime
) -> tuple[Totals, dict[Address, AttendedNow]]:
    attended = [device for device in devices if device.kind == ATTENDED]
    return totals.read(rows, since=today), attended_now(rows, attended, now)


def _booked(booking: Booking) -> TurnView:
    return TurnView(id=booking.id, starts_at=booking.starts_at, ends_at=booking.ends_at)


def _turn_view(turn: Turn) -> TurnView:
    return TurnView(id=turn.id, starts_at=turn.starts_at, ends_at=turn.ends_at)
