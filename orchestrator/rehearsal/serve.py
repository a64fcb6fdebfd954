"""`python -m orchestrator.rehearsal.serve --config FILE`: an orchestrator that can be spoilt.

The same orchestrator as `laitevuoro serve`, with less patience. The rehearsal tells it on
standard input, a JSON line at a time, how things are to be from now on; the first line comes
before anything is started. No variable or option of the real commands leads here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from orchestrator import logs
from orchestrator.app import Clocks, Edges, Signals, serve
from orchestrator.bus import Patience
from orchestrator.config import load
from orchestrator.notify import Notify
from orchestrator.rehearsal.spoilt import Spoilt
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed
from orchestrator.store.offline import MOST_PAGES, take_at_most

#: A rehearsal has minutes for what a library sees in years.
PATIENCE = Patience(acknowledged_within=2.0, longest_wait=2.0)
#: Seconds until a limit that a failing commit took with it is set again.
AGAIN = 0.2


class World:
    """The clock and the disk of a rehearsed orchestrator."""

    def __init__(self, spoilt: Spoilt) -> None:
        self._spoilt = spoilt
        self._database: Database | None = None
        self._changed = asyncio.Event()

    @property
    def clocks(self) -> Clocks:
        """The clocks to go by."""
        return Clocks(wall_ms=self._wall_ms, now=self._now)

    def opened(self, database: Database) -> None:
        """Let the database stand on this disk."""
        self._database = database
        self._changed.set()

    def spoil(self, line: bytes) -> None:
        """Be from now on as the line says."""
        self._spoilt = Spoilt.model_validate_json(line)
        self._changed.set()

    async def fill_disk(self) -> None:
        """Keep the disk as full as it is to be, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._database is None:
                continue
            pages = 1 if self._spoilt.disk_full else MOST_PAGES
            try:
                await self._database.write(partial(take_at_most, pages=pages))
            except StoreFailed:
                await asyncio.sleep(AGAIN)
                self._changed.set()

    def _wall_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._spoilt.wall_ahead_ms

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(milliseconds=self._spoilt.wall_ahead_ms)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.rehearsal.serve")
    parser.add_argument("--config", type=Path, required=True)
    path: Path = parser.parse_args(arguments).config
    logs.configure(level="info", stream=sys.stderr)
    asyncio.run(_run(path))
    return 0


async def _run(path: Path) -> None:
    loop = asyncio.get_running_loop()
    listening = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(listening), sys.stdin)
    world = World(Spoilt.model_validate_json(await listening.readline()))
    signals = Signals(stop=asyncio.Event(), reload=asyncio.Event())
    loop.add_signal_handler(signal.SIGTERM, signals.stop.set)
    beside = [
        asyncio.create_task(_listen(listening, world), name="rehearsal"),
        asyncio.create_task(world.fill_disk(), name="disk"),
    ]
    edges = Edges(patience=PATIENCE, opened=world.opened)
    try:
        await serve(
            load(path, os.environ),
            signals=signals,
            notify=Notify(),
            clocks=world.clocks,
            edges=edges,
        )
    finally:
        for task in beside:
            task.cancel()


async def _listen(listening: asyncio.StreamReader, world: World) -> None:
    while line := await listening.readline():
        world.spoil(line)


if __name__ == "__main__":
    sys.exit(main())
