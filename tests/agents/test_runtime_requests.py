"""Requests to a device's agent as a whole: saved before they are answered, one after the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from agents.codes import Check
from agents.model import Ask, CheckIn, Reply, WalkIn
from agents.outbox import Outbox
from agents.runtime import Runtime
from mqtt_schemas.codec import encode
from mqtt_schemas.plan import CheckIn as Needed
from mqtt_schemas.plan import HashedCode, Plan
from mqtt_schemas.plan import WalkIn as Terms
from tests.agents.fakes import MORNING_MS, FakeClock, FakeDevice, FakeLink
from tests.agents.plans import code, plan, turn

NOW_S = MORNING_MS // 1000
WORDS = CheckIn("susi kivi joki")
PLAN = plan(
    turn("a", NOW_S - 10, NOW_S + 1000, check_in=Needed(within=600, code=code("a"))),
    valid_until_ms=MORNING_MS + 86_400_000,
)


class AskingDevice(FakeDevice):
    """A device at which people can ask."""

    ask: Ask | None = None

    def take_requests(self, ask: Ask) -> None:
        """Keep who answers."""
        self.ask = ask


class Agents:
    """Agents one after the other on one disk, each killed before the next starts.

    found: what is found out of the next codes; right where nothing is left of it.
    """

    def __init__(self, folder: Path, planned: Plan) -> None:
        self.clock = FakeClock()
        self.path = folder / "outbox.db"
        self.found: list[bool | None] = []
        self.checking = 0
        self.outbox = Outbox.open(self.path, clock=self.clock)
        self.outbox.commit([], {"plan": encode(planned).decode()})
        self.outbox.close()

    async def start(self) -> AskingDevice:
        """Start an agent, and return its device."""
        self.outbox.close()
        self.outbox = Outbox.open(self.path, clock=self.clock)
        device = AskingDevice(self.clock)
        check: Check = self.check
        self.runtime = Runtime(
            device=device, outbox=self.outbox, link=FakeLink(), clock=self.clock, check=check
        )
        return device

    async def check(self, _words: str, codes: tuple[HashedCode, ...]) -> bool | None:
        """Find something out."""
        assert codes
        self.checking += 1
        assert self.checking == 1
        await asyncio.sleep(0)
        self.checking -= 1
        return self.found.pop(0) if self.found else True

    @property
    def kinds(self) -> list[str]:
        """The types of the events that are on disk."""
        return [json.loads(raw)["type"] for raw in self.outbox.batch(0).events]


async def ask(device: AskingDevice, request: CheckIn | WalkIn = WORDS) -> Reply:
    """Ask at a device."""
    assert device.ask is not None
    return await device.ask(request)


async def test_what_is_granted_is_on_disk_when_it_is_said(tmp_path: Path) -> None:
    """A kill after the answer takes nothing back, and opens nothing twice."""
    agents = Agents(tmp_path, PLAN)
    device = await agents.start()
    assert (await ask(device)).phrase == "checked_in"
    assert agents.kinds == ["checked_in", "turn_opened"]
    device = await agents.start()
    assert (await ask(device)).phrase == "no_turn_now"
    assert agents.kinds == ["checked_in", "turn_opened"]
    agents.outbox.close()


async def test_wrong_tries_are_counted_over_kills(tmp_path: Path) -> None:
    """Pulling the plug gives nobody five more."""
    agents = Agents(tmp_path, PLAN)
    for left in (4, 3, 2, 1):
        agents.found = [False]
        reply = await ask(await agents.start())
        assert reply.arguments == {"tries": left}
    agents.found = [False]
    assert (await ask(await agents.start())).phrase == "code_tries_used_up"
    assert (await ask(await agents.start())).phrase == "code_tries_used_up"
    agents.outbox.close()


async def test_a_code_that_could_not_be_verified_costs_no_try(tmp_path: Path) -> None:
    """It is nobody's fault."""
    agents = Agents(tmp_path, PLAN)
    agents.found = [None, False]
    device = await agents.start()
    assert (await ask(device)).phrase == "try_again"
    assert (await ask(device)).arguments == {"tries": 4}
    agents.outbox.close()


async def test_requests_at_once_are_answered_one_after_the_other(tmp_path: Path) -> None:
    """Two people who press at the same moment get one turn."""
    planned = plan(walk_in=Terms(max_seconds=600), valid_until_ms=MORNING_MS + 86_400_000)
    agents = Agents(tmp_path, planned)
    device = await agents.start()
    replies = await asyncio.gather(*(ask(device, WalkIn()) for _ in range(3)))
    assert [reply.phrase for reply in replies] == ["turn_began", "turn_runs", "turn_runs"]
    assert agents.kinds == ["turn_opened"]
    agents.outbox.close()


async def test_codes_at_once_are_verified_one_at_a_time(tmp_path: Path) -> None:
    """Five wrong ones at the same moment are five tries."""
    agents = Agents(tmp_path, PLAN)
    agents.found = [False] * 5
    device = await agents.start()
    await asyncio.gather(*(ask(device) for _ in range(6)))
    assert (await ask(device)).phrase == "code_tries_used_up"
    agents.outbox.close()
