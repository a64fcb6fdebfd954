"""A real OctoPrint with its virtual printer in the demo, and the customers who print on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from orchestrator import demo_scene as scene
from orchestrator.booked_turn import BookedTurn
from orchestrator.children import RunFailed
from orchestrator.demo_octoprint import (
    DWELL_SECONDS,
    VERSION,
    OctoPrint,
    OctoPrintNotStarted,
)

log = logging.getLogger(__name__)

#: Said where there is none.
NOT_INSTALLED = (
    f"OctoPrint is not installed: pip install octoprint=={VERSION} into an environment of its "
    "own, have its program on PATH, and try again; or leave out --octoprint."
)
#: Seconds between two looks whether it still runs.
LOOK_EVERY = 1.0


def real_printer(program: Path, folder: Path, speed: int) -> RealPrinter:
    """Return a real printer, not yet started."""
    return RealPrinter(OctoPrint(program=program, folder=folder / "octoprint"), speed=speed)


class RealPrinter:
    """OctoPrint, started and used as its customers do."""

    def __init__(self, octoprint: OctoPrint, *, speed: int) -> None:
        self._octoprint = octoprint
        self._speed = speed
        self._customers: set[asyncio.Task[None]] = set()

    @property
    def own(self) -> Mapping[str, str]:
        """The agent's table of the driver `octoprint`. Once it was started."""
        return {"url": self._octoprint.url, "api_key_file": str(self._octoprint.api_key_file)}

    async def start(self) -> None:
        """Start it and wait until its printer is ready. Raises RunFailed."""
        # Launched from this very thread, since it dies with the thread that launched it.
        self._octoprint.launch()
        try:
            await asyncio.to_thread(self._octoprint.wait_until_ready)
        except OctoPrintNotStarted as error:
            raise RunFailed(f"{error}") from None

    async def watch(self) -> None:
        """Wait until it ends by itself. Raises RunFailed then."""
        while self._octoprint.pid is not None:  # noqa: ASYNC110 - it tells of its end by no event
            await asyncio.sleep(LOOK_EVERY)
        raise RunFailed("OctoPrint ended by itself.")

    async def stop(self) -> None:
        """Send the customers home and end it."""
        for customer in self._customers:
            customer.cancel()
        await asyncio.gather(*self._customers, return_exceptions=True)
        await asyncio.to_thread(self._octoprint.stop)

    def expect(self, turns: Sequence[BookedTurn]) -> None:
        """Let a customer come to each of these turns that is on the printer."""
        prints = [turn for turn in turns if turn.device == scene.PRINTER]
        for turn, visit in zip(prints, scene.PRINTS, strict=True):
            customer = asyncio.create_task(self._print(turn, visit), name="a printing customer")
            self._customers.add(customer)
            customer.add_done_callback(self._customers.discard)

    async def _print(self, turn: BookedTurn, visit: scene.Print) -> None:
        until = (turn.starts_at - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(until + visit.after / self._speed)
        dwells = max(1, round(visit.seconds / self._speed / DWELL_SECONDS))
        try:
            await asyncio.to_thread(self._octoprint.start_print, dwells)
        except httpx.HTTPError as error:
            log.warning("a print could not be started: %s", error)
