"""The network that a rehearsal spoils."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from orchestrator.children import free_port
from orchestrator.rehearsal.proxy import CONNACK, HOST, Proxy

#: What the server below says first, as a broker's CONNACK would come.
WELCOME = b"\x20\x02\x00\x00"


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Welcome, then say everything again."""
    writer.write(WELCOME)
    with suppress(ConnectionError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Give a proxy before a server that echoes."""
    server = await asyncio.start_server(_echo, HOST, 0)
    proxy = Proxy(to_port=server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    while _lines:
        line = _lines.pop()
        line.writer.close()
        with suppress(ConnectionError):
            await line.writer.wait_closed()


class Line:
    """A connection through the proxy."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hear(self, size: int = 4) -> bytes:
        """Return so many bytes, or what came before the end."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.readexactly(size)
            except asyncio.IncompleteReadError as end:
                return end.partial

    async def hears_nothing(self) -> bool:
        """Tell whether nothing comes for a while, neither a byte nor the end."""
        try:
            async with asyncio.timeout(0.2):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


async def connect(proxy: Proxy) -> Line:
    """Connect and hear the welcome."""
    line = await dial(proxy)
    assert await line.hear() == WELCOME
    return line


async def dial(proxy: Proxy) -> Line:
    """Connect."""
    line = Line(*await asyncio.open_connection(HOST, proxy.port))
    _lines.append(line)
    return line


#: To be closed at the end of a test.
_lines: list[Line] = []


async def test_what_is_said_passes_both_ways(proxy: Proxy) -> None:
    """As long as nothing is spoilt; the end passes too."""
    line = await connect(proxy)
    line.writer.write(b"ping")
    assert await line.hear() == b"ping"
    line.writer.write_eof()
    assert await line.hear() == b""


async def test_a_cut_resets_connections_and_takes_new_ones(proxy: Proxy) -> None:
    """As when a cable is pulled and put back."""
    line = await connect(proxy)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await line.hear()
    await connect(proxy)


async def test_refused_connections_come_again_on_the_same_port(proxy: Proxy) -> None:
    """As when a firewall is changed for a while."""
    line, port = await connect(proxy), proxy.port
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        await line.hear()
    with pytest.raises(ConnectionRefusedError):
        await dial(proxy)
    await proxy.start()
    assert proxy.port == port
    await connect(proxy)


async def test_a_stall_leaves_connections_open_and_passes_nothing(proxy: Proxy) -> None:
    """Half-open TCP: what was said meanwhile comes late, new connections hang."""
    line = await connect(proxy)
    proxy.stall()
    line.writer.write(b"late")
    new = await dial(proxy)
    assert await line.hears_nothing()
    assert await new.hears_nothing()
    proxy.heal()
    assert await line.hear() == b"late"
    assert await new.hear() == WELCOME


async def test_a_delay_makes_everything_late(proxy: Proxy) -> None:
    """Each way."""
    line = await connect(proxy)
    proxy.delay(0.15)
    began = asyncio.get_running_loop().time()
    line.writer.write(b"slow")
    assert await line.hear() == b"slow"
    assert asyncio.get_running_loop().time() - began >= 0.3
    proxy.heal()


async def test_a_connection_that_is_closed_right_after_its_acceptance(proxy: Proxy) -> None:
    """The acceptance arrives, and nothing more."""
    proxy.cut_after_connack()
    line = await dial(proxy)
    assert await line.hear(CONNACK + 1) == WELCOME
    proxy.heal()
    await connect(proxy)


async def test_a_broker_that_is_down_shows_as_a_closed_connection(proxy: Proxy) -> None:
    """Whoever tries again finds it when it is back."""
    before_nobody = Proxy(to_port=free_port())
    await before_nobody.start()
    line = await dial(before_nobody)
    assert await line.hear() == b""
    await before_nobody.stop()


async def test_nothing_is_left_after_the_end(proxy: Proxy) -> None:
    """No connection, and no port."""
    line = await connect(proxy)
    await proxy.stop()
    with suppress(ConnectionResetError):
        assert await line.hear() == b""
    with pytest.raises(ConnectionRefusedError):
        await dial(proxy)
