"""The orchestrator whose clock and disk can be spoilt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import ValidationError

from agents import rehearsal as agents_side
from orchestrator.rehearsal.serve import World
from orchestrator.rehearsal.spoilt import Spoilt
from orchestrator.store.database import Connection, Database
from orchestrator.store.errors import StoreFailed
from tests.eventually import eventually_async

HOUR_MS = 3_600_000


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[World, Database]]:
    """Give a world with a database on its disk."""
    world = World(Spoilt())
    with closing(Database.open(tmp_path / "a.db")) as database:
        filling = asyncio.create_task(world.fill_disk())
        world.opened(database)
        yield world, database
        filling.cancel()
        with suppress(asyncio.CancelledError):
            await filling


def fill(rows: Connection) -> None:
    """Write what needs more pages."""
    rows.execute("CREATE TABLE IF NOT EXISTS probe (text TEXT)")
    rows.execute("INSERT INTO probe VALUES (?)", ("x" * 100_000,))


def spoil(**how: int | bool) -> bytes:
    """Return the line that the rehearsal writes."""
    return Spoilt.model_validate(how).model_dump_json().encode()


async def can_write(database: Database) -> bool:
    """Tell whether there is room."""
    try:
        await database.write(fill)
    except StoreFailed:
        return False
    return True


async def test_a_disk_is_full_until_it_is_said_to_have_room(
    world: tuple[World, Database],
) -> None:
    """Also where a commit fails just then."""
    spoilt, database = world
    spoilt.spoil(spoil(disk_full=True))

    async def full() -> bool:
        return not await can_write(database)

    assert await eventually_async(full)
    spoilt.spoil(spoil())
    assert await eventually_async(lambda: can_write(database))


def test_a_step_moves_both_wall_clocks_and_not_the_other() -> None:
    """By what it is said to be ahead of the truth, not by more each time."""
    world = World(Spoilt())
    for hours in (1, -2, 0):
        world.spoil(spoil(wall_ahead_ms=hours * HOUR_MS))
        ahead_ms = hours * HOUR_MS
        assert abs(world.clocks.wall_ms() - time.time() * 1000 - ahead_ms) < 1000
        assert abs(world.clocks.now().timestamp() - time.time() - ahead_ms / 1000) < 1
        assert abs(world.clocks.monotonic() - time.monotonic()) < 1


@pytest.mark.parametrize("line", [b"{", b'{"wall_ahead_ms": "1"}', b'{"disk": true}'])
def test_what_is_not_understood_is_an_error(line: bytes) -> None:
    """Both ends are of one release: a rehearsal that spoils nothing must not pass."""
    with pytest.raises(ValidationError):
        World(Spoilt()).spoil(line)


def test_agents_are_told_in_the_same_words() -> None:
    """Neither wing imports the other, so the shape stands twice."""
    mine, theirs = Spoilt.model_json_schema(), agents_side.Spoilt.model_json_schema()
    assert mine["properties"] == theirs["properties"]
