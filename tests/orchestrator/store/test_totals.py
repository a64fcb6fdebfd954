"""The tables of totals."""

from __future__ import annotations

import sqlite3

from mqtt_schemas.base import Basis, Outcome
from orchestrator.domain.sessions import Source
from orchestrator.domain.usage import NUMBERS, Amounts, Cell, no_totals
from orchestrator.store import totals

MONDAY = Cell("main", "a", "2026-11-23T14", "lapset", Basis.TURN, Outcome.CUSTOMER)
TUESDAY = MONDAY._replace(hour="2026-11-24T00", withdrawn=True)


def _amounts(factor: int = 1) -> Amounts:
    amounts = Amounts(
        parts={("category", "game"): 8 * factor, ("figure", "filament_mm"): 9 * factor}
    )
    for number, name in enumerate(NUMBERS, start=1):
        setattr(amounts, name, factor * number)
    return amounts


def test_what_is_added_is_added_up(rows: sqlite3.Connection) -> None:
    """Each number and each part by itself."""
    for factor in (1, 10):
        changes = no_totals()
        changes[MONDAY] = _amounts(factor)
        totals.add(rows, changes)
    assert totals.read(rows) == {MONDAY: _amounts(11)}


def test_totals_can_be_read_from_a_day_on(rows: sqlite3.Connection) -> None:
    """From its first hour."""
    changes = no_totals()
    changes[MONDAY], changes[TUESDAY] = _amounts(), _amounts(2)
    totals.add(rows, changes)
    assert totals.read(rows, "2026-11-24") == {TUESDAY: _amounts(2)}
    assert totals.read(rows, "2026-11-25") == {}


def test_all_can_be_forgotten(rows: sqlite3.Connection) -> None:
    """Parts as well."""
    changes = no_totals()
    changes[MONDAY] = _amounts()
    totals.add(rows, changes)
    totals.forget_all(rows)
    assert totals.read(rows) == {}


def test_staffs_word_and_what_was_observed_are_kept_apart(rows: sqlite3.Connection) -> None:
    """In the very same hour and group."""
    changes = no_totals()
    changes[MONDAY], changes[MONDAY._replace(source=Source.STAFF)] = _amounts(), _amounts(2)
    totals.add(rows, changes)
    assert totals.read(rows) == changes
