"""`python -m agents.rehearsal --config FILE`: an agent whose clock and disk can be spoilt.

The same agent as `laitevuoro-agent run`, with less patience. The rehearsal tells it on standard
input, a JSON line at a time, how things are to be from now on; the first line comes before
anything is started. No variable or option of the real commands leads here.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agents.app import Edges, serve
from agents.clock import SystemClock
from agents.config import load
from agents.outbox import MOST_PAGES, Outbox

#: Seconds. A rehearsal has minutes for what a library sees in years.
TIMEOUT, LONGEST_WAIT = 2.0, 2.0


class Spoilt(BaseModel):
    """How things are to be: what the wall clock is ahead, and whether the disk is full."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    wall_ahead_ms: int = 0
    disk_full: bool = False


class World:
    """The clock and the disks of a rehearsed agent."""

    def __init__(self, spoilt: Spoilt) -> None:
        self._spoilt = spoilt
        self._system = SystemClock()
        self._outboxes: list[Outbox] = []
        self.boot_id = self._system.boot_id

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by a clock that is stepped."""
        return self._system.wall_ms() + self._spoilt.wall_ahead_ms

    def boot_ms(self) -> int:
        """Return milliseconds since boot: this clock can't be stepped."""
        return self._system.boot_ms()

    def opened(self, outbox: Outbox) -> None:
        """Let an outbox stand on this disk."""
        self._outboxes.append(outbox)
        self._limit(outbox)

    def spoil(self, line: bytes) -> None:
        """Be from now on as the line says."""
        self._spoilt = Spoilt.model_validate_json(line)
        for outbox in self._outboxes:
            self._limit(outbox)

    def _limit(self, outbox: Outbox) -> None:
        outbox.take_at_most(1 if self._spoilt.disk_full else MOST_PAGES)


def lines(hear: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return what takes bytes as they come, and lets each whole line be heard."""
    waiting = bytearray()

    def take(data: bytes) -> None:
        waiting.extend(data)
        while (end := waiting.find(b"\n")) >= 0:
            line = bytes(waiting[:end])
            del waiting[: end + 1]
            hear(line)

    return take


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m agents.rehearsal", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    path: Path = parser.parse_args(arguments).config
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="INFO")
    # Unbuffered: what follows the first line is for the loop to read.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
        first = stdin.readline()
    asyncio.run(_run(path, World(Spoilt.model_validate_json(first))))
    return 0


async def _run(path: Path, world: World) -> None:
    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()
    take = lines(world.spoil)

    def read() -> None:
        data = os.read(stdin, 65_536)
        if not data:
            loop.remove_reader(stdin)
        take(data)

    loop.add_reader(stdin, read)
    edges = Edges(clock=world, timeout=TIMEOUT, longest_wait=LONGEST_WAIT, opened=world.opened)
    await serve(load(path, os.environ), edges)


if __name__ == "__main__":
    sys.exit(main())
