"""Notifications over a real session bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.helper.notifications import CRITICAL, NORMAL, Notifications, NotShown
from tests.agents.devices.pc.private_bus import private_bus
from tests.agents.helper.desktop import FakeDesktop


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a session bus."""
    async with private_bus(tmp_path) as address:
        yield address


async def test_a_text_is_shown_and_takes_the_place_of_the_last(bus: str) -> None:
    """Warnings do not pile up, and the last minute is urgent."""
    desktop = await FakeDesktop.start(bus)
    notifications = Notifications(bus_address=bus)
    await notifications.show("five minutes", urgent=False)
    await notifications.show("one minute", urgent=True)
    first, second = desktop.shown.get_nowait(), desktop.shown.get_nowait()
    assert (first["summary"], first["urgency"], first["replaces"]) == ("five minutes", NORMAL, 0)
    assert (second["summary"], second["urgency"]) == ("one minute", CRITICAL)
    assert second["replaces"] == 41
    notifications.close()
    desktop.stop()


async def test_a_desktop_without_notifications_is_told(bus: str) -> None:
    """No service on the bus: not shown, with the error's name."""
    notifications = Notifications(bus_address=bus)
    with pytest.raises(NotShown, match="ServiceUnknown"):
        await notifications.show("x", urgent=False)
    notifications.close()


async def test_a_session_bus_may_come_later(tmp_path: Path) -> None:
    """Each text tries the bus anew."""
    notifications = Notifications(bus_address=f"unix:path={tmp_path / 'bus'}")
    with pytest.raises(NotShown, match="no session bus"):
        await notifications.show("x", urgent=False)
    async with private_bus(tmp_path) as address:
        desktop = await FakeDesktop.start(address)
        await notifications.show("x", urgent=False)
        desktop.stop()
    with pytest.raises(NotShown):
        await notifications.show("x", urgent=False)
    notifications.close()
