"""Logind over a real D-Bus daemon, with a login1 service that does as it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents.devices.pc.logind import (
    Logind,
    NoLogind,
    NoSystemBus,
    NotPermitted,
    SessionGone,
    Unresponsive,
)
from tests.agents.devices.pc.private_bus import FakeLogind, private_bus


async def connect(address: str) -> Logind:
    """Connect and hear no signals."""
    return await Logind.connect(address=address, on_signal=lambda: None)


async def test_sessions_of_the_seat_are_told_without_names(bus: str, logind: FakeLogind) -> None:
    """Properties come over; other seats and the user's name do not."""
    logind.add("2", uid=1001, idle=True)
    logind.add("3", seat="seat1")
    logind.add("c1", class_="greeter", active=False)
    client = await connect(bus)
    one, greeter = await client.sessions("seat0")
    assert (one.id, one.uid, one.class_, one.active, one.idle) == ("2", 1001, "user", True, True)
    assert not one.locked
    assert not one.closing
    assert not greeter.of_user
    assert "alice" not in repr((one, greeter))
    client.disconnect()


async def test_each_change_is_signalled(bus: str, logind: FakeLogind) -> None:
    """New and removed sessions and changed hints are told as they happen."""
    heard: asyncio.Queue[None] = asyncio.Queue()
    client = await Logind.connect(address=bus, on_signal=lambda: heard.put_nowait(None))
    logind.add("2")
    await heard.get()
    logind.change("2", LockedHint=True)
    await heard.get()
    logind.remove("2")
    await heard.get()
    assert heard.empty()
    client.disconnect()


async def test_until_waits_for_what_a_signal_brings(bus: str, logind: FakeLogind) -> None:
    """A condition is asked again at each signal, and given up after its time."""
    logind.add("2")
    client = await connect(bus)

    async def idle() -> bool:
        return (await client.sessions("seat0"))[0].idle

    assert not await client.until(idle, 0.05)
    waiting = asyncio.create_task(client.until(idle, 5))
    await asyncio.sleep(0)
    logind.change("2", IdleHint=True)
    assert await waiting
    client.disconnect()


async def test_without_a_bus_there_is_no_connection(tmp_path: Path) -> None:
    """A missing socket is one sentence, not a stack of errors."""
    with pytest.raises(NoSystemBus, match="no system bus"):
        await connect(f"unix:path={tmp_path / 'nothing'}")


async def test_a_bus_without_logind_is_told_apart(bus: str, tmp_path: Path) -> None:
    """In a container there may be a bus and no logind; it is not started in vain at each look."""
    client = await connect(bus)
    with pytest.raises(NoLogind):
        await client.sessions("seat0")
    assert not (tmp_path / "started").exists()
    client.disconnect()


async def test_a_bus_that_goes_away_is_noticed(tmp_path: Path) -> None:
    """The connection tells that it closed, and says so at the next question."""
    async with private_bus(tmp_path) as address:
        client = await connect(address)
    await client.closed()
    with pytest.raises(NoSystemBus):
        await client.sessions("seat0")


async def test_what_polkit_refuses_is_not_permitted(bus: str, logind: FakeLogind) -> None:
    """The error names what was refused and nobody."""
    logind.add("2")
    logind.denies = {"LockSession"}
    client = await connect(bus)
    (session,) = await client.sessions("seat0")
    with pytest.raises(NotPermitted) as refused:
        await client.lock(session)
    assert "alice" not in str(refused.value)
    client.disconnect()


async def test_a_session_that_ended_meanwhile_is_gone(bus: str, logind: FakeLogind) -> None:
    """Acting on a session that is no more is told apart from a failure."""
    logind.add("2")
    client = await connect(bus)
    (session,) = await client.sessions("seat0")
    logind.remove("2")
    with pytest.raises(SessionGone):
        await client.terminate(session)
    client.disconnect()


async def test_a_silent_logind_is_not_waited_for(bus: str, logind: FakeLogind) -> None:
    """A question has its time."""
    logind.silent = True
    client = await Logind.connect(address=bus, on_signal=lambda: None, call_seconds=0.05)
    with pytest.raises(Unresponsive, match="did not answer ListSessions"):
        await client.sessions("seat0")
    client.disconnect()
