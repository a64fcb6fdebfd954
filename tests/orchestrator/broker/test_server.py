"""The supervised child, with a script in the server's place that says what a test needs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator.broker import server as server_module
from orchestrator.broker.server import BrokerFailed, Server

BEGIN = """#!{python}
import signal, sys, time
def say(level, text):
    print(f"[1] 2026/11/25 02:32:07.0 [{{level}}] {{text}}", file=sys.stderr, flush=True)
def ready():
    say("INF", "Listening for MQTT clients on mqtt://127.0.0.1:4711")
    say("INF", "Server is ready")
"""

Start = Callable[[str], Awaitable[Server]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Give a function that starts a script as server."""

    async def started(script: str) -> Server:
        path = tmp_path / "server"
        path.write_text(BEGIN.format(python=sys.executable) + script)
        path.chmod(0o700)
        with (tmp_path / "lock").open("w") as lock:
            return await Server.start(path, tmp_path / "config", lock=lock.fileno())

    return started


async def test_ready_gives_the_port(start: Start) -> None:
    """The port is the one that the server says."""
    server = await start("ready(); time.sleep(60)")
    assert await server.ready() == 4711
    await server.stop()


async def test_a_server_that_ends_gives_its_last_words(start: Start) -> None:
    """What it complained of last is the reason, and not its banner."""
    server = await start('say("FTL", "can\'t open the store"); say("INF", "Exiting"); sys.exit(1)')
    with pytest.raises(BrokerFailed, match="the broker ended: can't open the store"):
        await server.ready()
    assert await server.ended() == 1


async def test_silence_is_bounded(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never gets ready does not hold up its parent for ever."""
    monkeypatch.setattr(server_module, "START_WITHIN", 0.3)
    server = await start('say("WRN", "the disk is slow"); time.sleep(60)')
    with pytest.raises(BrokerFailed, match="was not ready within 0 s: "):
        await server.ready()
    await server.stop()


RELOADS = """
def reload(*_):
    say("{level}", "{text}")
signal.signal(signal.SIGHUP, reload)
ready()
while True:
    time.sleep(60)
"""


async def test_reload_waits_for_the_servers_word(start: Start) -> None:
    """It returns when the server says that the new configuration holds."""
    text = "Reloaded server configuration (sha256:0)"
    server = await start(RELOADS.format(level="INF", text=text))
    await server.ready()
    await server.reload()
    await server.stop()


async def test_a_refused_configuration_is_one_sentence(start: Start) -> None:
    """What the server finds wrong is passed on."""
    text = "Failed to reload server configuration: no users"
    server = await start(RELOADS.format(level="ERR", text=text))
    await server.ready()
    with pytest.raises(BrokerFailed, match="no users"):
        await server.reload()
    await server.stop()


async def test_a_reload_without_an_answer_is_bounded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says nothing did not take the configuration."""
    monkeypatch.setattr(server_module, "RELOAD_WITHIN", 0.2)
    server = await start(RELOADS.format(level="INF", text="busy"))
    await server.ready()
    with pytest.raises(BrokerFailed, match="did not take its new configuration"):
        await server.reload()
    await server.stop()


async def test_a_reload_of_a_server_that_dies_is_none(start: Start) -> None:
    """Its successor reads the configuration anyhow, so nobody need hear of it."""
    server = await start("ready(); time.sleep(60)")  # SIGHUP ends it
    await server.ready()
    await server.reload()
    assert await server.ended() == -1
    await server.reload()


async def test_a_very_long_line_does_not_deafen(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A client can make the server log its topic of 64 KiB: the line is cut, reading goes on."""
    caplog.set_level(logging.DEBUG, "orchestrator.broker")
    server = await start('say("ERR", "x" * 300_000); ready(); time.sleep(60)')
    assert await server.ready() == 4711
    assert max(len(record.getMessage()) for record in caplog.records) <= 400
    await server.stop()


async def test_what_clients_do_wrong_is_no_error_of_ours(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Its banner is for debugging, a client's mistake a warning, its own end an error."""
    caplog.set_level(logging.DEBUG, "orchestrator.broker")
    words = 'say("INF", ""); say("ERR", "a client"); say("FTL", "its end")'
    server = await start(words + '; print("a panic", file=sys.stderr)')
    await server.ended()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", ""),
        ("WARNING", "a client"),
        ("ERROR", "its end"),
        ("WARNING", "a panic"),
    ]
