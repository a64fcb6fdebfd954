"""Devices, and the policy by which each is lent out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Literal

from mqtt_schemas.plan import AtEnd, OutsideTurns
from mqtt_schemas.topics import Address

#: The kind of devices without an agent: their turns are begun and ended by staff.
ATTENDED = "attended"


class CheckInBy(StrEnum):
    """How a booked customer shows that they came.

    none: the turn opens by itself. code: three words at the device, or at the desk.
    staff: at the desk only.
    """

    NONE = "none"
    CODE = "code"
    STAFF = "staff"


class AfterClosing(StrEnum):
    """Whether a turn may run on after closing: never, or where staff allows it."""

    NEVER = "never"
    STAFF = "staff"


class Misfit(StrEnum):
    """What becomes of a print that would not be done within its turn."""

    REFUSE = "refuse"
    WARN = "warn"
    LEAVE = "leave"


class Per(StrEnum):
    """What a quota counts turns in."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most so many turns, or days with a turn, a customer in a day or a week (Monday first)."""

    most: int
    per: Per
    of: Literal["turns", "days"] = "turns"


@dataclass(frozen=True, slots=True)
class Period:
    """Hours of a week that are for a target group.

    days: 0 is Monday. from_, to: local; to 00:00 is the end of the day. exclusive: bookings and
    walk-ins of other groups are refused. In any case the group is assumed of those who declare
    none.
    """

    days: tuple[int, ...]
    from_: time
    to: time
    group: str
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """How turns on a device are planned. Seconds throughout, unless said otherwise.

    notice, ahead: how long before its start a turn can be booked at the latest, the earliest.
    same_day: only for today. grid: turns start at whole multiples of it after local midnight;
    0: at any minute. party: most people. minimum_age, guardian_below: years; answered yes or no
    at check-in; guardian_in: always, or in self-service hours only. check_in_within: after the
    start, then the turn is released. walk_in: longest turn without a booking; 0: none.
    extension: a step of more time; 0: none. extension_in_last: offered so long before the end;
    0: at any time. buffer: kept free after a turn (hygiene). finish_before_closing: before the
    library closes, or, where only staffed hours count, staff goes. staffed_only: not in
    self-service hours. school_days_from: local; Monday to Friday but public holidays. offer: how
    long a freed turn is held for the first in the queue.
    """

    at_end: AtEnd
    outside_turns: OutsideTurns = OutsideTurns.CLOSED
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED] = OutsideTurns.CLOSED
    warn_before: tuple[int, ...] = (600, 300, 60)
    grace: int = 0
    buffer: int = 0
    shortest: int = 60
    longest: int = 8 * 3600
    grid: int = 0
    notice: int = 0
    ahead: int = 366 * 86_400
    same_day: bool = False
    party: int = 1000
    minimum_age: int | None = None
    guardian_below: int | None = None
    guardian_in: Literal["always", "self_service"] = "always"
    check_in: CheckInBy = CheckInBy.NONE
    check_in_within: int = 900
    walk_in: int = 0
    extension: int = 0
    extension_in_last: int = 600
    finish_before_closing: int = 0
    after_closing: AfterClosing = AfterClosing.NEVER
    staffed_only: bool = False
    school_days_from: time | None = None
    periods: tuple[Period, ...] = ()
    assumed_group: str | None = None
    quotas: tuple[Quota, ...] = ()
    print_misfit: Misfit = Misfit.WARN
    offer: int = 600


@dataclass(frozen=True, slots=True)
class Device:
    """One device that the orchestrator serves."""

    address: Address
    kind: str
    policy: Policy
    name: str
