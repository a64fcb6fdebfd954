"""Writes as an agent or an orchestrator does, and tells what is safe: to be run under strace.

python -m tests.simulation.written outbox|unsynced-outbox|database|unsynced-database FOLDER
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from agents.outbox import Outbox
from mqtt_schemas.messages import Ack
from orchestrator.store.database import Database
from orchestrator.store.intake import take_in
from tests.agents.fakes import MORNING_MS, FakeClock, body
from tests.orchestrator.histories import History, ended, started
from tests.simulation.mutants import UnsyncedOutbox

COMMITS = 60
#: SQLite copies the write-ahead log into the file after so many pages, here after a few commits.
CHECKPOINT_PAGES = 25


def write_outbox(folder: Path, kind: type[Outbox], told: int) -> None:
    """Log events one by one; of some an acknowledgement comes."""
    clock = FakeClock()
    outbox = kind.open(folder / "outbox.db", clock=clock)
    outbox._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    for number in range(1, COMMITS + 1):
        clock.pass_(1000)
        outbox.commit([body(number)], {"saved": str(number)})
        os.write(told, b"%d\n" % number)
        if number % 7 == 0:
            chain = outbox._connection.execute(
                "SELECT chain FROM event WHERE seq = ?", (number - 2,)
            ).fetchone()[0]
            outbox.acknowledge(Ack(log=outbox.log, seq=number - 2, chain=chain))
    outbox.close()


async def write_database(folder: Path, told: int, *, synced: bool) -> None:
    """Take in sessions one by one."""
    database = Database.open(folder / "laitevuoro.db")
    level = "FULL" if synced else "OFF"
    pragmas = f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA synchronous = {level}"
    database._connection.executescript(pragmas)
    history = History()
    for number in range(1, COMMITS + 1):
        history.add(started(f"s{number}"), ended(f"s{number}"))
        batch = history.batch(2 * number - 1)
        work = partial(
            take_in, batches=[batch], now_ms=MORNING_MS, zone=ZoneInfo("Europe/Helsinki")
        )
        await database.write(work)
        os.write(told, b"%d\n" % number)
    database.close()


def main() -> None:
    """Do what the command line says."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT, 0o600)
    if what.endswith("outbox"):
        write_outbox(folder, UnsyncedOutbox if what.startswith("unsynced") else Outbox, told)
    else:
        asyncio.run(write_database(folder, told, synced=not what.startswith("unsynced")))


if __name__ == "__main__":
    main()
