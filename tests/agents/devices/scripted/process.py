"""A scripted device as a real process, for tests."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agents.devices.scripted.journal import Line, read

L = TypeVar("L", bound=Line)


@dataclass(frozen=True, slots=True)
class Scripted:
    """A running scripted device and its files."""

    process: Process
    folder: Path

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "device.sock"

    def journal(self, kind: type[L]) -> list[L]:
        """Return what it truly did so far, of one kind."""
        lines = read(self.folder / "journal.jsonl")
        return [line for line in lines if isinstance(line, kind)]

    async def kill(self) -> None:
        """Kill it, as a power cut does."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> tuple[int, str]:
        """Switch it off; return its exit code and what it complained of."""
        self.process.send_signal(signal.SIGTERM)
        return await self.stop_itself()

    async def stop_itself(self) -> tuple[int, str]:
        """Wait for its end; return its exit code and what it complained of."""
        _, complaints = await self.process.communicate()
        code = self.process.returncode
        return -1 if code is None else code, complaints.decode()


@asynccontextmanager
async def scripted(folder: Path, script: str) -> AsyncIterator[Scripted]:
    """Start a scripted device in a folder; kill it in the end if need be."""
    (folder / "script.toml").write_text(script)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agents.devices.scripted"),
        *("--script", folder / "script.toml"),
        *("--journal", folder / "journal.jsonl"),
        *("--socket", folder / "device.sock"),
        stdin=DEVNULL,
        stderr=PIPE,
    )
    try:
        yield Scripted(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
