"""Totals of use, in double entry, per device, local hour, target group, basis, outcome, source."""

from __future__ import annotations

import sqlite3

from mqtt_schemas.base import Basis, Outcome
from orchestrator.domain.sessions import Source
from orchestrator.domain.usage import NUMBERS, Cell, Totals, no_totals

_CELL = "site, device, hour, target_group, basis, outcome, withdrawn, source"
_NUMBERS = ", ".join(NUMBERS)

_ADD = f"""
INSERT INTO totals ({_CELL}, {_NUMBERS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT ({_CELL}) DO UPDATE SET
    {", ".join(f"{name} = totals.{name} + excluded.{name}" for name in NUMBERS)}
"""  # noqa: S608 - no value of anybody's in it

_ADD_PART = f"""
INSERT INTO totals_parts ({_CELL}, part, name, amount) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT ({_CELL}, part, name) DO UPDATE SET amount = totals_parts.amount + excluded.amount
"""  # noqa: S608 - likewise

_READ = f"SELECT {_CELL}, {_NUMBERS} FROM totals WHERE hour >= ?"  # noqa: S608 - likewise
_READ_PARTS = f"SELECT {_CELL}, part, name, amount FROM totals_parts WHERE hour >= ?"  # noqa: S608 - likewise


def add(connection: sqlite3.Connection, changes: Totals) -> None:
    """Add to the totals."""
    rows = []
    parts = []
    for cell, amounts in changes.items():
        kinds = (cell.basis.value, cell.outcome.value, int(cell.withdrawn), cell.source.value)
        key = (*cell[:4], *kinds)
        rows.append((*key, *(getattr(amounts, name) for name in NUMBERS)))
        parts += [(*key, *part, amount) for part, amount in amounts.parts.items()]
    if rows:
        connection.executemany(_ADD, rows)
    if parts:
        connection.executemany(_ADD_PART, parts)


def read(connection: sqlite3.Connection, since: str = "") -> Totals:
    """Return the totals from a local day (`2026-11-25`) or hour on; by default all of them."""
    result = no_totals()
    for row in connection.execute(_READ, (since,)):
        amounts = result[_cell(row)]
        for name, value in zip(NUMBERS, row[8:], strict=True):
            setattr(amounts, name, value)
    for row in connection.execute(_READ_PARTS, (since,)):
        part, name, amount = row[8:]
        result[_cell(row)].parts[part, name] = amount
    return result


def forget_all(connection: sqlite3.Connection) -> None:
    """Delete every total, to make them again."""
    connection.execute("DELETE FROM totals")
    connection.execute("DELETE FROM totals_parts")


def _cell(row: tuple[str, str, str, str, str, str, int, str, *tuple[object, ...]]) -> Cell:
    basis, outcome, withdrawn, source = row[4:8]
    kinds = (Basis(basis), Outcome(outcome), bool(withdrawn), Source(source))
    return Cell(*row[:4], *kinds)
