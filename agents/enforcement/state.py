"""What enforcement remembers, what it is asked about, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agents.model import Order
from agents.schedule import Schedule, ScheduledTurn
from agents.tracking import OpenSession, Right
from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.events import Step, TurnSource
from mqtt_schemas.messages import Phase
from mqtt_schemas.plan import AtEnd, OutsideTurns

#: The longest wait there is: from one try to end a blocked use to the next.
LONGEST_WAIT_MS = 30_000
#: With so much more time left than was last warned of, a turn was extended; less is the clock.
EXTENDED_MS = 5000


@dataclass(frozen=True, slots=True)
class TurnMemory:
    """What has been done for one turn.

    warned: the smallest warning given, in ms. tries: wrong codes given for it. given_back: its
    customer left it for good. group: declared at the device, with the party's size. asked_ms:
    when more time was last asked for; asked_ends_ms: the turn's end then, until it is answered.
    round: how often its participants were told to change places.
    """

    opened: bool = False
    checked_in: bool = False
    warned: int | None = None
    over: bool = False
    at_end: AtEnd | None = None
    tries: int = 0
    given_back: bool = False
    group: tuple[str, int | None] | None = None
    asked_ms: int | None = None
    asked_ends_ms: int | None = None
    round: int = 0


@dataclass(frozen=True, slots=True)
class OwnTurn:
    """A turn that the agent made at the device, by the plan's terms, as they were then.

    gap_ms: to be kept free before the next turn, beside the grace. taken: a plan had it, so it
    is the plan's; what was done for it is remembered, since a restored orchestrator forgets it
    and may bring it anew.
    """

    id: str
    source: TurnSource
    starts_ms: int
    ends_ms: int
    gap_ms: int
    grace_ms: int
    warn_ms: tuple[int, ...]
    at_end: AtEnd
    target_group: str | None = None
    group_assumed: bool = False
    party_size: int | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """A use that is being ended. Its session's end is put down to `outcome`, where given."""

    use: str
    outcome: Outcome | None
    tries: int
    retry_ms: int


class End(NamedTuple):
    """How a use is to end, why, and in which words. `step` None: it may run on."""

    step: Step | None
    outcome: Outcome
    phrase: str
    notify: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Whether the device may be used, and for which turn."""

    open: bool
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What enforcement remembers between calls and over a restart.

    blocked_use: would not end; belongs to no later turn. parked_use: a paused job whose turn
    is over; nobody's use while it stays paused. judged_use: was held against the end of its
    turn (print_fit). refused_use: was found to take too long. own: turns that the agent
    made of late, oldest first. closing_warned: of the end of open use, when that is,
    and the smallest warning given. finished: the session that ended last, none once its part
    was taken; uncleared: what it made is still on the device; cleared_here: its customer says
    that it is not. staff_wrong: wrong staff codes since the last right one; the next is heard
    at `staff_retry_ms`.
    """

    turns: Mapping[str, TurnMemory] = field(default_factory=dict)
    access: Access | None = None
    access_retry_ms: int = 0
    ending: Ending | None = None
    blocked_use: str | None = None
    blocked_reason: str | None = None
    parked_use: str | None = None
    judged_use: str | None = None
    refused_use: str | None = None
    noticed: tuple[str, ...] = ()
    own: tuple[OwnTurn, ...] = ()
    closing_warned: tuple[int, int] | None = None
    finished: str | None = None
    uncleared: bool = False
    cleared_here: bool = False
    clear_retry_ms: int = 0
    staff_wrong: int = 0
    staff_retry_ms: int = 0

    def of(self, turn_id: str) -> TurnMemory:
        """Return what is remembered of a turn."""
        return self.turns.get(turn_id, _NOTHING)

    def noting(self, turn_id: str, known: TurnMemory) -> Memory:
        """Return the memory with that of a turn."""
        return replace(self, turns={**self.turns, turn_id: known})


_NOTHING = TurnMemory()


@dataclass(frozen=True, slots=True)
class Situation:
    """The device as it stands at one moment, for `decide`.

    without_plan: what holds with no plan at all. closing: how this kind of device ends a use
    that nobody may have. ordering: an ending order is with the device and unanswered.
    """

    now_ms: int
    schedule: Schedule | None
    without_plan: OutsideTurns
    closing: Step
    session: OpenSession | None
    state: DeviceState
    ordering: bool = False


class Decision(NamedTuple):
    """What is to be done now.

    right: of a use that begins, or goes on, now; None where the session keeps its own.
    opened: turns that opened with this decision. late: turns extended after they had ended
    for good. outcome: to which the end of the present session is put down, if it ends now.
    """

    memory: Memory
    access: Access
    right: Right
    split: bool
    orders: tuple[Order, ...]
    opened: tuple[ScheduledTurn, ...]
    late: tuple[str, ...]
    outcome: Outcome | None
    phase: Phase | None
    turn: ScheduledTurn | None


def waits(now_ms: int, until_ms: int, longest_ms: int = LONGEST_WAIT_MS) -> bool:
    """Tell whether to wait. A moment further off than any wait is of before time was put right."""
    return 0 < until_ms - now_ms <= longest_ms
