"""Examples of every message, made with the contract's own functions."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt_schemas.base import (
    Basis,
    DeviceLink,
    DeviceState,
    Message,
    Outcome,
)
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import event_bytes, sealed
from mqtt_schemas.events import Ended, EventBody, Observed, Started, TurnOpened, WatchEnd
from mqtt_schemas.messages import (
    Ack,
    AgentClock,
    Checkpoint,
    Events,
    Link,
    LinkState,
    OutboxState,
    Phase,
    PlanInForce,
    Presence,
    Status,
    TimeAnswer,
    TimeRequest,
    TurnNow,
    Watching,
)
from mqtt_schemas.plan import (
    AtEnd,
    CheckIn,
    DatedCode,
    HashedCode,
    Notice,
    OutsideTurns,
    Plan,
    PrintFit,
    StaffCode,
    Turn,
    WalkIn,
    Window,
)
from mqtt_schemas.topics import Address, Instance

Json = dict[str, Any]

ADDRESS = Address("main", "lathe-1")
INSTANCE = Instance("library")
LOG = "9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d"
DATABASE = "3f6c1a52-8d40-4b7e-9a11-5c2e7d9b6f08"
BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CONNECTION = "0123456789abcdef0123456789abcdef"
NONCE = "fedcba9876543210fedcba9876543210"
START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
#: Boot time at START; the machine's wall clock is 12 ms behind.
BOOT_MS = 6_000_000
OFFSET_MS = 12
HOUR_MS = 3_600_000
#: When the use of the first turn was over, after START.
END_MS = HOUR_MS + 120_250
SESSION = "5f1c9a3e7d2b48c6a0e4f8d1b3c57a92"
WORDS = "harmaa kettu juoksee"


def check_in_code() -> HashedCode:
    """Return the code that WORDS opens."""
    salt = bytes(range(16))
    digest = hashlib.scrypt(WORDS.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return HashedCode(salt=salt.hex(), hash=digest.hex())


def plan() -> Plan:
    """Return a plan of two turns."""
    hour = timedelta(hours=1)
    first = Turn(
        id="b-4711",
        starts_at=START,
        ends_at=START + hour,
        warn_before=(600, 60),
        grace=120,
        at_end=AtEnd.LOCK,
        target_group="nuoret",
        party_size=2,
    )
    second = Turn(
        id="b-4712",
        starts_at=START + 2 * hour,
        ends_at=START + 3 * hour,
        at_end=AtEnd.FINISH_JOB,
        check_in=CheckIn(within=900, code=check_in_code()),
        run_on=4500,
    )
    notice = Notice(id="n-1", phrase="turn_over", until=START + 4 * hour)
    terms: Json = {"max_seconds": 1800, "gap": 300, "warn_before": (300, 60), "grace": 60}
    today = DatedCode(starts_at=START - hour, ends_at=START + 23 * hour, code=check_in_code())
    return sealed(
        Plan(
            issuer=INSTANCE.name,
            revision=7,
            digest="0" * 64,
            issued_at=START - hour,
            valid_until=START + timedelta(hours=96),
            after_expiry=OutsideTurns.CLOSED,
            outside_turns=OutsideTurns.CLOSED,
            turns=(first, second),
            windows=(Window(starts_at=START - hour, ends_at=START + 8 * hour),),
            notices=(notice,),
            walk_in=WalkIn(**terms),
            staff_code=StaffCode(**terms, days=(today,)),
            print_fit=PrintFit(),
        )
    )


def bodies() -> list[EventBody]:
    """Return what happens in the first turn: it is used from 65 s on until 2 min past its end."""
    group: Json = {"target_group": "nuoret", "party_size": 2}
    use: Json = {"turn": "b-4711", "session": SESSION, "basis": Basis.TURN, **group}
    return [
        TurnOpened(**_at(0), turn="b-4711", **group),
        Started(**_at(65_000), **use),
        Observed(
            **_at(HOUR_MS),
            from_ms=BOOT_MS,
            to_ms=BOOT_MS + HOUR_MS,
            device_link=_LINK,
            until=WatchEnd.HOUR,
        ),
        Ended(
            **_at(END_MS),
            **use,
            outcome=Outcome.TURN_OVER,
            active_ms=END_MS - 65_000,
            idle_ms=0,
            overrun_ms=END_MS - HOUR_MS,
            figures={"spindle_turns": 48_000},
        ),
    ]


def stored() -> list[bytes]:
    """Return the events as they stand on the agent's disk."""
    events, prev = [], first_link(LOG)
    for seq, body in enumerate(bodies(), start=1):
        events.append(event_bytes(seq, prev, body))
        prev = chain(events[-1])
    return events


def link(state: LinkState) -> Link:
    """Return a presence, or the will of the same connection."""
    return Link(
        state=state, connection=CONNECTION, boot_id=BOOT, version="acme-lathe 2.1", kind="lathe"
    )


def status() -> Status:
    """Return a heartbeat in the middle of the first turn."""
    agreed = plan()
    return Status(
        connection=CONNECTION,
        device_link=_LINK,
        state=DeviceState.IN_USE,
        turn=TurnNow(id="b-4711", phase=Phase.OPEN),
        session=Checkpoint(
            session=SESSION,
            turn="b-4711",
            basis=Basis.TURN,
            at_ms=BOOT_MS + HOUR_MS // 2,
            active_ms=HOUR_MS // 2 - 65_000,
            idle_ms=0,
        ),
        readings={"spindle_rpm": 802.5},
        plan=PlanInForce(issuer=agreed.issuer, revision=agreed.revision, digest=agreed.digest),
        clock=_clock(HOUR_MS // 2),
        watching=Watching(from_ms=BOOT_MS, to_ms=BOOT_MS + HOUR_MS // 2),
        outbox=OutboxState(log=LOG, first_kept=1, last=2, oldest_age_ms=None),
    )


def first_status() -> Status:
    """Return the first one of a new device."""
    return Status(
        connection=CONNECTION,
        device_link=_LINK,
        state=DeviceState.FREE,
        clock=_clock(0).model_copy(update={"offset_ms": None, "offset_age_ms": None}),
        outbox=OutboxState(log=LOG, first_kept=0, last=0, oldest_age_ms=None),
    )


def last_status() -> Status:
    """Return the one after the end of the turn."""
    free: Json = {"state": DeviceState.FREE, "turn": None, "session": None, "readings": {}}
    outbox = OutboxState(log=LOG, first_kept=1, last=4, oldest_age_ms=200)
    watching = Watching(from_ms=BOOT_MS + HOUR_MS, to_ms=BOOT_MS + END_MS + 200)
    free |= {"clock": _clock(END_MS + 200), "watching": watching, "outbox": outbox}
    return status().model_copy(update=free)


def ack(seq: int) -> Ack:
    """Return the acknowledgement of the events up to `seq`."""
    newest = chain(stored()[seq - 1]) if seq else None
    return Ack(log=LOG, seq=seq, chain=newest, database=DATABASE)


def time_answer() -> TimeAnswer:
    """Return the answer to a question that was 20 ms on its way."""
    received = START + timedelta(milliseconds=20)
    return TimeAnswer(nonce=NONCE, received=received, sent=received + timedelta(milliseconds=3))


def examples() -> dict[str, list[tuple[str, Message]]]:
    """Return examples of each message, with a sentence each, by the model's name."""
    events = Events(log=LOG, events=tuple(json.loads(event) for event in stored()))
    return {
        "Link": [
            ("Connected.", link("online")),
            ("The last will of that connection.", link("offline")),
        ],
        "Status": [("In the middle of a turn.", status())],
        "Events": [("The four events of a turn.", events)],
        "TimeRequest": [("A question.", TimeRequest(nonce=NONCE))],
        "TimeAnswer": [("Its answer.", time_answer())],
        "Ack": [
            ("Up to event 4.", ack(4)),
            ("From an orchestrator that knows nothing of this log.", ack(0)),
        ],
        "Plan": [("Two turns, closed outside them.", plan())],
        "Presence": [
            (
                "Running.",
                Presence(state="online", at=START, database=DATABASE, sites=(ADDRESS.site,)),
            )
        ],
    }


_LINK = DeviceLink.CONNECTED


def _clock(after_ms: int) -> AgentClock:
    return AgentClock(
        wall=START + timedelta(milliseconds=after_ms - OFFSET_MS),
        boot_id=BOOT,
        boot_ms=BOOT_MS + after_ms,
        offset_ms=OFFSET_MS,
        offset_age_ms=max(0, after_ms - 43),
    )


def _at(after_ms: int) -> Json:
    return {
        "rule": "acme-lathe/1",
        "wall": START + timedelta(milliseconds=after_ms - OFFSET_MS),
        "boot_id": BOOT,
        "boot_ms": BOOT_MS + after_ms,
        "offset_ms": OFFSET_MS,
    }
