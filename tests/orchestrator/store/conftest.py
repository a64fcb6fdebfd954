"""A schema of the test's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.orchestrator.store.tables import empty_tables


@pytest.fixture
def rows() -> Iterator[sqlite3.Connection]:
    """Return a connection to an empty database in memory."""
    rows = empty_tables()
    yield rows
    rows.close()
