"""The agent whose clock and disk can be spoilt."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.clock import SystemClock
from agents.outbox import Outbox, OutboxUnwritable
from agents.rehearsal import Spoilt, World, lines

HOUR_MS = 3_600_000


def line(**how: int | bool) -> bytes:
    """Return what the rehearsal writes."""
    return json.dumps(how).encode()


def test_a_step_moves_the_wall_clock_and_never_boot_time() -> None:
    """By what it is said to be ahead of the truth, not by more each time."""
    world = World(Spoilt())
    for hours in (1, -2, 0):
        world.spoil(line(wall_ahead_ms=hours * HOUR_MS))
        assert abs(world.wall_ms() - time.time() * 1000 - hours * HOUR_MS) < 1000
        assert abs(world.boot_ms() - SystemClock().boot_ms()) < 1000
    assert world.boot_id == SystemClock().boot_id


def test_a_disk_is_full_for_what_is_on_it_and_for_what_is_opened_then(tmp_path: Path) -> None:
    """Until it is said to have room again."""
    world = World(Spoilt())
    one = Outbox.open(tmp_path / "one.db", clock=world)
    world.opened(one)
    world.spoil(line(disk_full=True))
    other = Outbox.open(tmp_path / "other.db", clock=world)
    world.opened(other)
    for outbox in (one, other):
        with pytest.raises(OutboxUnwritable, match="full"):
            outbox.commit([], {"key": "x" * 100_000})
    world.spoil(line())
    for outbox in (one, other):
        outbox.commit([], {"key": "x" * 100_000})
        outbox.close()


def test_lines_are_heard_when_they_are_whole() -> None:
    """However they are cut on their way."""
    heard: list[bytes] = []
    take = lines(heard.append)
    for part in (b"on", b"e\ntwo\nth", b"", b"ree\n", b"fou"):
        take(part)
    assert heard == [b"one", b"two", b"three"]


@pytest.mark.parametrize("text", [b"{", b'{"disk_full": 1}', b'{"clock": 1}'])
def test_what_is_not_understood_is_an_error(text: bytes) -> None:
    """Both ends are of one release: a rehearsal that spoils nothing must not pass."""
    with pytest.raises(ValidationError):
        World(Spoilt()).spoil(text)
