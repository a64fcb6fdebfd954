"""The database's own name."""

from __future__ import annotations

from pathlib import Path

from orchestrator.store.database import Database


def test_each_database_has_a_name_that_stays(tmp_path: Path) -> None:
    """Acknowledgements of two databases can be told apart, those of one before and after can't."""
    names = []
    for file in ("one.db", "two.db", "one.db"):
        database = Database.open(tmp_path / file)
        names.append(database.name)
        database.close()
    assert names[0] == names[2] != names[1]
