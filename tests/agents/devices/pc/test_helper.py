"""The agent's end of the helper's socket, with this very process as the desktop's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.devices.pc import helper as module
from agents.devices.pc.helper import HelperServer
from agents.helper.wire import Show, Shown, Told, Wished, from_agent, show_from
from agents.model import MoreTime, Order, Reply, Request
from agents.wishes import Wish
from mqtt_schemas.events import Step
from tests.agents.waiting import until

WARNING = Order(Step.WARN, "turn1", seconds_left=60, phrase="turn_ends_in")


class Seat:
    """A helper server, and the user id of whoever sits at the seat."""

    def __init__(self, path: Path, *, show_seconds: float = 3.0) -> None:
        self.path = path
        self.uid: int | None = os.getuid()
        self.server = HelperServer(path=path, uid=lambda: self.uid, show_seconds=show_seconds)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a helper would."""
        return await asyncio.open_unix_connection(self.path)


@pytest_asyncio.fixture
async def seat(tmp_path: Path) -> AsyncIterator[Seat]:
    """Give a seat with its server listening."""
    seat = Seat(tmp_path / "helper.sock", show_seconds=0.2)
    await seat.server.start()
    yield seat
    await seat.server.stop()


async def sent(seat: Seat, order: Order = WARNING) -> asyncio.Task[bool]:
    """Send once the server has taken the connection in."""
    await until(lambda: seat.server.connected > 0)
    return asyncio.create_task(seat.server.send(order))


async def heard(reader: asyncio.StreamReader) -> Show:
    """Read what the agent says."""
    return show_from(await reader.readline())


async def test_a_phrase_is_shown_when_the_helper_says_so(seat: Seat) -> None:
    """Done means that the desktop took it."""
    reader, writer = await seat.connect()
    for shown in (True, False):
        sending = await sent(seat)
        show = await heard(reader)
        assert (show.phrase, show.seconds_left) == ("turn_ends_in", 60)
        writer.write(Shown(id=show.id, shown=shown).line())
        assert await sending is shown
    writer.close()


async def test_without_a_helper_nothing_is_shown(seat: Seat) -> None:
    """Nobody there, or nobody any more."""
    assert not await seat.server.send(WARNING)
    reader, writer = await seat.connect()
    sending = await sent(seat)
    await heard(reader)
    writer.close()
    assert not await sending


async def test_a_helper_that_does_not_answer_has_its_time(seat: Seat) -> None:
    """A desktop that hangs holds nobody up."""
    _, writer = await seat.connect()
    assert not await (await sent(seat))
    writer.close()


async def test_another_users_helper_is_turned_away(seat: Seat) -> None:
    """The kernel tells who connects; it must be who sits at the seat."""
    seat.uid = os.getuid() + 1
    reader, writer = await seat.connect()
    assert await reader.read() == b""
    assert not await seat.server.send(WARNING)
    writer.close()


@pytest.mark.parametrize("uid", [None, os.getuid() + 1])
async def test_a_former_customers_helper_hears_nothing(seat: Seat, uid: int | None) -> None:
    """When the seat was locked or changed hands, phrases are not for who was there before."""
    reader, writer = await seat.connect()
    await until(lambda: seat.server.connected > 0)
    seat.uid = uid
    assert not await seat.server.send(WARNING)
    await seat.server.stop()
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("said", [b"hello\n", b"x" * 10_000])
async def test_a_helper_that_talks_nonsense_is_let_go(seat: Seat, said: bytes) -> None:
    """What is not understood, or too long, ends the connection and nothing else."""
    reader, writer = await seat.connect()
    writer.write(said)
    assert await reader.read() == b""
    writer.close()
    assert not await seat.server.send(WARNING)


async def test_helpers_are_few(seat: Seat) -> None:
    """One more than the limit is turned away."""
    ends = [await seat.connect() for _ in range(module.MAX_HELPERS)]
    await until(lambda: seat.server.connected == module.MAX_HELPERS)
    reader, writer = await seat.connect()
    assert await reader.read() == b""
    for _, end in (*ends, (reader, writer)):
        end.close()


async def test_the_socket_is_open_to_all_and_gone_in_the_end(tmp_path: Path) -> None:
    """Anybody may knock, so that the next customer can; a socket left behind is replaced."""
    seat = Seat(tmp_path / "helper.sock")
    await seat.server.start()
    assert seat.path.stat().st_mode & 0o777 == 0o666
    await seat.server.stop()
    assert not seat.path.exists()
    left = await asyncio.start_unix_server(lambda *_: None, path=seat.path)
    await seat.server.start()
    _, writer = await seat.connect()
    await until(lambda: seat.server.connected > 0)
    await seat.server.stop()
    writer.close()
    left.close()


async def test_without_its_folder_there_is_no_helper_and_no_error(tmp_path: Path) -> None:
    """On a machine where the unit is not installed the agent runs all the same."""
    for server in (
        HelperServer(path=tmp_path / "nowhere" / "helper.sock", uid=lambda: 0),
        HelperServer(path=None, uid=lambda: 0),
    ):
        await server.start()
        assert not await server.send(WARNING)
        await server.stop()


async def test_a_request_of_the_seat_is_answered(seat: Seat) -> None:
    """With its own id, while phrases go on being shown."""
    asked: list[Request] = []

    async def ask(request: Request) -> Reply:
        asked.append(request)
        return Reply(accepted=True, phrase="extension_asked")

    seat.server.ask = ask
    reader, writer = await seat.connect()
    writer.write(Wished(id=3, wish=Wish(what="more", seconds=600)).line())
    told = from_agent(await reader.readline())
    assert isinstance(told, Told)
    assert (told.id, told.said.phrase) == (3, "extension_asked")
    assert asked == [MoreTime(600)]
    writer.close()


async def test_a_request_of_who_no_longer_sits_there_is_not_heard(seat: Seat) -> None:
    """The user id is looked at again with each request."""

    async def ask(request: Request) -> Reply:
        raise AssertionError(request)

    seat.server.ask = ask
    reader, writer = await seat.connect()
    await until(lambda: seat.server.connected > 0)
    seat.uid = os.getuid() + 1
    writer.write(Wished(id=3, wish=Wish(what="end")).line())
    assert await reader.read() == b""
    writer.close()
