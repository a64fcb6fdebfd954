"""A power cut takes nothing that was told to be safe: tried at every write of real processes.

kill -9 loses nothing even without a sync, so the writes and syncs of a process are recorded
under strace, and what was not synced is dropped, kept or torn, at each of them.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agents.outbox import Outbox, OutboxBroken
from orchestrator.domain import usage
from orchestrator.store import database, sessions, totals
from orchestrator.store.errors import DatabaseUnusable
from orchestrator.store.rebuild import rebuild
from tests.agents.fakes import FakeClock
from tests.parts import require
from tests.simulation.power_cut import Call, File, Folder, Write, calls, traced

pytestmark = pytest.mark.timeout(150)

Check = Callable[[Path, int], str | None]
ZONE = ZoneInfo("Europe/Helsinki")
#: At most so many cuts, evenly over all writes.
MOST_CUTS = 200


@pytest.fixture
def record(tmp_path: Path, folder: Path) -> Callable[[str], list[Call]]:
    """Give the system calls of a process that writes to `folder`."""
    require(shutil.which("strace"), "strace is not installed")

    def record(what: str) -> list[Call]:
        made = traced(what, folder, tmp_path / "strace.log")
        assert len([call for call in made if call.name == "pwrite64"]) > 150
        return made

    return record


def losses(recorded: list[Call], folder: Path, check: Check) -> list[str]:
    """Return what is wrong after a power cut at each write, and after each sync."""
    whole = Folder(folder)
    total = sum(whole.apply(call) for call in recorded)
    every, place = max(1, total // MOST_CUTS), folder / "cut"
    chance = random.Random(1)  # noqa: S311 - no secret
    found, number = list[str](), 0
    disk = Folder(folder)
    for call in recorded:
        if not disk.apply(call):
            continue
        number += 1
        if number % every:
            continue
        for keep in (False, True, chance):
            _lay_out(disk.cut(keep), place)
            wrong = check(place, disk.told)
            if wrong:
                found.append(f"cut {number} of {total}, told {disk.told}: {wrong}")
    assert disk.told == 60
    return found


def _lay_out(files: dict[str, bytes], place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)


def check_outbox(place: Path, told: int) -> str | None:
    """Open what is left of an outbox: events 1 to n, the state of n, and n at least `told`."""
    try:
        outbox = Outbox.open(place / "outbox.db", clock=FakeClock())
    except OutboxBroken as error:
        return str(error)
    with closing(outbox):
        raws: list[bytes] = []
        while batch := outbox.batch(len(raws)).events:
            raws += batch
        there = [json.loads(raw)["seconds"] for raw in raws]
        if there != list(range(1, len(there) + 1)) or len(there) not in (told, told + 1):
            return f"the outbox holds {there}"
        if outbox.load("saved") != (str(len(there)) if there else None):
            return f"the state is of {outbox.load('saved')}, the events are {len(there)}"
        if outbox.acknowledged > outbox.last:
            return "more is acknowledged than there is"
    return None


def check_database(place: Path, told: int) -> str | None:
    """Open what is left of a database: sessions 1 to n, and all that follows from them."""
    try:
        connection = database._connect(place / "laitevuoro.db")
    except DatabaseUnusable as error:
        return str(error)
    with closing(connection):
        [whole] = connection.execute("PRAGMA integrity_check").fetchone()
        if whole != "ok":
            return str(whole)
        [events] = connection.execute("SELECT count(*) FROM events").fetchone()
        if events not in (2 * told, 2 * told + 2):
            return f"{events} events are there"
        return _not_agreeing(connection, events // 2)


def _not_agreeing(connection: sqlite3.Connection, number: int) -> str | None:
    kept, rows = usage.net(totals.read(connection)), sessions.everything(connection)
    if len(rows) != number or sum(each.sessions for each in kept.values()) != number:
        return f"{number} ended, {len(rows)} sessions and the totals {kept}"
    rebuild(connection, ZONE)
    if usage.net(totals.read(connection)) != kept:
        return "totals made again from the log are others"
    return None


def test_the_outbox_keeps_what_it_took(record: Callable[[str], list[Call]], folder: Path) -> None:
    """`commit` returns only when events and state are safe."""
    assert losses(record("outbox"), folder, check_outbox) == []


def test_the_outbox_without_syncs_is_found(
    record: Callable[[str], list[Call]], folder: Path
) -> None:
    """The same with PRAGMA synchronous=OFF, which kill -9 would never tell."""
    assert len(losses(record("unsynced-outbox"), folder, check_outbox)) > 100


def test_the_database_keeps_what_it_took(record: Callable[[str], list[Call]], folder: Path) -> None:
    """`write` returns only when it is safe: what is acknowledged after it stays."""
    assert losses(record("database"), folder, check_database) == []


def test_the_database_without_syncs_is_found(
    record: Callable[[str], list[Call]], folder: Path
) -> None:
    """The same with PRAGMA synchronous=OFF."""
    assert len(losses(record("unsynced-database"), folder, check_database)) > 100


def test_a_write_is_safe_from_the_next_sync_on() -> None:
    """Before it a cut may keep it, or not."""
    folder = Folder(Path("/d"))
    created = Call("openat", ["AT_FDCWD", '""', "O_RDWR|O_CREAT"], [b"/d/f"], 3)
    folder.apply(created)
    folder.apply(Call("pwrite64", ["3", '""', "2", "1"], [b"ab"], 2))
    assert folder.cut(keep=True) == {"f": b"\0ab"}
    assert folder.cut(keep=False) == {}
    folder.apply(Call("fsync", ["3"], [], 0))
    folder.apply(Call("openat", ["AT_FDCWD", '""', "O_RDONLY"], [b"/d"], 4))
    assert folder.cut(keep=False) == {}
    folder.apply(Call("fsync", ["4"], [], 0))
    assert folder.cut(keep=False) == {"f": b"\0ab"}


def test_a_file_is_cut_to_a_length() -> None:
    """And filled up with zeros, where it was shorter."""
    assert File(bytearray(b"abc")).after([Write(2, None)]) == b"ab"
    assert File(bytearray(b"abc")).after([Write(4, None)]) == b"abc\0"


def test_a_call_that_another_thread_came_between_is_one_call(tmp_path: Path) -> None:
    """It counts where it finished."""
    log = tmp_path / "log"
    log.write_text(
        "7 fdatasync(5 <unfinished ...>\n"
        '8 write(3, "\\x31\\x0a", 2)        = 2\n'
        "7 <... fdatasync resumed>)         = 0\n"
        "7 +++ exited with 0 +++\n"
    )
    assert list(calls(log)) == [
        Call("write", ["3", '""', "2"], [b"1\n"], 2),
        Call("fdatasync", ["5"], [], 0),
    ]
