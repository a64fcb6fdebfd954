"""PURE: which faults come when. The same seed gives the same faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from random import Random

#: The library: agents, each with so many devices.
AGENTS, DEVICES_EACH = 4, 3
#: One fault for so many events, and at least one of each kind.
EVENTS_A_FAULT = 45
#: Seconds between two faults, least and most.
APART = (0.5, 1.9)
#: Steps of a wall clock, in hours: an hour, a wrong time zone, a day, a year, and right again.
STEPS_H = (-1, 1, -2, 3, 24, -8760, 0)


class Kind(StrEnum):
    """What can go wrong."""

    AGENT_KILLED = "agent_killed"
    ORCHESTRATOR_KILLED = "orchestrator_killed"
    BROKER_KILLED = "broker_killed"
    DEVICE_KILLED = "device_killed"
    PROCESS_STOPPED = "process_stopped"
    BROKER_WIPED = "broker_wiped"
    NETWORK_REFUSED = "network_refused"
    NETWORK_CUT = "network_cut"
    NETWORK_STALLED = "network_stalled"
    NETWORK_DELAYED = "network_delayed"
    CUT_AFTER_CONNACK = "cut_after_connack"
    CLOCK_STEPPED = "clock_stepped"
    DISK_FULL = "disk_full"
    BACKUP_RESTORED = "backup_restored"
    OUTBOX_RESTORED = "outbox_restored"
    OUTBOX_CLONED = "outbox_cloned"


#: How often each kind comes beyond its first time. What costs no restart comes more often.
WEIGHTS = {
    Kind.AGENT_KILLED: 8,
    Kind.ORCHESTRATOR_KILLED: 4,
    Kind.BROKER_KILLED: 6,
    Kind.DEVICE_KILLED: 6,
    Kind.PROCESS_STOPPED: 6,
    Kind.BROKER_WIPED: 3,
    Kind.NETWORK_REFUSED: 6,
    Kind.NETWORK_CUT: 10,
    Kind.NETWORK_STALLED: 10,
    Kind.NETWORK_DELAYED: 8,
    Kind.CUT_AFTER_CONNACK: 8,
    Kind.CLOCK_STEPPED: 8,
    Kind.DISK_FULL: 5,
    Kind.BACKUP_RESTORED: 3,
    Kind.OUTBOX_RESTORED: 3,
    Kind.OUTBOX_CLONED: 3,
}
#: What needs a while of use behind it, so that there is an older state to go back to.
_LATE = (Kind.BACKUP_RESTORED, Kind.OUTBOX_RESTORED)
#: Seconds that each lasts, least and most; for a kill, until the process is started again.
_LASTS = {
    Kind.AGENT_KILLED: (0.1, 1.5),
    Kind.ORCHESTRATOR_KILLED: (0.1, 1.5),
    Kind.BROKER_KILLED: (0.1, 1.5),
    Kind.DEVICE_KILLED: (0.5, 1.5),
    # Beyond 5 s an agent takes the time for suspended, below it for a slow machine.
    Kind.PROCESS_STOPPED: (0.5, 6.5),
    Kind.BROKER_WIPED: (0.1, 1.0),
    Kind.NETWORK_REFUSED: (0.5, 3.0),
    Kind.NETWORK_CUT: (0.0, 0.0),
    Kind.NETWORK_STALLED: (0.5, 4.0),
    Kind.NETWORK_DELAYED: (1.0, 4.0),
    Kind.CUT_AFTER_CONNACK: (0.5, 2.5),
    Kind.CLOCK_STEPPED: (0.0, 0.0),
    Kind.DISK_FULL: (0.5, 4.0),
    Kind.BACKUP_RESTORED: (0.1, 1.0),
    Kind.OUTBOX_RESTORED: (0.1, 1.0),
    Kind.OUTBOX_CLONED: (3.0, 5.0),
}

ORCHESTRATOR, BROKER = "orchestrator", "broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    at: seconds after the first event. target: the process, or whose network. lasts: seconds.
    hours: what a stepped clock is ahead from then on.
    """

    at: float
    kind: Kind
    target: str
    lasts: float
    hours: int = 0


def agents() -> list[str]:
    """Return the names of the agents' processes."""
    return [f"agent-{number}" for number in range(1, AGENTS + 1)]


def devices_of(agent: str) -> list[str]:
    """Return the devices of an agent."""
    number = agent.removeprefix("agent-")
    return [f"device-{number}-{each}" for each in range(1, DEVICES_EACH + 1)]


def devices() -> list[str]:
    """Return all devices."""
    return list(chain.from_iterable(devices_of(agent) for agent in agents()))


def agent_of(device: str) -> str:
    """Return the agent of a device."""
    return f"agent-{device.split('-')[1]}"


def schedule(seed: int, events: int) -> tuple[Fault, ...]:
    """Return the faults of a rehearsal of so many events, in order.

    Each kind comes at least once.
    """
    random = Random(f"{seed}/{events}")  # noqa: S311 - faults, not keys
    more = max(0, events // EVENTS_A_FAULT - len(Kind))
    kinds = [*Kind, *random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=more)]
    random.shuffle(kinds)
    return tuple(_faults(random, _late_ones_later(random, kinds)))


def _late_ones_later(random: Random, kinds: list[Kind]) -> list[Kind]:
    """Move to the second half what needs something to go back to."""
    early = [kind for kind in kinds if kind not in _LATE]
    half = len(kinds) // 2
    rest = [*early[half:], *(kind for kind in kinds if kind in _LATE)]
    random.shuffle(rest)
    return [*early[:half], *rest]


def _faults(random: Random, kinds: list[Kind]) -> list[Fault]:
    at, result = 0.0, []
    for kind in kinds:
        at += random.uniform(*APART)
        result.append(
            Fault(
                at=round(at, 3),
                kind=kind,
                target=random.choice(_targets(kind)),
                lasts=round(random.uniform(*_LASTS[kind]), 3),
                hours=random.choice(STEPS_H) if kind is Kind.CLOCK_STEPPED else 0,
            )
        )
    return result


def _targets(kind: Kind) -> list[str]:
    match kind:
        case Kind.AGENT_KILLED:
            return agents()
        case Kind.ORCHESTRATOR_KILLED | Kind.BACKUP_RESTORED:
            return [ORCHESTRATOR]
        case Kind.BROKER_KILLED | Kind.BROKER_WIPED:
            return [BROKER]
        case Kind.DEVICE_KILLED | Kind.OUTBOX_RESTORED | Kind.OUTBOX_CLONED:
            return devices()
        case Kind.PROCESS_STOPPED:
            return [*agents(), *repeat(ORCHESTRATOR, 2), BROKER]
        case _:
            # One end is the orchestrator's, half of the time that all agents have together.
            return [*agents(), *repeat(ORCHESTRATOR, 2)]
