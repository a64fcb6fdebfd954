"""A database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an open, empty database; closed after the test."""
    database = Database.open(tmp_path / "laitevuoro.db")
    yield database
    database.close()
