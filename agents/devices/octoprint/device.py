"""The device: looks, listens, carries out. Ties the client, the push socket and the rules.

A printer has no lock. Open and close are levels that the agent remembers: a print begun
while closed is seen, and the agent orders its end. A finished part keeps the printer in
`to_be_cleared` until it is told to be clear or the next print starts, over restarts of
OctoPrint and of the agent.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from agents.devices import phrases
from agents.devices.octoprint.client import KeyRefused, OctoPrintError, Unreachable
from agents.devices.octoprint.memory import Memory
from agents.devices.octoprint.payloads import Phase, PrintEvent, Reading
from agents.devices.octoprint.prints import Prints
from agents.devices.octoprint.push import Deliver
from agents.devices.phrases import Language, UnknownPhrase
from agents.model import SETTLED_MS, Answer, Observation, Order
from mqtt_schemas.events import OrderOutcome, Step

log = logging.getLogger(__name__)

#: Seconds for `observe` and for `carry_out`, a little under what the protocol allows.
OBSERVE_LIMIT = 4.8
CARRY_OUT_LIMIT = 14.0
#: Seconds that an event may take to explain what a look shows.
EXPLAINED_WITHIN = 0.5
#: Seconds after which an order that took no effect is given again.
AGAIN_AFTER = 0.5
#: Without the push socket for so long, that is a problem to tell of.
PUSH_MISSED_MS = 10_000

_DONE = Answer(OrderOutcome.DONE)


class Client(Protocol):
    """What the device asks of OctoPrint; each raises OctoPrintError. See client.Client."""

    async def look(self) -> Reading:
        """Return what the printer is doing."""

    async def cancel(self) -> None:
        """Ask to cancel the print."""

    async def pause(self) -> None:
        """Ask to pause the print."""

    async def show(self, line: str) -> None:
        """Show a line on the printer's display."""

    def close(self) -> None:
        """Let go of the connection."""


class Push(Protocol):
    """Where events come from. See push.PushSocket."""

    connected: bool

    def start(self, deliver: Deliver) -> None:
        """Begin to listen."""

    def stop(self) -> None:
        """Stop listening."""


class OctoPrintDevice:
    """A printer behind OctoPrint (agents.model.Device).

    boot_ms: CLOCK_BOOTTIME in ms. language: of the printer's display. patience_ms, memory: see
    prints.Prints and memory.Memory. Reasons of its answers: no_lock, unknown_phrase,
    does_not_cancel, does_not_pause, printer_not_ready, octoprint_unreachable,
    octoprint_unclear, octoprint_key_refused. Problems it tells of: the last three, and
    push_unavailable.
    """

    rule = "octoprint/1"
    closing = Step.END
    interval = 2.0
    settles_ms: int | None = SETTLED_MS

    def __init__(
        self,
        *,
        client: Client,
        push: Push,
        boot_ms: Callable[[], int],
        language: Language,
        patience_ms: int,
        memory: Path | None = None,
    ) -> None:
        self._client = client
        self._push = push
        self._boot_ms = boot_ms
        self._language = language
        self._memory = Memory(memory)
        self._prints = Prints(
            new_use=lambda: secrets.token_hex(8),
            patience_ms=patience_ms,
            in_hand=self._memory.recall(boot_ms()),
            part=self._memory.recall_part(),
        )
        self._told: list[Observation] = []
        self._looking = asyncio.Lock()
        self._news = asyncio.Event()
        self._event = asyncio.Event()
        self._heard = 0
        self._push_seen_ms = boot_ms()
        self._problem: str | None = None

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._push_seen_ms = self._boot_ms()
        self._push.start(lambda at, event: _hand_over(loop, self._hear, at, event))

    async def stop(self) -> None:
        """Let go of OctoPrint. A print goes on, and is known again after a restart."""
        self._memory.keep(self._prints.in_hand, part=self._prints.part, now=True)
        await asyncio.to_thread(self._push.stop)
        self._client.close()

    async def changed(self) -> None:
        """Return when an event came in since the last look."""
        await self._news.wait()

    async def observe(self) -> Sequence[Observation]:
        """Look, and return what happened since the last time."""
        self._news.clear()
        try:
            async with asyncio.timeout(OBSERVE_LIMIT):
                await self._look()
            self._tell_problem(None)
        except TimeoutError:
            self._lose(Unreachable("no answer in time"))
        except OctoPrintError as error:
            self._lose(error)
        self._memory.keep(self._prints.in_hand, part=self._prints.part)
        told, self._told = self._told, []
        return told

    async def carry_out(self, order: Order) -> Answer:
        """Carry out an order and see that it took effect."""
        match order.step:
            case Step.OPEN | Step.CLOSE | Step.CLEAR:
                if order.step is Step.CLEAR:
                    self._clear()
                return _DONE
            case Step.LOCK:
                return Answer(OrderOutcome.UNSUPPORTED, "no_lock")
            case Step.WARN:
                left = {} if order.seconds_left is None else {"seconds": order.seconds_left}
                return await self._show(order.phrase or "turn_ends_in", {**order.arguments, **left})
            case Step.NOTICE:
                return await self._show(order.phrase or "", dict(order.arguments))
            case Step.END:
                return await self._bring_about(
                    _is_over, Phase.IDLE, self._cancel, "does_not_cancel"
                )
            case Step.PAUSE:
                return await self._bring_about(
                    _is_at_rest, Phase.PAUSED, self._client.pause, "does_not_pause"
                )

    def _hear(self, at_ms: int, event: PrintEvent | None) -> None:
        if event is not None:
            self._heard += 1
            self._told.extend(self._prints.happened(at_ms, event))
            self._event.set()
        self._news.set()

    async def _look(self) -> Reading:
        """Look, let the rules take it in, and return it. Raises OctoPrintError.

        A look is out of date where an event came in meanwhile. One that shows a print begin or
        end waits for the event, which knows when and why; where none comes, the look counts.
        """
        async with self._looking:
            waited = False
            while True:
                heard = self._heard
                self._event.clear()
                reading = await self._client.look()
                if heard != self._heard:
                    continue
                if waited or not self._push.connected or self._prints.agrees(reading):
                    break
                waited = not await _comes(self._event, EXPLAINED_WITHIN)
            self._told.extend(self._prints.looked(self._boot_ms(), reading, self._missing()))
            return reading

    def _lose(self, error: OctoPrintError) -> None:
        self._tell_problem(error)
        fault = isinstance(error, Unreachable)
        self._told.extend(self._prints.lost(self._boot_ms(), (error.code,), fault=fault))

    def _missing(self) -> tuple[str, ...]:
        now = self._boot_ms()
        if self._push.connected:
            self._push_seen_ms = now
        return ("push_unavailable",) if now - self._push_seen_ms > PUSH_MISSED_MS else ()

    def _tell_problem(self, error: OctoPrintError | None) -> None:
        """Log a problem once, and its end."""
        code = error.code if error else None
        if code == self._problem:
            return
        self._problem = code
        if error is None:
            log.info("OctoPrint answers again")
        else:
            log.warning("%s: %s", error.code, error)

    def _clear(self) -> None:
        self._prints.clear()
        self._memory.keep(self._prints.in_hand, part=self._prints.part)
        self._news.set()

    async def _cancel(self) -> None:
        self._prints.cancel_ordered()
        await self._client.cancel()

    async def _bring_about(
        self,
        reached: Callable[[Reading], bool],
        target: Phase,
        ask: Callable[[], Awaitable[None]],
        reason: str,
    ) -> Answer:
        """Ask until a look shows it: OctoPrint's 204 only says that it heard us."""
        try:
            async with asyncio.timeout(CARRY_OUT_LIMIT):
                while True:
                    try:
                        reading = await self._look()
                        self._news.set()
                        if reached(reading):
                            return _DONE
                        if reading.toward is not target:
                            await ask()
                    except KeyRefused as error:
                        return Answer(OrderOutcome.FAILED, error.code)
                    except OctoPrintError as error:
                        last: str = error.code
                    else:
                        last = reason
                    await _comes(self._event, AGAIN_AFTER)
        except TimeoutError:
            return Answer(OrderOutcome.FAILED, last)

    async def _show(self, phrase: str, arguments: dict[str, str | int]) -> Answer:
        try:
            line = phrases.brief(phrase, self._language, **arguments)
            await self._client.show(_ascii(line))
        except UnknownPhrase:
            return Answer(OrderOutcome.UNSUPPORTED, "unknown_phrase")
        except OctoPrintError as error:
            return Answer(OrderOutcome.FAILED, error.code)
        return _DONE


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    hear: Callable[[int, PrintEvent | None], None],
    at_ms: int,
    event: PrintEvent | None,
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(hear, at_ms, event)


async def _comes(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, for so long at most. Tell whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _is_over(reading: Reading) -> bool:
    return reading.phase not in (Phase.PRINTING, Phase.PAUSED)


def _is_at_rest(reading: Reading) -> bool:
    return reading.phase is not Phase.PRINTING


def _ascii(line: str) -> str:
    """Leave the dots off: printers' displays know ASCII only, and read `;` as a comment."""
    plain = unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode()
    return plain.replace(";", ",")
