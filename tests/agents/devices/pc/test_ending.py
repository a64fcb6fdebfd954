"""The steps by which a seat's use is ended."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest_asyncio

from agents.devices.pc.ending import Patience, end_seat, lock_seat
from agents.devices.pc.logind import Logind
from agents.model import Answer
from mqtt_schemas.events import OrderOutcome
from tests.agents.devices.pc.private_bus import FakeLogind

DONE = OrderOutcome.DONE
SOON = Patience(lock=0.1, gone=0.1)
KILL = ("KillSession", ("2", "all", signal.SIGKILL))


@pytest_asyncio.fixture
async def client(bus: str, logind: FakeLogind) -> AsyncIterator[Logind]:
    """Give a connection to the login1 service."""
    client = await Logind.connect(address=bus, on_signal=lambda: None)
    yield client
    client.disconnect()


async def test_a_desktop_that_locks_is_left_running(client: Logind, logind: FakeLogind) -> None:
    """Locking is enough where it works."""
    logind.add("2")
    assert await lock_seat(client, "seat0", SOON) == Answer(DONE)
    assert logind.calls == [("LockSession", ("2",))]


async def test_a_desktop_that_does_not_lock_is_ended(client: Logind, logind: FakeLogind) -> None:
    """LockSession answers OK also where nobody locks: the session is terminated then."""
    logind.add("2")
    logind.obeys.remove("LockSession")
    assert await lock_seat(client, "seat0", SOON) == Answer(DONE, "terminated")
    assert logind.calls == [("LockSession", ("2",)), ("TerminateSession", ("2",))]


async def test_a_session_that_does_not_end_is_killed(client: Logind, logind: FakeLogind) -> None:
    """A process that ignores SIGTERM gets SIGKILL."""
    logind.add("2")
    logind.obeys = {"KillSession"}
    assert await end_seat(client, "seat0", SOON) == Answer(DONE, "killed")
    assert logind.calls == [("TerminateSession", ("2",)), KILL]


async def test_what_nothing_ends_is_a_failure(client: Logind, logind: FakeLogind) -> None:
    """When the last step is not seen to work either, the order has failed."""
    logind.add("2")
    logind.obeys = set()
    assert await lock_seat(client, "seat0", SOON) == Answer(OrderOutcome.FAILED, "does_not_end")


async def test_what_is_not_permitted_is_said(client: Logind, logind: FakeLogind) -> None:
    """Without our polkit rule the answer says so."""
    logind.add("2")
    logind.denies = {"LockSession", "TerminateSession"}
    refused = Answer(OrderOutcome.FAILED, "not_permitted")
    assert await lock_seat(client, "seat0", SOON) == refused
    assert await end_seat(client, "seat0", SOON) == refused


async def test_locking_again_does_no_harm(client: Logind, logind: FakeLogind) -> None:
    """A locked session, a greeter and an empty seat need nothing done."""
    assert await lock_seat(client, "seat0", SOON) == Answer(DONE)
    assert await end_seat(client, "seat0", SOON) == Answer(DONE)
    logind.add("2", locked=True)
    logind.add("c1", class_="greeter", active=False)
    logind.add("9", seat="seat1")
    assert await lock_seat(client, "seat0", SOON) == Answer(DONE)
    assert logind.calls == []


async def test_every_session_on_the_seat_is_ended(client: Logind, logind: FakeLogind) -> None:
    """Also those that were switched away from, and one that a former attempt left closing."""
    logind.add("2")
    logind.add("3", active=False)
    logind.add("4", active=False)
    logind.change("4", State="closing")
    assert await end_seat(client, "seat0", SOON) == Answer(DONE, "terminated")
    assert await client.sessions("seat0") == ()


async def test_the_worst_answer_stands_for_all(client: Logind, logind: FakeLogind) -> None:
    """One session that had to be ended shows, though another one locked."""
    logind.add("2", locked=True)
    logind.add("3", active=False)
    logind.obeys.remove("LockSession")
    assert await lock_seat(client, "seat0", SOON) == Answer(DONE, "terminated")
