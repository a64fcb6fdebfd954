"""What a device's agent logs in the course of its days; outboxes and databases full of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import count, islice
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_OID, uuid5

from agents.app import open_outbox
from agents.clock import SystemClock
from mqtt_schemas.base import Basis, DeviceLink, Outcome, utc_from_ms
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import Incoming, event_bytes
from mqtt_schemas.events import (
    Ended,
    Event,
    EventBody,
    Observed,
    OrderOutcome,
    OrderResult,
    Started,
    Step,
    TurnOpened,
    WatchEnd,
)
from mqtt_schemas.topics import Address
from orchestrator.store.intake import Batch, take_in
from orchestrator.store.migrations import migrate

BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#: 2026-01-05T08:00:00Z, and an hour.
BEGIN, HOUR = 1_767_600_000_000, 3_600_000
#: In one commit while an outbox is filled, which is no matter of the measurement.
FILL = 500


def bodies(device: str) -> Iterator[EventBody]:
    """Yield a device's events, for ever: each hour a turn that is warned of and ended."""
    for hour in count():
        yield from _hour(device, hour)


def _hour(device: str, hour: int) -> Iterator[EventBody]:
    turn: dict[str, Any] = {"turn": _id(device, "turn", hour)[:12]}
    session = turn | {"session": _id(device, "session", hour)}
    yield TurnOpened(**turn, **_at(hour, 0), target_group="nuoret", party_size=2)
    yield Started(**session, **_at(hour, 2), basis=Basis.TURN, target_group="nuoret", party_size=2)
    warned = session | _at(hour, 45)
    yield OrderResult(**warned, step=Step.WARN, outcome=OrderOutcome.DONE)
    yield Ended(
        **session,
        **_at(hour, 50),
        basis=Basis.TURN,
        outcome=Outcome.TURN_OVER,
        active_ms=2_700_000,
        idle_ms=180_000,
        categories={"game": 2_400_000, "other": 300_000},
        target_group="nuoret",
        party_size=2,
    )
    yield OrderResult(**session, **_at(hour, 50), step=Step.END, outcome=OrderOutcome.DONE)
    yield Observed(
        **_at(hour, 60),
        from_ms=hour * HOUR,
        to_ms=(hour + 1) * HOUR,
        device_link=DeviceLink.CONNECTED,
        until=WatchEnd.HOUR,
    )


def _id(*parts: object) -> str:
    """Return an id as long as a real one."""
    return uuid5(NAMESPACE_OID, "/".join(map(str, parts))).hex


def _at(hour: int, minute: int) -> dict[str, Any]:
    at_ms = hour * HOUR + minute * 60_000
    return {
        "rule": "pc/1",
        "wall": utc_from_ms(BEGIN + at_ms),
        "boot_id": BOOT,
        "boot_ms": at_ms,
        "offset_ms": 12,
    }


def fill(folder: Path, device: str, events: int) -> None:
    """Make the outbox of an agent that has waited long."""
    outbox, _ = open_outbox(folder, SystemClock())
    life = bodies(device)
    try:
        for done in range(0, events, FILL):
            outbox.commit(list(islice(life, min(FILL, events - done))), {})
    finally:
        outbox.close()


def stored(events: int) -> Sequence[str]:
    """Return events as the orchestrator stores them: what a row of the log holds."""
    link = "0" * 64
    return [
        event_bytes(seq, link, body).decode()
        for seq, body in enumerate(islice(bodies("pc-1"), events), start=1)
    ]


def fill_log(database: Path, device: str, events: int) -> None:
    """Let an orchestrator's database hold a device's events, and all that follows from them."""
    connection = sqlite3.connect(database, isolation_level=None)
    # Synced or not is no matter of the measurement either.
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
    try:
        migrate(connection)
        log = str(uuid5(NAMESPACE_OID, device))
        chained = _chained(log, islice(bodies(device), events))
        while batch := tuple(islice(chained, FILL)):
            connection.execute("BEGIN IMMEDIATE")
            taken = [Batch(address=Address("library", device), log=log, events=batch)]
            take_in(connection, batches=taken, now_ms=BEGIN, zone=UTC)
            connection.execute("COMMIT")
    finally:
        connection.close()


def _chained(log: str, events: Iterator[EventBody]) -> Iterator[Incoming]:
    link = first_link(log)
    for seq, event in enumerate(events, start=1):
        raw = event_bytes(seq, link, event)
        yield Incoming(seq, link, chain(raw), raw, cast("Event", event))
        link = chain(raw)
