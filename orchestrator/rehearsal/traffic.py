"""The desk of the rehearsed library: books one short turn after another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

from orchestrator.booked_turn import BookedTurn
from orchestrator.children import RunFailed
from orchestrator.client import book
from orchestrator.rehearsal.faults import ORCHESTRATOR, devices
from orchestrator.rehearsal.scene import GROUP
from orchestrator.rehearsal.stage import Stage

#: Seconds, least and most: from one booking of a device to the next, to its begin, its length.
APART, LEAD, LASTS = (3.0, 8.0), (0.5, 1.5), (1.0, 3.0)


async def book_turns(stage: Stage, seed: int) -> None:
    """Book turns on all devices, for ever. What is refused or not answered was not booked."""
    async with asyncio.TaskGroup() as tasks:
        for device in devices():
            random = Random(f"{seed}/{device}")  # noqa: S311 - bookings, not keys
            tasks.create_task(_book_one_by_one(stage, device, random), name=f"book {device}")


async def _book_one_by_one(stage: Stage, device: str, random: Random) -> None:
    while True:
        await asyncio.sleep(random.uniform(*APART))
        try:
            await book(stage.admin, [_turn(stage, device, random)])
        except RunFailed:
            continue


def _turn(stage: Stage, device: str, random: Random) -> BookedTurn:
    # By the orchestrator's clock, which may be stepped.
    ahead = timedelta(milliseconds=stage.wall_ahead_ms(ORCHESTRATOR))
    starts_at = datetime.now(UTC) + ahead + timedelta(seconds=random.uniform(*LEAD))
    return BookedTurn(
        device=device,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(seconds=random.uniform(*LASTS)),
        group=GROUP,
        party=random.randint(1, 4),
    )
