"""Taking events in: one transaction for the log, everything derived from it, and the counters."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from mqtt_schemas.codec import Incoming
from mqtt_schemas.messages import Ack, Checkpoint
from mqtt_schemas.topics import Address
from orchestrator.domain.sequence import Verdict, Water, empty, judge
from orchestrator.domain.sessions import Session
from orchestrator.domain.silence import Reason
from orchestrator.domain.usage import Totals, no_totals
from orchestrator.store import counters, events, identity, logs, sessions
from orchestrator.store.counters import CLOSED, EVENTS, Counted, Counts
from orchestrator.store.ledger import Ledger
from orchestrator.store.logs import Log


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one log, as one message brought them.

    first_kept: by the device's newest status about this log, if any. checkpoint: the last
    one seen of the device, of whichever session.
    """

    address: Address
    log: str
    events: tuple[Incoming, ...]
    first_kept: int | None = None
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A device whose status does not agree with what is committed is to be told."""

    address: Address
    log: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a transaction did. To be acted upon only once it is committed.

    acks: the newest of each log. tips: the high water of the logs that were touched.
    turns: the devices that told of turns what can't wait. booked: those with a new
    booking of their own.
    """

    acks: dict[tuple[Address, str], Ack] = field(default_factory=dict)
    tips: dict[Address, tuple[str, int]] = field(default_factory=dict)
    totals: Totals = field(default_factory=no_totals)
    counts: Counts = field(default_factory=Counts)
    turns: set[Address] = field(default_factory=set)
    booked: set[Address] = field(default_factory=set)


def take_in(
    connection: sqlite3.Connection,
    *,
    batches: Iterable[Batch],
    questions: Sequence[Question] = (),
    now_ms: int,
    zone: tzinfo,
) -> Taken:
    """Commit what follows the high water of each log, and say how far each log now is."""
    intake = _Intake(connection, now_ms=now_ms, zone=zone)
    for batch in batches:
        intake.take(batch)
    intake.write()
    for question in questions:
        intake.answer(question.address, question.log)
    return intake.taken


class _Intake:
    def __init__(self, connection: sqlite3.Connection, *, now_ms: int, zone: tzinfo) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._ledger = Ledger(connection, zone)
        self._next_id = events.next_id(connection)
        self._database = identity.read(connection)
        self._rows: list[events.Row] = []
        self._closures: list[tuple[int, Session]] = []
        self._logs: dict[tuple[Address, str], Log] = {}
        turns = self._ledger.turns
        self.taken = Taken(totals=self._ledger.changes, turns=turns.touched, booked=turns.booked)

    def take(self, batch: Batch) -> None:
        log = self._find(batch.address, batch.log)
        water = log.water if log else empty(batch.log)
        committed = self._committed(log, batch)
        results: Counter[str] = Counter()
        self._ledger.expect(batch.address, batch.events)
        for position, event in enumerate(batch.events):
            verdict = judge(water, event, committed=committed, first_kept=batch.first_kept)
            if verdict is Verdict.DUPLICATE:
                results["duplicate"] += 1
                continue
            if verdict is Verdict.GAP or verdict is Verdict.FORK:
                # What follows is no better; by the acknowledgement the sender goes back.
                results[verdict.value] += len(batch.events) - position
                if verdict is Verdict.FORK:
                    logs.fork(self._connection, batch.address, batch.log, event, self._now_ms)
                break
            if log is None:
                log = self._begin(batch, water)
            if verdict is Verdict.LOSS:
                results["loss"] += self._lose(batch, log, water.seq + 1, event.seq - 1)
            results[self._accept(log, event)] += 1
            water = Water(event.seq, event.chain)
        if log is not None:
            self._logs[batch.address, batch.log] = replace(log, water=water)
        self._count(batch.address, results)
        self._tell(batch.address, batch.log, water)

    def write(self) -> None:
        if self._rows:
            events.append(self._connection, self._rows)
        if self._closures:
            sessions.record_closures(self._connection, self._closures)
        for log in self._logs.values():
            logs.move(self._connection, log, log.water)
        self._ledger.write()
        if self.taken.counts:
            counters.add(self._connection, self.taken.counts)

    def answer(self, address: Address, name: str) -> None:
        log = self._find(address, name)
        self._tell(address, name, log.water if log else empty(name))

    def _find(self, address: Address, name: str) -> Log | None:
        return self._logs.get((address, name)) or logs.find(self._connection, address, name)

    def _committed(self, log: Log | None, batch: Batch) -> dict[int, str]:
        """Return the chain values that the batch's repetitions are to be held against."""
        if log is None or batch.events[0].seq > log.water.seq:
            return {}
        seqs = [each.seq for each in batch.events]
        committed = events.chains(self._connection, log.id, min(seqs), max(seqs))
        waiting = [row for row in self._rows if row.log == log.id and row.seq in seqs]
        return committed | {row.seq: events.chain_of(row.raw) for row in waiting}

    def _begin(self, batch: Batch, water: Water) -> Log:
        """Make a new log. What the device's old one left open will not be ended by it."""
        log = logs.begin(self._connection, batch.address, batch.log, water, self._now_ms)
        self._close_open(batch, log, Reason.NEW_LOG)
        return log

    def _lose(self, batch: Batch, log: Log, first: int, last: int) -> int:
        """Name a loss, and return how large it is. In it may be the end of what is open."""
        logs.lose(self._connection, log, first, last, self._now_ms)
        self._close_open(batch, log, Reason.LOSS)
        return last - first + 1

    def _close_open(self, batch: Batch, log: Log, reason: Reason) -> None:
        closed = self._ledger.close_open(batch.address, log.id, batch.checkpoint)
        self._closures += [(self._next_id, session) for session in closed]
        if closed:
            counted = Counted(CLOSED, reason, batch.address.site, batch.address.device)
            self.taken.counts[counted] += len(closed)

    def _accept(self, log: Log, incoming: Incoming) -> str:
        """Take an event in. Returns how it is counted."""
        reason = self._ledger.take(log.address, log.id, incoming)
        self._rows.append(
            events.Row(
                self._next_id, log.id, incoming.seq, self._now_ms, reason, incoming.raw.decode()
            )
        )
        self._next_id += 1
        return "accepted" if reason is None else "set_aside"

    def _count(self, address: Address, results: Counter[str]) -> None:
        for result, number in results.items():
            counted = Counted(EVENTS, result, address.site, address.device)
            self.taken.counts[counted] += number

    def _tell(self, address: Address, name: str, water: Water) -> None:
        chain = water.chain if water.seq else None
        self.taken.acks[address, name] = Ack(
            log=name, seq=water.seq, chain=chain, database=self._database
        )
        self.taken.tips[address] = (name, water.seq)
