"""What was counted: the sessions of the orchestrator's database, laid into boot time by its log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqtt_schemas.base import COUNTED, DeviceLink, Outcome
from orchestrator.domain.sessions import Session
from orchestrator.domain.usage import by_device
from orchestrator.rehearsal.compare import Counted, Sums
from orchestrator.rehearsal.intervals import Interval, Intervals, union
from orchestrator.store import events, logs, offline, sessions, totals

Raw = dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """What the database tells of one device. losses: of named losses, the time."""

    sessions: list[Counted] = field(default_factory=list)
    totals: Sums = field(default_factory=Sums)
    observed: list[Interval] = field(default_factory=list)
    losses: list[Interval] = field(default_factory=list)

    @property
    def seen(self) -> Intervals:
        """The time in which the device was observed."""
        return union(self.observed)


@dataclass(slots=True)
class Record:
    """All of the database: by device, and how many events it took in and named as lost."""

    devices: defaultdict[str, Ledger]
    events: int = 0
    named_losses: int = 0


def read(path: Path) -> Record:
    """Return what was counted. Raises StoreFailed."""
    record = Record(defaultdict(Ledger))
    by_log: defaultdict[int, list[tuple[str, Raw]]] = defaultdict(list)
    with offline.reading(path) as rows:
        for each in _all_events(rows):
            by_log[each.log].append((each.address.device, json.loads(each.raw)))
        told = _by_session(by_log)
        for address, session in sessions.everything(rows):
            counted = _counted(session, told[address.device, session.id])
            if counted is not None:
                record.devices[address.device].sessions.append(counted)
        for address, use in by_device(totals.read(rows)).items():
            sums = Sums(use.sessions, use.active_ms, use.idle_ms)
            record.devices[address.device].totals = sums
        for log, first, last in logs.losses(rows):
            record.named_losses += last - first + 1
            device, span = _lost_span(by_log[log], first, last)
            record.devices[device].losses.append(span)
    for log_events in by_log.values():
        record.events += len(log_events)
        for device, raw in log_events:
            if raw.get("type") == "observed" and raw["device_link"] == DeviceLink.CONNECTED:
                record.devices[device].observed.append(Interval(raw["from_ms"], raw["to_ms"]))
    return record


def _all_events(rows: offline.Connection) -> Iterator[events.Logged]:
    after = 0
    while page := events.page(rows, after):
        yield from page
        after = page[-1].id


def _by_session(
    by_log: dict[int, list[tuple[str, Raw]]],
) -> defaultdict[tuple[str, str], list[Raw]]:
    told: defaultdict[tuple[str, str], list[Raw]] = defaultdict(list)
    for log_events in by_log.values():
        for device, raw in log_events:
            if raw.get("type") in ("started", "ended"):
                told[device, raw["session"]].append(raw)
    return told


def _counted(session: Session, told: list[Raw]) -> Counted | None:
    """Return a session as it is counted, None where it is not, or not yet."""
    if session.outcome is None or session.basis not in COUNTED:
        return None
    length = session.active_ms + session.idle_ms + session.unobserved_ms
    from_ms = _begin(session, told, length)
    return Counted(
        session=session.id,
        from_ms=from_ms,
        to_ms=from_ms + length,
        active_ms=session.active_ms,
        idle_ms=session.idle_ms,
        right=(session.basis.value, session.turn),
        cut_short=session.at_checkpoint or session.outcome is Outcome.UNKNOWN,
    )


def _begin(session: Session, told: list[Raw], length: int) -> int:
    """Return when a session began: as it was told, else its length before its end."""
    for raw in told:
        if raw["type"] == "started":
            return int(raw["boot_ms"])
    ends = [raw["boot_ms"] for raw in told if raw["active_ms"] == session.active_ms]
    return int(ends[0]) - length if ends else 0


def _lost_span(log_events: list[tuple[str, Raw]], first: int, last: int) -> tuple[str, Interval]:
    """Return the time of lost events: from the one before to the one after."""
    device = log_events[0][0]
    before = max((raw["boot_ms"] for _, raw in log_events if raw["seq"] < first), default=0)
    after = min((raw["boot_ms"] for _, raw in log_events if raw["seq"] > last), default=before)
    return device, Interval(before, after)
