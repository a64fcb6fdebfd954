"""PURE: sessions -> totals.

Totals are kept in double entry: what is counted, and what was withdrawn again (a group set
afterwards, a closed session whose device came back). Both only grow, as Prometheus wants its
counters; what counts is the first less the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from mqtt_schemas.base import COUNTED, Basis, Outcome
from mqtt_schemas.topics import Address
from orchestrator.domain.sessions import Session, Source

#: In totals: a target group that nobody told. No id can be the empty text.
NOT_TOLD = ""

_QUARTER_MS = 900_000


class Cell(NamedTuple):
    """What a total is of. hour: local time of the session's begin, `2026-11-25T14`."""

    site: str
    device: str
    hour: str
    target_group: str
    basis: Basis
    outcome: Outcome
    withdrawn: bool = False
    source: Source = Source.OBSERVED


@dataclass(slots=True)
class Amounts:
    """What is added up. parties: sessions whose party size is known; people: their sizes' sum.

    parts: (`category`, name) in milliseconds, (`figure`, name) in the device's own unit.
    """

    sessions: int = 0
    parties: int = 0
    people: int = 0
    active_ms: int = 0
    idle_ms: int = 0
    unobserved_ms: int = 0
    overrun_ms: int = 0
    parts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, other: Amounts, sign: int = 1) -> None:
        """Add another's amounts, or with sign -1 take them away."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))
        for key, amount in other.parts.items():
            self.parts[key] = self.parts.get(key, 0) + sign * amount

    def count(self, session: Session) -> None:
        """Add one session that is over."""
        self.sessions += 1
        if session.party_size is not None:
            self.parties += 1
            self.people += session.party_size
        self.active_ms += session.active_ms
        self.idle_ms += session.idle_ms
        self.unobserved_ms += session.unobserved_ms
        self.overrun_ms += session.overrun_ms
        for part, amounts in (("category", session.categories), ("figure", session.figures)):
            for name, amount in amounts.items():
                if amount:
                    self.parts[part, name] = self.parts.get((part, name), 0) + amount


#: The names of the plain numbers among the amounts.
NUMBERS = tuple(each.name for each in fields(Amounts) if each.name != "parts")

Totals = defaultdict[Cell, Amounts]


def no_totals() -> Totals:
    """Return totals of nothing."""
    return defaultdict(Amounts)


def change(
    totals: Totals, address: Address, before: Session | None, after: Session | None, zone: tzinfo
) -> None:
    """Enter what it makes of the totals that one session changes from `before` to `after`.

    Open sessions, and none, count nothing.
    """
    if before is not None and before.outcome is not None:
        if after is not None and _told(before) == _told(after):
            return
        totals[_cell(address, before, before.outcome, zone, withdrawn=True)].count(before)
    if after is not None and after.outcome is not None:
        totals[_cell(address, after, after.outcome, zone)].count(after)


def net(totals: Totals) -> Totals:
    """Return what counts: what was entered less what was withdrawn, empty cells left out."""
    result = no_totals()
    for cell, amounts in totals.items():
        result[cell._replace(withdrawn=False)].add(amounts, -1 if cell.withdrawn else 1)
    for amounts in result.values():
        amounts.parts = {key: amount for key, amount in amounts.parts.items() if amount}
    return defaultdict(
        Amounts, {cell: amounts for cell, amounts in result.items() if amounts.sessions}
    )


def without_hours(totals: Totals) -> Totals:
    """Return the same, added up over all hours."""
    result = no_totals()
    for cell, amounts in totals.items():
        result[cell._replace(hour="")].add(amounts)
    return result


def local_hour(at_ms: int, zone: tzinfo) -> str:
    """Return the local hour of a moment: `2026-11-25T14`. Its first ten letters are the day."""
    return _hour_of_quarter(at_ms // _QUARTER_MS, zone)


# All zones are whole quarters of an hour from UTC, and most sessions began of late.
@lru_cache(maxsize=4096)
def _hour_of_quarter(quarter: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(quarter * _QUARTER_MS // 1000, zone).isoformat()[:13]


@dataclass(slots=True)
class GroupUsage:
    """A part of the counted use, as of one target group."""

    sessions: int = 0
    active_ms: int = 0


@dataclass(slots=True)
class DeviceUsage:
    """One device's use. Counted, but for what is called outside: outside any right to use it.

    outside_ms is active and idle time together. staff: the part of the counted use that rests
    on staff's word, since nothing observes the device.
    """

    sessions: int = 0
    active_ms: int = 0
    idle_ms: int = 0
    ended_by_turn: int = 0
    outside_sessions: int = 0
    outside_ms: int = 0
    by_target_group: dict[str, GroupUsage] = field(default_factory=dict)
    staff: GroupUsage = field(default_factory=GroupUsage)

    def count(self, cell: Cell, amounts: Amounts) -> None:
        """Add one cell."""
        sign = -1 if cell.withdrawn else 1
        if cell.basis not in COUNTED:
            self.outside_sessions += sign * amounts.sessions
            self.outside_ms += sign * (amounts.active_ms + amounts.idle_ms)
            return
        self.sessions += sign * amounts.sessions
        self.active_ms += sign * amounts.active_ms
        self.idle_ms += sign * amounts.idle_ms
        if cell.outcome is Outcome.TURN_OVER:
            self.ended_by_turn += sign * amounts.sessions
        group = self.by_target_group.setdefault(cell.target_group, GroupUsage())
        group.sessions += sign * amounts.sessions
        group.active_ms += sign * amounts.active_ms
        if cell.source is Source.STAFF:
            self.staff.sessions += sign * amounts.sessions
            self.staff.active_ms += sign * amounts.active_ms


def by_device(totals: Totals, addresses: Iterable[Address] = ()) -> dict[Address, DeviceUsage]:
    """Return each device's use; of `addresses` also where there is none.

    In by_target_group a group that nobody told is NOT_TOLD.
    """
    result = {address: DeviceUsage() for address in addresses}
    for cell, amounts in totals.items():
        address = Address(cell.site, cell.device)
        result.setdefault(address, DeviceUsage()).count(cell, amounts)
    for usage in result.values():
        groups = usage.by_target_group
        usage.by_target_group = {name: group for name, group in groups.items() if group.sessions}
    return result


def _told(session: Session) -> tuple[object, ...]:
    """Return all of a session that is over that totals depend on."""
    return (
        session.begun_ms,
        session.target_group,
        session.party_size,
        session.basis,
        session.outcome,
        session.active_ms,
        session.idle_ms,
        session.unobserved_ms,
        session.overrun_ms,
        session.categories,
        session.figures,
    )


def _cell(
    address: Address, session: Session, outcome: Outcome, zone: tzinfo, *, withdrawn: bool = False
) -> Cell:
    return Cell(
        address.site,
        address.device,
        local_hour(session.begun_ms, zone),
        session.target_group or NOT_TOLD,
        session.basis,
        outcome,
        withdrawn,
        session.source,
    )
