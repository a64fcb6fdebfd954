"""One running NATS server: what it says, and when it ends. Restarting it is `embedded.py`."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path

from orchestrator.broker import launch

#: Seconds. Opening a store of some hundred thousand messages takes one or two.
START_WITHIN = 30.0
RELOAD_WITHIN = 10.0
STOP_WITHIN = 10.0

# A line can hold a topic, which a client may make 64 KiB long; of such a line the begin will do.
_LONGEST_LINE = 2**20
_SHOWN = 400

_LOG = logging.getLogger("orchestrator.broker")

# [pid] 2026/11/25 02:32:07.017793 [INF] Server is ready
_LINE = re.compile(r"\[\d+\] \S+ \S+ \[(?P<level>[A-Z]{3})\] ?(?P<text>.*)")
_LISTENING = re.compile(r"Listening for MQTT clients on \w+://.*:(?P<port>\d+)$")
_READY = "Server is ready"
_RELOADED = "Reloaded server configuration"
_NOT_RELOADED = "Failed to reload server configuration"
# Its "errors" are what clients do wrong; its "information" is a banner and its own steps.
_LEVELS = {"WRN": logging.WARNING, "ERR": logging.WARNING, "FTL": logging.ERROR}


class BrokerFailed(Exception):
    """The broker does not run, or does not do as told. The text is one sentence."""


class Server:
    """A child process that ends with this one, even where this one is killed.

    The kernel ties it to the *thread* that started it: start it from the main thread's loop.
    """

    def __init__(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._port = 0
        self._last = "it said nothing"
        self._ready: asyncio.Future[int] = loop.create_future()
        self._reloaded: asyncio.Future[None] | None = None
        self._reader = asyncio.create_task(self._read(), name="broker's log")

    @classmethod
    async def start(cls, binary: Path, config: Path, *, lock: int) -> Server:
        """Start it. It inherits `lock`, a file descriptor, and so holds it until it is gone.

        Raises BrokerFailed.
        """
        command = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(binary),
                "-c",
                str(config),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=PIPE,
                limit=_LONGEST_LINE,
                pass_fds=(lock,),
                # Ctrl-C in a terminal goes to the whole group: the broker ends last, by us.
                start_new_session=True,
            )
        except OSError as error:
            raise BrokerFailed(f"the broker can't be started: {error}") from None
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ready(self) -> int:
        """Wait until it takes MQTT connections and return its port. Raises BrokerFailed."""
        try:
            async with asyncio.timeout(START_WITHIN):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            raise BrokerFailed(
                f"the broker was not ready within {START_WITHIN:.0f} s: {self._last}"
            ) from None

    async def reload(self) -> None:
        """Have it read its configuration again, and wait until it did. Raises BrokerFailed.

        Returns where it has ended: its successor reads the configuration anyhow.
        """
        if self._reader.done():
            return
        self._reloaded = asyncio.get_running_loop().create_future()
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)
        try:
            async with asyncio.timeout(RELOAD_WITHIN):
                await self._reloaded
        except TimeoutError:
            raise BrokerFailed("the broker did not take its new configuration") from None
        finally:
            self._reloaded = None

    async def ended(self) -> int:
        """Wait until it is gone, and return its exit code, or the signal's number below zero."""
        code = await self._process.wait()
        await self._reader
        return code

    async def stop(self) -> None:
        """End it: SIGTERM, and after STOP_WITHIN SIGKILL."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self.ended()
        except TimeoutError:
            _LOG.warning("the broker did not end within %.0f s and was killed", STOP_WITHIN)
            with suppress(ProcessLookupError):
                self._process.kill()
            await self.ended()

    async def _read(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 # it was opened with a pipe
        async for line in self._process.stderr:
            self._heard(line.decode(errors="replace").rstrip())
        if self._reloaded is not None and not self._reloaded.done():
            self._reloaded.set_result(None)
        if not self._ready.done():
            self._ready.set_exception(BrokerFailed(f"the broker ended: {self._last}"))
            # Nobody may be waiting any more: that is no mistake to be logged by asyncio.
            self._ready.exception()

    def _heard(self, line: str) -> None:
        match = _LINE.fullmatch(line)
        level = _LEVELS.get(match["level"], logging.DEBUG) if match else logging.WARNING
        text = (match["text"] if match else line)[:_SHOWN]
        _LOG.log(level, "%s", text)
        if level > logging.DEBUG:
            self._last = text
        if listening := _LISTENING.fullmatch(text):
            self._port = int(listening["port"])
        elif text == _READY:
            self._ready.set_result(self._port)
        elif self._reloaded is not None and not self._reloaded.done():
            if text.startswith(_RELOADED):
                self._reloaded.set_result(None)
            elif text.startswith(_NOT_RELOADED):
                self._reloaded.set_exception(BrokerFailed(text))
