"""The real parts, each broken in one place: what the simulation must find.

Each is a subclass, or a variant to put in a function's place; no file is changed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agents.clock import Clock
from agents.outbox import Outbox, OutboxUnwritable
from mqtt_schemas.codec import Incoming
from mqtt_schemas.topics import Channel
from orchestrator.domain import sequence
from orchestrator.domain.sequence import Verdict, Water
from orchestrator.store.writer import _Job
from tests.simulation.network import AgentConnection, AgentLink, Client
from tests.simulation.server import InlineWriter


class EarlyWriter(InlineWriter):
    """Tells what a transaction does before it is committed: so it is acknowledged before."""

    async def _commit_soon(self, jobs: list[_Job]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                job.result = job.work(self._connection)
        except Exception:  # noqa: BLE001 - the real one says what is wrong
            self._connection.execute("ROLLBACK")
        else:
            self._connection.execute("ROLLBACK")
            for job in jobs:
                job.deliver()
            await asyncio.sleep(self._server.world.between(0.01, 0.1))
        await super()._commit_soon(jobs)


def accepts_gaps(
    water: Water, event: Incoming, *, committed: Mapping[int, str], first_kept: int | None
) -> Verdict:
    """Judge as the real rule does, but take whatever is new."""
    verdict = sequence.judge(water, event, committed=committed, first_kept=first_kept)
    return Verdict.NEXT if verdict is Verdict.GAP else verdict


class DeletesOnPuback(AgentConnection):
    """Takes the broker's word for the orchestrator's."""

    def __init__(self, client: Client, link: ForgetfulLink, connection_id: str) -> None:
        super().__init__(client, link.address, connection_id)
        self._link = link

    async def publish(
        self, channel: Channel, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish, and delete what the broker acknowledged."""
        await super().publish(channel, payload, qos=qos, retain=retain)
        if channel is Channel.EVENTS:
            self._link.delete(json.loads(payload)["events"][-1]["seq"])


class ForgetfulLink(AgentLink):
    """A link whose connections delete on PUBACK."""

    def connected(self, client: Client, connection_id: str) -> AgentConnection:
        """Return a forgetful connection."""
        return DeletesOnPuback(client, self, connection_id)

    def delete(self, seq: int) -> None:
        """Delete events up to `seq`, the newest event excepted: the chain goes on from it."""
        outbox = self.outbox()
        if outbox is not None:
            sql = "DELETE FROM event WHERE seq <= ? AND seq < ?"
            with suppress(OutboxUnwritable):
                outbox._transaction((sql, [(seq, outbox.last)]))


class UnsyncedOutbox(Outbox):
    """Leaves it to the operating system when to write."""

    @classmethod
    def open(cls, path: Path, *, clock: Clock, **options: Any) -> Outbox:  # noqa: ANN401 - of the real one
        """Open it without syncs."""
        outbox = super().open(path, clock=clock, **options)
        outbox._connection.execute("PRAGMA synchronous = OFF")
        return outbox
