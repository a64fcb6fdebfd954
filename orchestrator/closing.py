"""Closing what no device will end: its machine never returned, or lost what it knew.

Every half minute: keep what is heard of open sessions -> close those whose time has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import partial

import structlog

from mqtt_schemas.topics import Address
from orchestrator.domain.silence import Reason, Seen, why_close
from orchestrator.ingest import Ingest
from orchestrator.store import checkpoints, silences
from orchestrator.store.checkpoints import Heard
from orchestrator.store.database import Connection, Database
from orchestrator.store.errors import StoreFailed
from orchestrator.store.intake import Taken
from orchestrator.store.silences import Open
from orchestrator.twins import ALIVE_SECONDS, Twin, Twins

#: Between two looks.
PAUSE_SECONDS = 30.0
#: Silence counts once we have listened for so long: agents come back within it.
LISTENED_SECONDS = 2 * ALIVE_SECONDS

_LOG = structlog.get_logger(__name__)


class Closing:
    """Watches over open sessions. after_ms: a device's silence until its session is closed."""

    def __init__(
        self,
        *,
        database: Database,
        twins: Twins,
        ingest: Ingest,
        connected: Callable[[], bool],
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float],
        zone: tzinfo,
        after_ms: int,
    ) -> None:
        self._database = database
        self._twins = twins
        self._ingest = ingest
        self._connected = connected
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._zone = zone
        self._after_ms = after_ms
        self._listening_since: float | None = None
        self._untold: set[Open] = set()

    async def load(self) -> None:
        """Give the twins the checkpoints that were heard before this process. Raises StoreFailed.

        The broker may have lost the retained ones.
        """
        for address, heard in (await self._database.read(checkpoints.load)).items():
            if (twin := self._twins.find(address)) is not None and twin.checkpoint is None:
                twin.checkpoint = heard.checkpoint

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except StoreFailed as error:
                _LOG.warning("open_sessions_not_looked_at", reason=str(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> None:
        """Keep what was heard, and close what is to be closed. Raises StoreFailed."""
        opened, stored = await self._database.read(_read)
        heard = {each.address: self._heard(each.address, stored) for each in opened}
        closings = [
            silences.Closing(each, heard[each.address].checkpoint, reason)
            for each in opened
            if (reason := self._why_close(each, heard[each.address])) is not None
        ]
        changed = {address: new for address, new in heard.items() if stored.get(address) != new}
        if not changed and not closings:
            return
        work = partial(
            _write, heard=changed, closings=closings, now_ms=self._wall_ms(), zone=self._zone
        )
        self._ingest.keep(await self._database.write(work))
        for each in closings:
            _LOG.warning("session_closed", device=str(each.open.address), reason=each.reason)

    def _heard(self, address: Address, stored: Mapping[Address, Heard]) -> Heard:
        twin, before, now = self._twins.find(address), stored.get(address), self._wall_ms()
        checkpoint = twin.checkpoint if twin and twin.checkpoint else None
        if twin and twin.heard is not None and twin.online(self._monotonic()):
            return Heard(checkpoint, now - round(1000 * (self._monotonic() - twin.heard)))
        if before is None:
            return Heard(checkpoint, now)
        return Heard(checkpoint or before.checkpoint, before.at_ms)

    def _why_close(self, opened: Open, heard: Heard) -> Reason | None:
        twin = self._twins.find(opened.address)
        online = twin is not None and twin.online(self._monotonic())
        status = twin.status if twin is not None else None
        seen = Seen(
            online=online,
            told_all=twin is not None and self._told_all(twin),
            session=status.session.session if status and status.session else None,
            silent_ms=self._wall_ms() - heard.at_ms if self._has_listened() else 0,
        )
        reason = why_close(opened.session, seen, after_ms=self._after_ms)
        if reason is not Reason.UNTOLD:
            self._untold.discard(opened)
            return reason
        # Seen twice: its event may just be on the way to its disk.
        if opened in self._untold:
            return reason
        self._untold.add(opened)
        return None

    def _told_all(self, twin: Twin) -> bool:
        status = twin.status
        return (
            status is not None
            and status.outbox.oldest_age_ms is None
            and "outbox_unwritable" not in status.problems
            and self._ingest.has_all(twin.address, status.outbox)
        )

    def _has_listened(self) -> bool:
        """Tell whether we would have heard a device that lives. While we are away, none is silent.

        Nor in the first minutes: they have just begun to come back.
        """
        if not self._connected():
            self._listening_since = None
            return False
        now = self._monotonic()
        if self._listening_since is None:
            self._listening_since = now
        return now - self._listening_since >= LISTENED_SECONDS


def _read(rows: Connection) -> tuple[list[Open], dict[Address, Heard]]:
    return silences.still_open(rows), checkpoints.load(rows)


def _write(
    rows: Connection,
    *,
    heard: Mapping[Address, Heard],
    closings: list[silences.Closing],
    now_ms: int,
    zone: tzinfo,
) -> Taken:
    checkpoints.keep(rows, heard)
    changes, counts = silences.close_silent(rows, closings, now_ms=now_ms, zone=zone)
    return Taken(totals=changes, counts=counts)
