"""Whether what was counted is what was true: the devices' journals against the database."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mqtt_schemas.topics import Address
from orchestrator.domain import usage
from orchestrator.domain.sessions import Session, SessionState
from orchestrator.store import sessions, totals
from orchestrator.store.rebuild import rebuild
from tests.simulation.device import Use
from tests.simulation.machine import Machine
from tests.simulation.server import ZONE, Server

if TYPE_CHECKING:
    from tests.simulation.library import Library

#: A checkpoint (agents.runtime.CHECKPOINT_MS) and the second in which it is noticed.
LOST_BY_A_CUT_MS = 31_500
#: From a change at the device until the agent knows: it looks at most every 50 ms
#: (agents.runtime.SETTLE), and the look takes up to 20 ms. Where it saves, or splits a session,
#: in between, it goes by what it saw last.
LOOK_MS = 75
#: Until an agent that starts, or reaches its device again, has looked at it.
LOST_BY_A_START_MS = 3_000

#: Until a device that hung is looked at again (Driver.interval).
LOST_BY_A_SILENCE_MS = 16_000

_FIGURES = ("active_ms", "idle_ms", "unobserved_ms")
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Logged:
    """One committed event."""

    address: Address
    log: str
    seq: int
    body: dict[str, Any]


def examine(library: Library) -> None:
    """Find all that is wrong at the end."""
    world, server = library.world, library.server
    if world.findings:
        return
    for machine in library.machines:
        box = machine.outbox
        if box is None or box.acknowledged != box.last:
            told = "not open" if box is None else f"{box.acknowledged} of {box.last} acknowledged"
            world.find(f"the outbox of {machine.name} is not drained: {told}")
    if server.database is None or world.findings:
        world.find("the orchestrator does not run, or not all was told")
        return
    connection = server.database.reader
    _examine_totals(library, connection)
    events = _events(connection)
    losses = _losses(connection)
    for machine in library.machines:
        _Examined(library, machine, events, losses, connection).examine()


def _examine_totals(library: Library, connection: sqlite3.Connection) -> None:
    """Totals are the sum of the sessions, and both are what the log says, and memory too."""
    find, server = library.world.find, library.server
    kept = totals.read(connection)
    rows = sessions.everything(connection)
    summed = usage.no_totals()
    for address, session in rows:
        usage.change(summed, address, None, session, ZONE)
    if usage.net(kept) != usage.net(summed):
        find("the totals are not the sum of the sessions")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        connection.backup(copy)
        rebuild(copy, ZONE)
        again = {(where, each.id): each for where, each in sessions.everything(copy)}
        if again != {(where, each.id): each for where, each in rows}:
            find("sessions made again from the log are others")
        if usage.net(totals.read(copy)) != usage.net(kept):
            find("totals made again from the log are others")
    assert server.ingest is not None
    if usage.net(server.ingest.totals) != usage.net(usage.without_hours(kept)):
        find("the totals in memory are not those on disk")


class _Examined:
    """One machine, and what came of its events."""

    def __init__(
        self,
        library: Library,
        machine: Machine,
        events: list[Logged],
        losses: dict[tuple[Address, str], list[Interval]],
        connection: sqlite3.Connection,
    ) -> None:
        self._world = library.world
        self._server: Server = library.server
        self._machine = machine
        self._events = [each for each in events if each.address == machine.address]
        self._losses = {
            log: spans for (address, log), spans in losses.items() if address == machine.address
        }
        self._sessions = [
            each for where, each in sessions.everything(connection) if where == machine.address
        ]
        # From the agent's disk as well: the begin of a session may be in a named loss.
        bodies = [json.loads(raw) for raw in machine.noted.events.values()]
        bodies += [each.body for each in reversed(self._events)]
        self._began = {body["session"]: body for body in bodies if body["type"] == "started"}
        self._ended = {
            (each.body["session"], *(each.body[name] for name in _FIGURES)): each.body
            for each in self._events
            if each.body["type"] == "ended"
        }

    def examine(self) -> None:
        self._examine_transport()
        self._examine_turns()
        counted = self._examine_sessions()
        if not self._machine.tainted and not self._losses:
            self._examine_completeness(counted)

    def _find(self, what: str) -> None:
        self._world.find(f"{self._machine.name}: {what}")

    def _examine_transport(self) -> None:
        """Look whether what was on the agent's disk is committed, or rightly called lost."""
        here = {(each.log, each.seq) for each in self._events}
        bodies = {_body(each.body) for each in self._events}
        for log, spans in self._losses.items():
            for first, last in spans:
                for seq in range(first, last + 1):
                    if (self._machine.address, log, seq) not in self._server.ever:
                        self._find(f"seq {seq} is called lost, and was never committed")
        if self._machine.tainted:
            return
        # An event that was logged anew may be lost under its new name.
        noted = self._machine.noted.events
        bodies |= {_body(json.loads(raw)) for key, raw in noted.items() if self._is_lost(*key)}
        for (log, seq), raw in noted.items():
            if (log, seq) not in here and _body(json.loads(raw)) not in bodies:
                self._find(f"event {seq} of log {log[:8]} has vanished")
                return

    def _examine_turns(self) -> None:
        """Look whether each turn was opened once, and none that needs a code without it."""
        if self._machine.tainted or self._losses or self._world.faults["machine copied"]:
            return
        bodies = [json.loads(raw) for raw in self._machine.noted.events.values()]
        opened = Counter(
            body["turn"]
            for body in {_body(b): b for b in bodies}.values()
            if body["type"] == "turn_opened"
        )
        twice = [turn for turn, times in opened.items() if times > 1]
        if twice:
            self._find(f"turn {twice[0][:6]} was opened {opened[twice[0]]} times")

    def _is_lost(self, log: str, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self._losses.get(log, ()))

    def _examine_sessions(self) -> int:
        """Sessions hold no more than the truth, and none twice. Returns what they hold."""
        counted = 0
        spans: list[tuple[int, int, str]] = []
        for session in self._sessions:
            if session.state is SessionState.OPEN:
                if not self._machine.tainted:
                    self._find(f"session {session.id[:6]} is still open")
                continue
            counted += session.active_ms + session.idle_ms
            began_ms = self._began_ms(session)
            if began_ms is None:
                self._find(f"session {session.id[:6]} has no begin")
                continue
            length = session.active_ms + session.idle_ms + session.unobserved_ms
            spans.append((began_ms, began_ms + length, session.id))
            self._hold_against_truth(session, began_ms, began_ms + length)
        for (_, ended_ms, one), (began_ms, _, other) in pairwise(sorted(spans)):
            if began_ms < ended_ms:
                self._find(f"{one[:6]} and {other[:6]} overlap by {ended_ms - began_ms} ms")
        return counted

    def _began_ms(self, session: Session) -> int | None:
        booted_ms = self._machine.booted_ms
        began = self._began.get(session.id)
        # A copy of the disk may have told another end.
        ended = self._ended.get((session.id, *(getattr(session, name) for name in _FIGURES)))
        if began is not None:
            return booted_ms[began["boot_id"]] + int(began["boot_ms"])
        if ended is not None:
            length = session.active_ms + session.idle_ms + session.unobserved_ms
            return booted_ms[ended["boot_id"]] + int(ended["boot_ms"]) - length
        return None

    def _hold_against_truth(self, session: Session, from_ms: int, to_ms: int) -> None:
        use = self._use_of(from_ms, to_ms)
        machine = self._machine
        # A driver that hangs for longer than the protocol allows is noticed by its silence.
        late_ms = LOOK_MS + machine.napped_ms + machine.device.silences * LOST_BY_A_SILENCE_MS
        for name, told, true in (
            ("active", session.active_ms, use.time(from_ms, to_ms, active=True)),
            ("idle", session.idle_ms, use.time(from_ms, to_ms, active=False)),
        ):
            if told > true + late_ms:
                self._find(
                    f"session {session.id[:6]} ({from_ms}..{to_ms}, {session.state}) has"
                    f" {told} ms {name}, the truth has {true}"
                )

    def _use_of(self, from_ms: int, to_ms: int) -> Use:
        """Return the use in which a session began; else that with which it shares most."""
        journal = self._machine.device.journal
        for use in journal:
            if use.spans[0].from_ms <= from_ms < (use.spans[-1].to_ms or 0):
                return use
        return max(journal, key=lambda each: each.time(from_ms, to_ms), default=Use("none"))

    def _examine_completeness(self, counted: int) -> None:
        """Look whether what was watched is counted, and all was watched but for the cuts."""
        watched = self._watched()
        machine = self._machine
        true = sum(
            max(0, min(span.to_ms or 0, to_ms) - max(span.from_ms, from_ms))
            for use in machine.device.journal
            for span in use.spans
            for from_ms, to_ms in watched
            if not span.parked
        )
        # What a device says once it hangs no more is late: its session has no place for it.
        late_ms = machine.device.silences * LOST_BY_A_SILENCE_MS
        if true > counted + late_ms + LOOK_MS * (machine.runs + len(self._sessions)):
            self._find(f"{true} ms of use were watched, {counted} ms are counted")
        missed = sum(
            1000 for at_ms in machine.awake_ms if not any(a <= at_ms <= b for a, b in watched)
        )
        allowed = (
            machine.cuts * LOST_BY_A_CUT_MS
            + machine.starts * LOST_BY_A_START_MS
            + machine.device.silences * LOST_BY_A_SILENCE_MS
            + machine.unsaved_ms
        )
        if missed > allowed:
            self._find(f"{missed} ms were watched without a word, {allowed} at most are excused")

    def _watched(self) -> list[Interval]:
        told = [
            (each.body["boot_id"], each.body["from_ms"], each.body["to_ms"])
            for each in self._events
            if each.body["type"] == "observed" and each.body["device_link"] == "connected"
        ]
        runtime = self._machine.runtime
        assert runtime is not None
        watch = runtime._state.watch
        if watch is not None and watch.device_link == "connected":
            told.append((self._machine.clock.boot_id, watch.from_ms, watch.to_ms))
        booted_ms = self._machine.booted_ms
        return _union((booted_ms[boot] + a, booted_ms[boot] + b) for boot, a, b in told)


def _events(connection: sqlite3.Connection) -> list[Logged]:
    rows = connection.execute(
        """SELECT site, device, logs.log, events.seq, raw
           FROM events JOIN logs ON logs.id = events.log ORDER BY events.id"""
    )
    return [
        Logged(Address(site, device), log, seq, json.loads(raw))
        for site, device, log, seq, raw in rows
    ]


def _losses(connection: sqlite3.Connection) -> dict[tuple[Address, str], list[Interval]]:
    result: dict[tuple[Address, str], list[Interval]] = {}
    for site, device, log, first, last in connection.execute(
        """SELECT site, device, logs.log, from_seq, to_seq
           FROM losses JOIN logs ON logs.id = losses.log"""
    ):
        result.setdefault((Address(site, device), log), []).append((first, last))
    return result


def _body(event: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in event.items() if k not in ("seq", "prev")}, sort_keys=True)


def _union(intervals: Iterable[Interval]) -> list[Interval]:
    result: list[Interval] = []
    for from_ms, to_ms in sorted(intervals):
        if result and from_ms <= result[-1][1]:
            result[-1] = result[-1][0], max(to_ms, result[-1][1])
        else:
            result.append((from_ms, to_ms))
    return result
