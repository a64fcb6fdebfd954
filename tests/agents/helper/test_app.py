"""The helper between agent and desktop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.devices.pc.helper import HelperServer
from agents.devices.phrases import Language, text
from agents.helper.app import run, show_phrase
from agents.helper.notifications import Notifications
from agents.helper.wire import Show
from agents.model import Order
from mqtt_schemas.events import Step
from tests.agents.devices.pc.private_bus import private_bus
from tests.agents.helper.desktop import FakeDesktop
from tests.agents.waiting import until


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a session bus."""
    async with private_bus(tmp_path) as address:
        yield address


async def joined(server: HelperServer) -> None:
    """Return once the helper has joined the agent."""
    await until(lambda: server.connected > 0)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
async def test_a_warning_reaches_the_desktop(bus: str, tmp_path: Path, language: Language) -> None:
    """From the agent's order to the text on the screen, in the desktop's language."""
    desktop = await FakeDesktop.start(bus)
    server = HelperServer(path=tmp_path / "helper.sock", uid=os.getuid)
    await server.start()
    helper = asyncio.create_task(
        run(
            socket=tmp_path / "helper.sock",
            language=language,
            notifications=Notifications(bus_address=bus),
        )
    )
    await joined(server)
    assert await server.send(Order(Step.WARN, seconds_left=300, phrase="turn_ends_in"))
    told = desktop.shown.get_nowait()
    assert told["summary"] == text("turn_ends_in", language, seconds=300)
    assert told["urgency"] == 1
    assert await server.send(Order(Step.WARN, seconds_left=60, phrase="turn_ends_in"))
    assert desktop.shown.get_nowait()["urgency"] == 2
    assert not await server.send(Order(Step.NOTICE, phrase="unknown_phrase"))
    await server.stop()
    helper.cancel()
    await asyncio.gather(helper, return_exceptions=True)
    desktop.stop()


async def test_the_agent_may_come_later_and_again(bus: str, tmp_path: Path) -> None:
    """A helper outlives its agent, and finds the next one."""
    desktop = await FakeDesktop.start(bus)
    helper = asyncio.create_task(
        run(
            socket=tmp_path / "helper.sock",
            language="en",
            notifications=Notifications(bus_address=bus),
            first_wait=0.01,
        )
    )
    for _ in range(2):
        server = HelperServer(path=tmp_path / "helper.sock", uid=os.getuid)
        await server.start()
        await joined(server)
        assert await server.send(Order(Step.NOTICE, phrase="out_of_service"))
        assert desktop.shown.get_nowait()["urgency"] == 1
        await server.stop()
    helper.cancel()
    await asyncio.gather(helper, return_exceptions=True)
    desktop.stop()


async def test_a_phrase_without_its_argument_is_not_shown(bus: str) -> None:
    """A phrase that can't be made is no reason to stop."""
    notifications = Notifications(bus_address=bus)
    assert not await show_phrase(Show(id=1, phrase="turn_ends_in"), "fi", notifications)
