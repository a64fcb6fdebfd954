"""Backing up and putting back, on real files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator import last_backup
from orchestrator.backup import BackupRefused, Restored, back_up, made_at, restore
from orchestrator.broker.credentials import Credentials
from orchestrator.config import Configuration
from orchestrator.places import DATABASE
from orchestrator.store.backup import Backup
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW
from tests.orchestrator.parts import PRINTER, configuration


class Machine:
    """A server with a state folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.config: Configuration = configuration(folder)
        self.state = self.config.orchestrator.state_dir
        self.database = self.state / DATABASE
        self.credentials = Credentials(self.state / "credentials")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the database as an orchestrator does."""
        self.state.mkdir(exist_ok=True)
        database = Database.open(self.database)
        try:
            yield
        finally:
            database.close()

    def mark(self, text: str) -> None:
        """Write something into the database."""
        with self.running(), closing(sqlite3.connect(self.database)) as rows:
            rows.execute("INSERT INTO counters VALUES (?, '', '', '', 1)", (text,))
            rows.commit()

    def marks(self, path: Path | None = None) -> list[str]:
        """Return what was written."""
        with closing(sqlite3.connect(path or self.database)) as rows:
            return [what for (what,) in rows.execute("SELECT what FROM counters ORDER BY what")]

    def back_up(self, target: Path, *, force: bool = False) -> Backup:
        """Make a backup."""
        return back_up(self.config, target, force=force, now=NOW, progress=lambda _, __: None)

    def restore(self, source: Path) -> Restored:
        """Put one back, an hour later."""
        later = NOW + timedelta(hours=1)
        return restore(self.config, source, now=later, progress=lambda _, __: None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a server that has run."""
    machine = Machine(tmp_path / "here")
    machine.mark("first")
    machine.credentials.keep({PRINTER.user: "secret"})
    return machine


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return where the backup goes."""
    return tmp_path / "backup.db"


def test_a_running_orchestrator_is_backed_up(machine: Machine, target: Path) -> None:
    """And the time is noted."""
    with machine.running():
        made = machine.back_up(target)
    assert made_at(made) == NOW
    assert set(made.files) == {"users.json"}
    assert last_backup.read(machine.state) == NOW
    assert machine.marks(target) == ["first"]


def test_what_is_there_is_replaced_only_by_force(machine: Machine, target: Path) -> None:
    """And stays whole until the new one is."""
    target.write_text("precious")
    with pytest.raises(BackupRefused, match=r"exists; --force replaces it\.$"):
        machine.back_up(target)
    assert target.read_text() == "precious"
    machine.back_up(target, force=True)
    assert machine.marks(target) == ["first"]


def test_a_failed_backup_leaves_nothing_behind(machine: Machine, target: Path) -> None:
    """Neither half a file nor a note of success."""
    with closing(sqlite3.connect(machine.database)) as rows:
        rows.execute("INSERT INTO events VALUES (1, 77, 1, 0, NULL, '{}')")
        rows.commit()
    with pytest.raises(BackupRefused, match="a row of events belongs to nothing"):
        machine.back_up(target)
    assert [each.name for each in target.parent.iterdir()] == ["here"]
    assert last_backup.read(machine.state) is None


@pytest.mark.parametrize(
    ("place", "sentence"),
    [("missing/backup.db", "There is no folder"), ("here", "is a folder; give a file's name")],
)
def test_a_place_that_is_none_is_refused(
    machine: Machine, tmp_path: Path, place: str, sentence: str
) -> None:
    """In one sentence."""
    with pytest.raises(BackupRefused, match=sentence):
        machine.back_up(tmp_path / place)


def test_there_must_be_a_database(tmp_path: Path, target: Path) -> None:
    """Before the first start."""
    with pytest.raises(BackupRefused, match="There is no database at"):
        Machine(tmp_path / "new").back_up(target)


def test_a_restore_keeps_what_it_replaces(machine: Machine, target: Path) -> None:
    """Under a dated name, whole, with what was still beside it."""
    machine.back_up(target)
    machine.mark("later")
    restored = machine.restore(target)
    assert machine.marks() == ["first"]
    assert restored.aside == machine.database.with_name("laitevuoro.db.replaced-20261125T130000Z")
    assert machine.marks(restored.aside) == ["first", "later"]
    assert restored.credentials == ()
    with machine.running():
        assert machine.marks() == ["first"]


def test_a_new_machine_gets_everything(machine: Machine, target: Path, tmp_path: Path) -> None:
    """Its devices need not be enrolled again."""
    hashes = machine.credentials.hashes()
    machine.back_up(target)
    new = Machine(tmp_path / "new")
    restored = new.restore(target)
    assert (restored.aside, restored.credentials) == (None, ("users.json",))
    assert new.marks() == ["first"]
    assert new.credentials.hashes() == hashes


def test_devices_enrolled_since_the_backup_keep_their_access(
    machine: Machine, target: Path
) -> None:
    """The machine's own credentials are newer than the backup's."""
    machine.back_up(target)
    machine.credentials.keep({"paja.pc-1": "new"})
    machine.restore(target)
    assert set(machine.credentials.hashes()) == {PRINTER.user, "paja.pc-1"}


def test_a_damaged_database_is_replaced_and_kept_too(machine: Machine, target: Path) -> None:
    """With its log beside it, which SQLite must not take for the new one's."""
    machine.back_up(target)
    machine.database.write_bytes(b"not a database" * 1000)
    beside = machine.database.with_name(f"{DATABASE}-wal")
    beside.write_bytes(b"a log")
    restored = machine.restore(target)
    assert machine.marks() == ["first"]
    assert restored.aside is not None
    assert restored.aside.read_bytes().startswith(b"not a database")
    assert restored.aside.with_name(f"{restored.aside.name}-wal").read_bytes() == b"a log"


def test_a_running_orchestrator_is_not_restored(machine: Machine, target: Path) -> None:
    """It would go on writing into the file that was put aside."""
    machine.back_up(target)
    with machine.running(), pytest.raises(BackupRefused, match=r"orchestrator runs on .*stop it"):
        machine.restore(target)
    assert [each.name for each in machine.state.glob("*replaced*")] == []


def test_a_damaged_backup_changes_nothing(machine: Machine, target: Path) -> None:
    """It is looked at before anything else is."""
    machine.back_up(target)
    target.write_bytes(target.read_bytes()[:8192])
    with pytest.raises(BackupRefused, match=r"damaged|malformed"):
        machine.restore(target)
    assert machine.marks() == ["first"]
    with pytest.raises(BackupRefused, match="There is no file"):
        machine.restore(target.with_name("elsewhere.db"))


def test_names_in_a_backup_lead_nowhere_else(
    machine: Machine, target: Path, tmp_path: Path
) -> None:
    """Somebody may have had it in his hands."""
    machine.back_up(target)
    with closing(sqlite3.connect(target)) as rows:
        for name in ("../evil.secret", "/tmp/evil.secret", "evil.toml"):  # noqa: S108 - a name
            rows.execute("INSERT INTO backup_files VALUES (?, 'x')", (name,))
        rows.commit()
    new = Machine(tmp_path / "new")
    assert new.restore(target).credentials == ("users.json",)
    assert sorted(each.name for each in (new.state / "credentials").iterdir()) == ["users.json"]
