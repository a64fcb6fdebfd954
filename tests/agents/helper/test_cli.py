"""The helper as a process of its own, between a real session bus and the agent's socket."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from agents.devices.pc.helper import HelperServer
from agents.devices.phrases import text
from agents.helper.cli import main
from agents.model import Order
from mqtt_schemas.events import Step
from tests.agents.devices.pc.private_bus import private_bus
from tests.agents.helper.desktop import FakeDesktop
from tests.agents.waiting import until


async def test_the_command_shows_warnings_and_ends_when_told(tmp_path: Path) -> None:
    """`laitevuoro-agent helper` speaks the desktop's language, and SIGTERM ends it well."""
    async with private_bus(tmp_path) as address:
        desktop = await FakeDesktop.start(address)
        server = HelperServer(path=tmp_path / "helper.sock", uid=os.getuid)
        await server.start()
        helper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; from agents.cli import main; sys.exit(main())",
            "helper",
            f"--socket={tmp_path / 'helper.sock'}",
            env={"DBUS_SESSION_BUS_ADDRESS": address, "LANG": "sv_FI.UTF-8"},
        )
        await until(lambda: server.connected > 0, seconds=20)
        assert await server.send(Order(Step.WARN, seconds_left=60, phrase="turn_ends_in"))
        told = desktop.shown.get_nowait()
        assert (told["summary"], told["urgency"]) == (text("turn_ends_in", "sv", seconds=60), 2)
        helper.terminate()
        assert await helper.wait() == 0
        await server.stop()
        desktop.stop()


def test_a_language_that_we_lack_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says which there are, and the exit code is that of a usage error."""
    with pytest.raises(SystemExit) as refused:
        main(["--language", "et"])
    assert refused.value.code == 2
    assert "fi" in capsys.readouterr().err
