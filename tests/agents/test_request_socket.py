"""A device's own socket, and the command that speaks to it."""

from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.cli import main
from agents.helper.wire import Told, Wished, from_agent
from agents.model import CheckIn, MoreTime, Reply, Request
from agents.request_socket import NAME, RequestSocket
from agents.wishes import Wish
from tests.agents.waiting import until

REPLY = Reply(accepted=False, phrase="code_wrong", arguments={"tries": 3})


class Device:
    """Keeps what it is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[Request] = []
        self.reply = REPLY
        self.socket = RequestSocket(path=path, ask=self.ask)

    async def ask(self, request: Request) -> Reply:
        """Keep it, and answer."""
        self.asked.append(request)
        return self.reply

    async def command(self, monkeypatch: pytest.MonkeyPatch, *words: str, typed: str = "") -> int:
        """Run `laitevuoro-agent turn` beside this loop."""
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        where = ("--socket", str(self.path), "--language", "en")
        return await asyncio.to_thread(main, ["turn", *words, *where])


@pytest_asyncio.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    """Give a device that listens."""
    device = Device(tmp_path / "paja.pc-1" / NAME)
    running = asyncio.create_task(device.socket.run())
    await until(device.path.exists)
    yield device
    running.cancel()
    await asyncio.wait([running])
    assert not device.path.exists()


async def talk(device: Device, line: bytes) -> bytes:
    """Say a line; return what comes back until the end."""
    reader, writer = await asyncio.open_unix_connection(device.path)
    writer.write(line)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_request_is_answered(device: Device) -> None:
    """With its own id."""
    told = from_agent(await talk(device, Wished(id=7, wish=Wish(what="more", seconds=60)).line()))
    assert isinstance(told, Told)
    assert (told.id, told.said.phrase, told.said.arguments) == (7, "code_wrong", {"tries": 3})
    assert device.asked == [MoreTime(60)]


@pytest.mark.parametrize(
    "line", [b"hello\n", b"{}\n", b'{"id": 1, "shown": true}\n', b"x" * 10_000]
)
async def test_nonsense_is_let_go(device: Device, line: bytes) -> None:
    """And the next one is heard."""
    assert await talk(device, line) == b""
    assert await talk(device, Wished(id=1, wish=Wish(what="end")).line())
    assert len(device.asked) == 1


async def test_only_its_owner_may_ask(device: Device) -> None:
    """The folder's rights and the socket's own."""
    assert stat.S_IMODE(device.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(device.path.parent.stat().st_mode) == 0o700


async def test_where_no_socket_can_be_made_the_agent_does_without(tmp_path: Path) -> None:
    """A path that is too long, say."""
    await RequestSocket(path=tmp_path / ("x" * 120) / NAME, ask=Device(tmp_path).ask).run()


async def test_the_command_reads_the_code_and_says_the_answer(
    device: Device, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the standard input; 0 granted, 1 refused."""
    assert await device.command(monkeypatch, "check-in", typed="susi kivi joki\n") == 1
    assert capsys.readouterr().out == "That is not the code. Tries left: 3.\n"
    assert device.asked == [CheckIn("susi kivi joki")]
    device.reply = Reply(accepted=True, phrase="extension_asked")
    assert await device.command(monkeypatch, "more", "--minutes", "10") == 0
    assert device.asked[-1] == MoreTime(600)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("end", "--socket", "/nonexistent/a.sock"), "does the agent run"),
        (("walk-in", "--group", "Not a group", "--socket", "/nonexistent"), "group: String"),
        (("end", "--config", "/nonexistent/agent.toml"), "No such file"),
    ],
)
def test_mistakes_get_a_sentence(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    assert main(["turn", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_device_must_be_named_where_there_are_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names them."""
    device = '[[device]]\nsite = "s"\nkind = "k"\ndriver = "simulated"\n'
    config = tmp_path / "agent.toml"
    config.write_text(f'state_dir = "."\n{device}id = "a"\n{device}id = "b"\n')
    assert main(["turn", "end", "--config", str(config)]) == 2
    assert "s/a, s/b" in capsys.readouterr().err
    assert main(["turn", "end", "--config", str(config), "--device", "s/c"]) == 2
    assert os.linesep in capsys.readouterr().err
