"""tests/e2e/README.md: each failure that is to be expected has a test, and the test is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests/e2e/README.md"

#: What libraries of this kind are known to meet.
FAILURES = (
    "broker killed",
    "orchestrator killed between commit and acknowledgement",
    "agent killed mid-publish",
    "power cut",
    "broker state wiped",
    "clock step of ±1 h",
    "daylight-saving change inside a turn",
    "two agents with one id",
    "a cloned disk image",
    "an outbox restored from an old snapshot",
    'stale retained "online"',
    "last will while alive",
    "partition longer than any session expiry",
    "half-open TCP",
    "close right after CONNACK",
    "broker queue overflow",
    "agent disk full",
    "write error",
    "corrupt outbox",
    "orchestrator disk full",
    "reordered and repeated messages",
    "a late plan of an earlier revision",
    "a poison message",
    "access denied but reported as success",
    "orchestrator restored from a backup",
    "two orchestrators at once",
)


class Row(NamedTuple):
    """A row of the table. failure: empty where it is that of the row above."""

    failure: str
    test: str
    asserted: str


def table() -> list[Row]:
    """Return the rows of the table, without its head."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    return [Row(*row) for row in cells[2:]]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Return the names of the test functions of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_each_failure_has_its_row_with_a_test() -> None:
    """None is left out, stands twice, or is not of the list."""
    assert tuple(row.failure for row in table() if row.failure) == FAILURES


@pytest.mark.parametrize("row", table(), ids=lambda row: row.test)
def test_each_test_of_the_table_is_there(row: Row) -> None:
    """Under its name, in its file; and the table says what it asserts."""
    path, _, name = row.test.strip("`").partition("::")
    assert name.startswith("test_")
    assert name in functions_of(ROOT / path)
    assert row.asserted
