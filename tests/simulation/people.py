"""What people ask for at a simulated device: codes, right or wrong, walk-ins, more time."""

from __future__ import annotations

import asyncio

from agents.model import (
    Ask,
    CheckIn,
    Cleared,
    EndNow,
    MoreTime,
    Request,
    SetGroup,
    StaffOpen,
    WalkIn,
)
from mqtt_schemas.plan import HashedCode
from tests.simulation.world import World

RIGHT, WRONG = "susi kivi joki", "kettu lumi sauna"
CODE = HashedCode(salt="0" * 32, hash="0" * 64)


async def check(world: World, words: str, codes: tuple[HashedCode, ...]) -> bool:
    """Tell whether the words are the code, after as long as scrypt takes."""
    await asyncio.sleep(world.between(0.02, 0.3))
    return words == RIGHT and bool(codes)


async def ask_again_and_again(world: World, name: str, ask: Ask) -> None:
    """Ask for this and that, until the agent ends."""
    while True:
        await asyncio.sleep(world.between(2, 25))
        request = _any(world)
        reply = await ask(request)
        world.trace(f"{name} is asked: {type(request).__name__}: {reply.phrase}")


def _any(world: World) -> Request:
    requests: list[Request] = [
        WalkIn(),
        WalkIn("nuoret", 2, 20),
        CheckIn(RIGHT),
        CheckIn(RIGHT),
        CheckIn(WRONG),
        StaffOpen(WRONG),
        MoreTime(60),
        SetGroup(world.random.choice(["lapset", "nuoret", "no group"])),
        Cleared(),
        EndNow(),
    ]
    return world.random.choice(requests)
