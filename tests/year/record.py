"""What a simulated year leaves behind, as plain data: all that the checker gets to see.

Times are whole milliseconds since 1970 in UTC, lengths whole seconds, times of day and dates
local. Nothing here is a type of the orchestrator's, so that the checker can share none of its
mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of one local day in which the library is open. It ends on the same day."""

    from_: time
    to: time
    staffed: bool = True


@dataclass(frozen=True, slots=True)
class GroupHours:
    """Hours of a week that are for a target group; 0 is Monday."""

    days: tuple[int, ...]
    from_: time
    to: time
    group: str
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many turns, or days with a turn, of one card in a day or a week."""

    most: int
    per: str
    of: str = "turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the library says of one device."""

    kind: str
    at_end: str = "lock"
    outside: str = "closed"
    shortest: int = 60
    longest: int = 8 * 3600
    grid: int = 0
    notice: int = 0
    ahead: int = 366 * 86_400
    same_day: bool = False
    party: int = 1000
    grace: int = 0
    buffer: int = 0
    check_in: str = "none"
    check_in_within: int = 900
    walk_in: int = 0
    extension: int = 0
    finish_before_closing: int = 0
    staffed_only: bool = False
    school_days_from: time | None = None
    groups: tuple[GroupHours, ...] = ()
    limits: tuple[Limit, ...] = ()
    offer: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A booking as it was from `at` on, until its next version.

    card: whose it is, only known here. moved: the rest of a turn that ran on another device.
    """

    at: int
    id: str
    device: str
    starts: int
    ends: int
    state: str
    purpose: str = "turn"
    by: str = "staff"
    group: str | None = None
    assumed: bool = False
    party: int | None = None
    event: str | None = None
    walk_in: bool = False
    over_closing: bool = False
    check_in: str = "none"
    hold_until: int | None = None
    card: str | None = None
    moved: bool = False

    @property
    def live(self) -> bool:
        """Whether it takes time of its device."""
        return self.state in ("booked", "offered", "checked_in", "used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Somebody's place in the queue of a kind, from `at` until it was taken up or given up."""

    at: int
    until: int
    kind: str
    number: int
    card: str | None = None


class PlannedTurn(NamedTuple):
    """A turn as a plan has it."""

    id: str
    starts: int
    ends: int
    grace: int
    at_end: str
    group: str | None
    assumed: bool
    check_in: bool


class PlannedWindow(NamedTuple):
    """A window as a plan has it."""

    starts: int
    ends: int
    group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A plan that a device has been given at `at`. walk_in: the longest one and the gap, or None.

    Equal turns and windows of a year's plans are the same objects, or they would fill memory.
    """

    at: int
    device: str
    valid_until: int
    outside: str
    turns: tuple[PlannedTurn, ...]
    windows: tuple[PlannedWindow, ...]
    walk_in: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A session as the device told it. basis: turn, open, outside, blocked."""

    device: str
    starts: int
    ends: int
    basis: str
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A device's time out of reach, or out of service; from the first, up to before the last."""

    device: str
    starts: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A turn on one device that somebody asked for at `at`, in good form, and did not get."""

    at: int
    device: str
    starts: int
    ends: int
    group: str | None
    party: int | None
    card: str
    why: str


@dataclass(slots=True)
class Record:
    """Everything of one simulated time, in the order in which it happened.

    came: when the customer of a booking truly showed that they are there, by its id.
    """

    zone: str
    starts: int
    ends: int
    devices: dict[str, Rules]
    hours: dict[date, tuple[Hours, ...]]
    public_holidays: frozenset[date]
    versions: list[Version] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    plans: list[Issued] = field(default_factory=list)
    came: dict[str, int] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    away: list[Span] = field(default_factory=list)
    out: list[Span] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
