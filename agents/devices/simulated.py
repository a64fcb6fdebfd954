"""A simulated device: played by a scripted device in another process, over its socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agents.config import FilePath
from agents.devices.scripted.wire import (
    MAX_LINE,
    Alive,
    Answered,
    Asked,
    BadLine,
    Change,
    Command,
    Condition,
    Ending,
    FromDevice,
    Hello,
    Part,
    Present,
    Reply,
    Seen,
    from_device,
    line,
)
from agents.model import Answer, Ask, Observation, Order, UseEnd
from agents.wishes import said
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step

log = logging.getLogger(__name__)

#: Seconds between tries to reach a device that is away: first, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
#: Seconds that the first look waits for the device's word, lest it seem off at each start.
FIRST_LOOK = 1.0
#: Seconds for an answer to an order (agents.model.Device allows 15).
ANSWER_WITHIN = 10.0
_AWAY = Observation(0, DeviceLink.DISCONNECTED, DeviceState.OFF)


class SimulatedSettings(BaseModel):
    """The configuration's table `[device.simulated]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: FilePath = Field(description="of the scripted device")


def build(settings: SimulatedSettings) -> Simulated:
    """Return the device."""
    return Simulated(socket=settings.socket)


class Simulated:
    """The agent's end of a scripted device's socket.

    Observations carry the device's own stamps. After a time without a connection, the
    changes that were missed come first, then how it is now; nothing comes twice. What goes on
    is known up to the device's newest word, each second; a device that goes away was last known
    when it was last heard. One that was never heard may yet tell of what was before the agent's
    start: its absence is stamped 0, so that none of that is pushed behind it.
    """

    rule = "simulated/1"
    closing = Step.END
    interval = 15.0
    settles_ms: int | None = None

    def __init__(self, *, socket: Path) -> None:
        self._socket = socket
        self._news: list[Observation] = []
        self._latest = _AWAY
        self._fresh = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._there = False
        self._seen: Seen | None = None
        self._acknowledged: Seen | None = None
        self._passed_on_ms = 0
        self._heard_ms = 0
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._ask: Ask | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def take_requests(self, ask: Ask) -> None:
        """Have requests answered by `ask`."""
        self._ask = ask

    async def start(self) -> None:
        """Begin to reach for the device."""
        self._task = asyncio.create_task(self._stay_connected(), name=f"device {self._socket}")

    async def stop(self) -> None:
        """Let go of the device; its customers go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for asking in self._asking:
            asking.cancel()

    async def observe(self) -> Sequence[Observation]:
        """Return the changes since the last call, with the device's own stamps.

        Where there are none, the latest one again, which held still when the device was last heard.
        """
        if self._seen is None and not self._news:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK):
                    await self._fresh.wait()
        self._fresh.clear()
        still = replace(self._latest, at_ms=max(self._latest.at_ms, self._heard_ms))
        news, self._news = self._news or [still], []
        self._latest = replace(news[-1], ended=None)
        self._passed_on_ms = self._latest.at_ms
        if self._seen is not None and self._seen != self._acknowledged and self._send(self._seen):
            self._acknowledged = self._seen
        return news

    async def changed(self) -> None:
        """Return when the device has said something new, or has gone."""
        await self._fresh.wait()

    async def carry_out(self, order: Order) -> Answer:
        """Pass the order on. The device answers when it has taken effect."""
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        command = Command(
            id=number,
            step=order.step,
            turn=order.turn,
            seconds_left=order.seconds_left,
            phrase=order.phrase,
            arguments=dict(order.arguments),
        )
        if not self._send(command):
            return Answer(OrderOutcome.FAILED, "disconnected")
        self._answers[number] = answer
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            return Answer(OrderOutcome.FAILED, "no_answer")
        finally:
            del self._answers[number]

    async def _stay_connected(self) -> None:
        wait = FIRST_WAIT
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=MAX_LINE)
                try:
                    await self._listen(reader, writer)
                finally:
                    wait = FIRST_WAIT if self._there else wait
                    self._let_go(writer)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._send(Hello(seen=self._seen))
        try:
            while text := await reader.readline():
                self._take(from_device(text))
        except (BadLine, ValueError) as error:  # ValueError: a line beyond MAX_LINE
            log.warning("The device at %s sent what can't be read: %s.", self._socket, error)

    def _take(self, message: FromDevice) -> None:
        match message:
            case Alive():
                self._heard_ms = message.at_ms
                self._fresh.set()
            case Reply():
                answer = self._answers.get(message.id)
                if answer is not None and not answer.done():
                    answer.set_result(Answer(message.outcome, message.reason))
            case Asked() if self._ask is not None:
                asking = asyncio.create_task(self._answer(self._ask, message), name="request")
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
            case Change():
                seen = self._seen
                if seen is None or seen.epoch != message.epoch or seen.seq < message.seq:
                    self._seen = Seen(epoch=message.epoch, seq=message.seq)
                    at_ms = self._heard_ms = message.condition.since_ms
                    self._tell(_observation(message.condition, at_ms, message.ended))
            case Present():
                self._seen, self._there = Seen(epoch=message.epoch, seq=message.seq), True
                self._heard_ms = message.at_ms
                self._tell(_observation(message.condition, message.at_ms))

    async def _answer(self, ask: Ask, asked: Asked) -> None:
        reply = await ask(asked.wish.request())
        self._send(Answered(id=asked.id, said=said(reply)))

    def _tell(self, observation: Observation) -> None:
        # What was missed may be older than what was already passed on: that it was away.
        before_ms = self._news[-1].at_ms if self._news else self._passed_on_ms
        at_ms = max(observation.at_ms, before_ms)
        self._news.append(replace(observation, at_ms=at_ms))
        self._fresh.set()

    def _send(self, part: Part) -> bool:
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(line(part))
        return True

    def _let_go(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self._writer = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(Answer(OrderOutcome.FAILED, "disconnected"))
        if self._there:
            self._there = False
            last = self._news[-1] if self._news else self._latest
            # What goes on at a device that is away is not known: its use ends here, and
            # begins anew where the device comes back with it.
            ended = UseEnd(last.use, Outcome.UNKNOWN) if last.use else None
            self._tell(replace(_AWAY, at_ms=self._heard_ms, ended=ended))


def _observation(condition: Condition, at_ms: int, ended: Ending | None = None) -> Observation:
    return Observation(
        at_ms=at_ms,
        device_link=DeviceLink.CONNECTED,
        state=condition.state,
        use=condition.use,
        active=condition.active,
        category=condition.category,
        figures=condition.figures,
        ended=UseEnd(ended.use, ended.outcome, ended.figures) if ended else None,
        readings=condition.readings,
    )
