"""Fixtures of the PC device's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.agents.devices.pc.private_bus import FakeLogind, private_bus


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[str]:
    """Give the address of a private system bus."""
    async with private_bus(tmp_path) as address:
        yield address


@pytest_asyncio.fixture
async def logind(bus: str) -> AsyncIterator[FakeLogind]:
    """Give a login1 service on the private bus."""
    fake = await FakeLogind.start(bus)
    yield fake
    fake.stop()
