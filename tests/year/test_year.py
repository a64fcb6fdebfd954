"""Weeks and years of a library of twelve devices, held against an independent checker."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import structlog

from orchestrator import new_codes
from orchestrator.domain import codes
from tests.year.checker import check
from tests.year.life import Life
from tests.year.record import Record
from tests.year.world import World


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Leave out of the report what a year's plans log."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _cheap_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash codes as cheaply as the contract allows: a year has thousands of them."""
    monkeypatch.setattr(new_codes, "hashed", partial(codes.hashed, n=2**12, r=1))


async def lived(folder: Path, *, first: date, days: int, seed: int) -> Record:
    """Return the record of so many days."""
    world = World(folder, first=first, days=days, seed=seed)
    Life(world).plan(first, days)
    return await world.run()


def happened(record: Record) -> Counter[str]:
    """Return how often what happened: a quiet library would prove little."""
    found = Counter(f"became {version.state}" for version in record.versions)
    found.update(f"{version.purpose} by {version.by}" for version in record.versions)
    found.update(f"use by {use.basis}" for use in record.uses)
    found["moved"] = sum(version.moved for version in record.versions)
    found["waited"] = len(record.waits)
    found["away"] = len(record.away)
    found["refused"] = len(record.refusals)
    return found


#: What a few weeks of it must hold.
EXPECTED = (
    "became booked",
    "became checked_in",
    "became used",
    "became no_show",
    "became cancelled",
    "became offered",
    "became released",
    "turn by staff",
    "turn by device",
    "turn by queue",
    "block by staff",
    "event by staff",
    "use by turn",
    "use by blocked",
    "moved",
    "waited",
    "away",
    "refused",
)


@pytest.mark.timeout(240)
async def test_eight_weeks_over_a_clock_change_are_fair(tmp_path: Path) -> None:
    """Every interval between boundaries, and a hundred thousand seconds: nothing is wrong."""
    record = await lived(tmp_path, first=date(2026, 10, 5), days=56, seed=1)
    assert check(record, samples=100_000) == []
    count = happened(record)
    assert [each for each in EXPECTED if not count[each]] == []
    assert all(reason.endswith(".") for _, _, reason in record.refusals)


@pytest.mark.proof
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_year_is_fair(tmp_path: Path, seed: int) -> None:
    """Both clock changes, every interval, a million seconds: 0 violations."""
    record = await lived(tmp_path, first=date(2027, 1, 1), days=365, seed=seed)
    assert check(record, samples=1_000_000) == []
    count = happened(record)
    assert [each for each in EXPECTED if not count[each]] == []
