"""Agents with a backlog: `laitevuoro-agent run` of many devices, until all is acknowledged.

python -m tests.benchmarks.senders CONFIG
Says "ready", waits for a line, runs the agents, and prints the seconds that it took: from all
outboxes opened, but nothing connected, to every event acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from agents.app import Edges, serve
from agents.config import load
from agents.outbox import Outbox

#: Seconds from look to look, which nothing tells of.
LOOK = 0.01


async def main(path: Path) -> None:
    """Run until all is acknowledged."""
    outboxes: list[Outbox] = []
    began = 0.0

    def opened(outbox: Outbox) -> None:
        nonlocal began
        outboxes.append(outbox)
        began = time.perf_counter()

    configuration = load(path, os.environ)
    _say("ready")
    sys.stdin.readline()
    agents = asyncio.create_task(serve(configuration, Edges(opened=opened)))
    while len(outboxes) < len(configuration.device) or any(map(_waits, outboxes)):  # noqa: ASYNC110
        await asyncio.sleep(LOOK)
    _say(str(time.perf_counter() - began))
    os.kill(os.getpid(), signal.SIGTERM)
    await agents


def _waits(outbox: Outbox) -> bool:
    return outbox.acknowledged < outbox.last


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
