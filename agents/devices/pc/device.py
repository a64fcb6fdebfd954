"""The device "this machine": its seat's login session is the use, logind carries the orders out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agents.clock import Clock
from agents.devices.pc.catalogue import Catalogue
from agents.devices.pc.connection import Connection
from agents.devices.pc.ending import end_seat, lock_seat
from agents.devices.pc.helper import HelperServer
from agents.devices.pc.logind import Logind, LogindError
from agents.devices.pc.processes import Processes
from agents.devices.pc.readings import readings
from agents.devices.pc.sessions import LoginSession, Uses, in_use, state_of
from agents.model import SETTLED_MS, Answer, Ask, Observation, Order, UseEnd
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step

log = logging.getLogger(__name__)

#: Seconds for a look and for an order (agents.model.Device allows 5 and 15).
LOOK_SECONDS, ORDER_SECONDS = 4.5, 14.5
#: A logind that is started anew is away for a moment: that long the last look holds.
PATIENCE_MS = 5000
#: Seconds until the next look after one that failed.
LOOK_AGAIN_SECONDS = 1.0

DONE = Answer(OrderOutcome.DONE)


class Pc:
    """The machine that the agent runs on, as one seat that one person uses at a time."""

    rule = "pc/1"
    closing = Step.LOCK
    interval = 5.0
    settles_ms: int | None = SETTLED_MS

    def __init__(
        self,
        *,
        seat: str,
        bus_address: str | None,
        proc: Path,
        catalogue: Catalogue,
        helper_socket: Path | None,
        clock: Clock,
    ) -> None:
        self._seat = seat
        self._proc = proc
        self._catalogue = catalogue
        self._clock = clock
        self._changed = asyncio.Event()
        self._connection = Connection(
            connect=lambda: Logind.connect(address=bus_address, on_signal=self._changed.set),
            on_change=self._changed.set,
        )
        self._helper = HelperServer(path=helper_socket, uid=lambda: self._uid)
        self._uid: int | None = None
        self._uses = Uses(clock.boot_id)
        self._use: str | None = None
        self._processes: Processes | None = None
        self._last: Observation | None = None
        self._failing_since: int | None = None

    def take_requests(self, ask: Ask) -> None:
        """Have requests of whoever sits at the seat answered by `ask`."""
        self._helper.ask = ask

    async def start(self) -> None:
        """Begin to watch; the system bus may come later, or never."""
        self._connection.start()
        await self._helper.start()

    async def stop(self) -> None:
        """Leave the bus and the helpers. Sessions go on."""
        await self._helper.stop()
        await self._connection.stop()

    async def observe(self) -> Sequence[Observation]:
        """Return the seat as it is now."""
        self._changed.clear()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                logind = await self._connection.logind()
                # What was told up to here is in the answer.
                self._changed.clear()
                sessions = await logind.sessions(self._seat)
        except TimeoutError:
            return [self._blind(LogindError.reason)]
        except LogindError as error:
            return [self._blind(error.reason)]
        self._failing_since = None
        self._last = self._seen(sessions)
        return [self._last]

    async def changed(self) -> None:
        """Return when logind has told of a change since the last look."""
        await self._changed.wait()

    async def carry_out(self, order: Order) -> Answer:
        """Carry out an order.

        Opening, closing and clearing need nothing here: whoever uses a closed PC is ended by
        an order of its own. A PC can't pause its use.
        """
        match order.step:
            case Step.OPEN | Step.CLOSE | Step.CLEAR:
                return DONE
            case Step.WARN | Step.NOTICE:
                shown = await self._helper.send(order)
                return DONE if shown else Answer(OrderOutcome.UNSUPPORTED, "no_helper")
            case Step.LOCK | Step.END:
                return await self._end(order.step)
            case _:
                return Answer(OrderOutcome.UNSUPPORTED, "no_pause")

    async def _end(self, step: Step) -> Answer:
        try:
            async with asyncio.timeout(ORDER_SECONDS):
                logind = await self._connection.logind()
                carry_out = lock_seat if step is Step.LOCK else end_seat
                return await carry_out(logind, self._seat)
        except TimeoutError:
            return Answer(OrderOutcome.FAILED, "does_not_end")
        except LogindError as error:
            return Answer(OrderOutcome.FAILED, error.reason)

    def _seen(self, sessions: Sequence[LoginSession]) -> Observation:
        session = in_use(sessions)
        last, self._use = self._use, self._uses.name(session)
        self._uid = session.uid if session else None
        if session is None:
            self._processes = None
        elif self._processes is None or self._use != last:
            self._processes = Processes(proc=self._proc, session=session, catalogue=self._catalogue)
        active = session is not None and not session.idle
        return Observation(
            at_ms=self._clock.boot_ms(),
            device_link=DeviceLink.CONNECTED,
            state=state_of(sessions),
            use=self._use,
            active=active,
            category=self._category() if active else None,
            readings=readings(self._proc),
        )

    def _category(self) -> str | None:
        if self._processes is None:
            return None
        with contextlib.suppress(OSError):
            return self._processes.category().value
        return None

    def _blind(self, reason: str) -> Observation:
        """Return what can be said without logind.

        The use ends as unknown and the device is disconnected, so that the gap is seen in the
        coverage: a machine whose logins nobody sees must not look like one that nobody used.
        The problem says what is missing.
        """
        now = self._clock.boot_ms()
        if self._last is not None:
            self._failing_since = now if self._failing_since is None else self._failing_since
            if now - self._failing_since < PATIENCE_MS:
                asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self._changed.set)
                return replace(self._last, at_ms=now)
        ended = UseEnd(self._use, Outcome.UNKNOWN) if self._use else None
        self._use = self._uses.name(None)
        self._uid = self._processes = None
        return Observation(
            at_ms=now,
            device_link=DeviceLink.DISCONNECTED,
            state=DeviceState.OFF,
            ended=ended,
            readings=readings(self._proc),
            problems=(reason,),
        )
