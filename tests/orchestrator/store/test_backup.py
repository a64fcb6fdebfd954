"""A backup's file: whole, verified, and readable by anything that reads SQLite."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator.store import backup, sessions, totals
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseUnusable
from orchestrator.store.intake import take_in
from tests.orchestrator.histories import MORNING, History, ended, started

FILES = {"users.json": b"{}", "main.orchestrator.secret": b"s"}


def _quietly(_: int, __: int) -> None:
    """Take progress."""


async def _uses(database: Database, number: int) -> None:
    """Have so many uses counted."""
    history = History()
    for use in range(number):
        history.add(started(f"s{use}"), ended(f"s{use}"))
    batches = [history.batch(first, first + 49) for first in range(1, 2 * number + 1, 50)]
    zone = ZoneInfo("Europe/Helsinki")
    await database.write(lambda rows: take_in(rows, batches=batches, now_ms=MORNING, zone=zone))


def _save(source: Path, target: Path) -> backup.Backup:
    return backup.save(
        source, target, files=FILES, made_ms=MORNING, version="1.2.3", progress=_quietly
    )


def _change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as rows:
        rows.executescript(sql)


async def test_what_is_saved_is_one_state_of_a_database_in_use(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written to meanwhile, between every two steps; what came later is not in it."""
    await _uses(database, 300)
    target = tmp_path / "backup.db"
    monkeypatch.setattr(backup, "_STEP", 5)
    writing = sqlite3.connect(database.path)
    steps: list[tuple[int, int]] = []

    def meanwhile(done: int, pages: int) -> None:
        steps.append((done, pages))
        writing.execute("INSERT INTO counters VALUES ('x', ?, '', '', 1)", (len(steps),))
        writing.commit()

    made = backup.save(
        database.path, target, files=FILES, made_ms=MORNING, version="1.2.3", progress=meanwhile
    )
    writing.close()
    assert steps[-1][0] == steps[-1][1]
    assert len(steps) == -(-steps[-1][1] // 5)
    assert made == backup.verified(target)
    assert (made.events, made.database, made.version) == (600, database.name, "1.2.3")
    assert made.files == FILES
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(sqlite3.connect(target)) as rows:
        assert rows.execute("SELECT count(*) FROM counters WHERE what = 'x'").fetchone() == (0,)


async def test_what_is_unpacked_is_what_was_saved(database: Database, tmp_path: Path) -> None:
    """The tables of the backup itself are gone, and it opens as any database does."""
    await _uses(database, 1)
    _save(database.path, tmp_path / "backup.db")
    backup.unpack(tmp_path / "backup.db", tmp_path / "new.db", progress=_quietly)
    before = await database.read(lambda rows: (sessions.everything(rows), totals.read(rows)))
    again = Database.open(tmp_path / "new.db")
    assert again.name == database.name
    assert await again.read(lambda rows: (sessions.everything(rows), totals.read(rows))) == before
    with pytest.raises(sqlite3.OperationalError, match="no such table: backup"):
        await again.read(lambda rows: rows.execute("SELECT * FROM backup"))
    again.close()


def test_a_plain_copy_of_a_database_will_do(database: Database, tmp_path: Path) -> None:
    """As somebody makes it with cp while the orchestrator is stopped."""
    database.close()
    copy = tmp_path / "copy.db"
    copy.write_bytes(database.path.read_bytes())
    found = backup.verified(copy)
    assert (found.made_ms, found.files, found.database) == (None, {}, database.name)
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]


def test_an_older_one_is_brought_up_to_date(database: Database, tmp_path: Path) -> None:
    """A backup of the version before can be restored after an upgrade."""
    _save(database.path, tmp_path / "old.db")
    _change(
        tmp_path / "old.db",
        "DROP TABLE identity; DELETE FROM _sqlite_migrations WHERE name = 'm0004_identity'",
    )
    assert backup.verified(tmp_path / "old.db").database is None
    backup.unpack(tmp_path / "old.db", tmp_path / "new.db", progress=_quietly)
    Database.open(tmp_path / "new.db").close()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            """INSERT INTO _sqlite_migrations (migration_set, name, applied_at)
               VALUES ('laitevuoro', 'm9999_more', 'x')""",
            r"newer version of Laitevuoro \(m9999_more is unknown here\)\.",
        ),
        ("DROP TABLE _sqlite_migrations", r"it is no database of Laitevuoro\."),
        (
            "INSERT INTO events VALUES (1, 77, 1, 0, NULL, '{}')",
            r"it is damaged: a row of events belongs to nothing\.",
        ),
    ],
)
def test_what_can_not_be_trusted_is_refused_in_one_sentence(
    database: Database, tmp_path: Path, spoil: str, sentence: str
) -> None:
    """Each names the file."""
    path = tmp_path / "backup.db"
    _save(database.path, path)
    _change(path, spoil)
    with pytest.raises(DatabaseUnusable, match=sentence) as refused:
        backup.verified(path)
    assert str(refused.value).startswith(f"{path}: ")


async def test_a_damaged_page_is_found(database: Database, tmp_path: Path) -> None:
    """Before it takes the place of a database that may be whole."""
    await _uses(database, 300)
    path = tmp_path / "backup.db"
    _save(database.path, path)
    content = bytearray(path.read_bytes())
    content[40 * 4096 : 40 * 4096 + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match=r"damaged|malformed"):
        backup.verified(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A text, an empty file."""
    for content in (b"hello" * 1000, b""):
        path = tmp_path / "text.db"
        path.write_bytes(content)
        with pytest.raises(DatabaseUnusable, match=r"not a database|no database of Laitevuoro"):
            backup.verified(path)
