"""Child processes of demo and rehearsal: started by command, watched, stopped, never left."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from orchestrator.broker import launch

#: Seconds that a child has to end after SIGTERM.
STOP_WITHIN = 10.0
#: How much of a log is shown of a child that died.
SHOWN_LINES = 8

T = TypeVar("T")


class RunFailed(Exception):
    """What was started can't go on. The text is one sentence, and the end of a log below it."""


class Child:
    """A running child. It dies with the thread that started it, even where that is killed."""

    def __init__(self, *, name: str, process: Process, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def watch(self) -> None:
        """Wait until it ends, which it must not. Raises RunFailed then, and only then."""
        code = await self._process.wait()
        reason = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise RunFailed(f"{self.name} ended by itself ({reason}).{self.last_lines()}")

    def tell(self, line: str) -> None:
        """Write a line to its standard input, which was asked for at the start."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(f"{line}\n".encode())

    def signal(self, number: int) -> None:
        """Send a signal, e.g. SIGSTOP. One that has ended gets none."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def freeze(self) -> None:
        """Send SIGSTOP."""
        self.signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on after SIGSTOP; nothing where it goes."""
        self.signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL after STOP_WITHIN."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    def last_lines(self) -> str:
        """Return the end of its log, each line after a line break and indented."""
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return "".join(f"\n  {line}" for line in text.splitlines()[-SHOWN_LINES:])


async def start(name: str, command: Sequence[str], *, log: Path, listens: bool = False) -> Child:
    """Start a command. Its output goes to a log. Raises RunFailed.

    listens: it reads on its standard input what it is told.
    """
    program = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
    with log.open("ab") as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *program,
                *command,
                stdin=PIPE if listens else DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C goes to the whole group of a terminal: the children end in order, by us.
                start_new_session=True,
            )
        except OSError as error:
            raise RunFailed(f"{name} can't be started: {error}.") from None
    return Child(name=name, process=process, log=log)


async def first(*waits: Coroutine[object, object, T]) -> T:
    """Return, or raise, what the first to be done comes to; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # Of several at once: a failure says more than a result.
        failed = [task for task in done if task.exception() is not None]
        return (failed or list(done))[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def command_path(name: str) -> str:
    """Return the path of one of our own commands, of this very installation.

    Raises RunFailed.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
    if found is None:
        raise RunFailed(f"The command {name} is not installed; install laitevuoro[pc].")
    return found


def free_port(given_out: Path = Path("/proc/sys/net/ipv4/ip_local_port_range")) -> int:
    """Return a port of loopback that is free now, and that no outgoing connection will be given.

    Of those that the kernel gives out, another connection may have one by the time that a killed
    server wants it back. given_out: the file that says which they are.
    """
    below = int(given_out.read_text().split()[0])
    while True:
        port = random.randrange(max(1024, below - 16_384), below)  # noqa: S311 - no secret
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
