"""A scripted device on a Unix socket: plays on whether its agent is there or not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from agents.devices.scripted.journal import (
    DeviceStarted,
    DeviceStopped,
    Journal,
    cut_short,
)
from agents.devices.scripted.play import Play
from agents.devices.scripted.wire import (
    MAX_LINE,
    Alive,
    Answered,
    BadLine,
    Change,
    Command,
    Hello,
    Part,
    Present,
    Reply,
    Seen,
    from_agent,
    line,
)

log = logging.getLogger(__name__)

#: Seconds. What is not heard of for longer may have ended.
ALIVE_EVERY = 1.0
#: Seconds that an agent has to read the last of a device that is switched off.
GOODBYE_WITHIN = 1.0


class Server:
    """Plays, writes the journal, and then tells the agent.

    One agent at a time: a new one takes the place of an old one, which may hang.
    """

    def __init__(
        self, *, play: Play, journal: Journal, epoch: str, boot_id: str, boot_ms: Callable[[], int]
    ) -> None:
        self._play = play
        self._journal = journal
        self._epoch = epoch
        self._boot_id = boot_id
        self._boot_ms = boot_ms
        self._unseen: deque[Change] = deque()
        self._agent: asyncio.StreamWriter | None = None
        self._poke = asyncio.Event()
        self._stopped = self._off = False
        self._failure: OSError | None = None

    async def run(self, socket: Path) -> None:
        """Play until `stop` is called, then switch the device off. Raises OSError."""
        self._start_up()
        server = await asyncio.start_unix_server(self._serve, socket, limit=MAX_LINE)
        alive = asyncio.create_task(self._stay_heard(), name="alive")
        try:
            await self._play_on()
        finally:
            alive.cancel()
            server.close()
            await self._switch_off()

    def stop(self) -> None:
        """Have `run` end."""
        self._stopped = True
        self._poke.set()

    def _start_up(self) -> None:
        now_ms = self._boot_ms()
        for cut in cut_short(self._journal.before, now_ms):
            self._journal.write([cut])
            self._play.truth.cut(cut.use, now_ms)
        self._journal.write([DeviceStarted(at_ms=now_ms, boot_id=self._boot_id)])

    async def _play_on(self) -> None:
        while not self._stopped:
            self._play.advance(self._boot_ms())
            self._publish()
            due_ms = self._play.due_ms()
            wait = None if due_ms is None else max(0, due_ms - self._boot_ms()) / 1000
            self._poke.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._poke.wait()
        if self._failure is not None:
            raise self._failure

    async def _stay_heard(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            self._send(Alive(at_ms=self._boot_ms()))

    async def _switch_off(self) -> None:
        now_ms = self._boot_ms()
        self._play.stop(now_ms)
        self._publish()
        self._journal.write([DeviceStopped(at_ms=now_ms)])
        self._off, agent = True, self._agent
        if agent is not None and not agent.is_closing():
            # The agent closes once it has read all. Closed here while something of its own was
            # unread, the connection would be reset, and the last changes lost with it.
            agent.write_eof()
            closed = asyncio.create_task(_closed(agent), name="goodbye")
            await asyncio.wait([closed], timeout=GOODBYE_WITHIN)
            agent.close()
            await asyncio.wait([closed], timeout=GOODBYE_WITHIN)

    def _publish(self) -> None:
        """Write down what happened, and only then tell it."""
        told = self._play.truth.take()
        self._journal.write(told.lines)
        self._unseen.extend(told.changes)
        for part in (*told.changes, *told.asked):
            self._send(part)

    def _send(self, part: Part) -> None:
        if self._agent is not None and not self._agent.is_closing():
            self._agent.write(line(part))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._listen(reader, writer)
        except (BadLine, ValueError) as error:  # ValueError: a line beyond MAX_LINE
            log.warning("The agent sent what can't be read: %s.", error)
        except ConnectionError:
            pass
        except OSError as error:  # a truth that can't be written down must not be told
            self._failure = error
            self.stop()
        finally:
            if self._agent is writer:
                self._agent = None
            writer.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while text := await reader.readline():
            message = from_agent(text)
            if self._off:
                continue
            if isinstance(message, Hello):
                self._welcome(message, writer)
            elif self._agent is not writer:
                return
            elif isinstance(message, Seen):
                self._forget(message)
            elif isinstance(message, Answered):
                self._play.answer(message, self._boot_ms())
                self._publish()
            else:
                self._carry_out(message)
            await writer.drain()

    def _welcome(self, hello: Hello, writer: asyncio.StreamWriter) -> None:
        if self._agent not in (None, writer):
            self._agent.close()
        self._agent = writer
        if hello.seen is not None:
            self._forget(hello.seen)
        for change in self._unseen:
            self._send(change)
        present = Present(
            epoch=self._epoch,
            seq=self._play.truth.seq,
            at_ms=self._boot_ms(),
            condition=self._play.truth.condition,
        )
        self._send(present)

    def _forget(self, seen: Seen) -> None:
        if seen.epoch != self._epoch:
            return
        while self._unseen and self._unseen[0].seq <= seen.seq:
            self._unseen.popleft()

    def _carry_out(self, command: Command) -> None:
        answer = self._play.obey(command, self._boot_ms())
        self._publish()
        self._send(Reply(id=command.id, outcome=answer.outcome, reason=answer.reason))
        self._poke.set()


async def _closed(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.wait_closed()
