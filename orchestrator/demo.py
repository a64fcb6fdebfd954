"""`laitevuoro demo`: the whole loop on this machine, from devices to figures, with real processes.

run: start everything -> lay bookings, round after round, and show -> let what ended be
counted -> read the result -> stop everything.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.live import Live

from orchestrator import demo_scene as scene
from orchestrator.children import RunFailed, command_path, first
from orchestrator.client import DeviceNow, Reader, Totals
from orchestrator.demo_journal import Truth
from orchestrator.demo_octoprint import find_octoprint
from orchestrator.demo_printer import NOT_INSTALLED, real_printer
from orchestrator.demo_result import as_json, differences
from orchestrator.demo_screen import happened, table, totals_table
from orchestrator.demo_stage import LOOK_EVERY, Stage

#: Seconds for the last events to be counted, once the demo's time is over.
SETTLE_WITHIN = 15.0
#: Seconds between two looks for the screen.
SHOW_EVERY = 0.5
FAILED, USAGE, INTERRUPTED = 1, 2, 130

Look = tuple[list[DeviceNow], Totals]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was given. seconds None: until Ctrl-C."""

    seconds: float | None = None
    speed: int = 1
    octoprint: bool = False
    json: bool = False


def run(options: Options) -> int:
    """Run the demo; return the exit code. What goes wrong is one sentence on standard error."""
    if options.seconds is not None and not 0 < options.seconds <= 7 * 86_400:
        return _say(f"--for is in seconds, more than 0, not {options.seconds}.", USAGE)
    if not scene.LEAST_SPEED <= options.speed <= scene.MOST_SPEED:
        limits = f"{scene.LEAST_SPEED} to {scene.MOST_SPEED}"
        return _say(f"--speed is a whole number from {limits}, not {options.speed}.", USAGE)
    program = find_octoprint() if options.octoprint else None
    if options.octoprint and program is None:
        return _say(NOT_INSTALLED, USAGE)
    with tempfile.TemporaryDirectory(prefix="laitevuoro-demo-") as folder:
        try:
            return asyncio.run(_demo(options, Path(folder), program))
        except RunFailed as error:
            return _say(str(error), FAILED)


async def _demo(options: Options, folder: Path, octoprint: Path | None) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console = Console(quiet=options.json)
    printer = real_printer(octoprint, folder, options.speed) if octoprint else None
    stage = Stage(folder=folder, speed=options.speed, printer=printer)
    try:
        console.print("Starting a broker, the orchestrator, three agents and their devices …")
        reader = await first(stage.start(), _nothing(stop))
        if reader is None:
            return INTERRUPTED
        async with reader:
            console.print(_where(reader, stage.config), soft_wrap=True)
            await first(
                _show(reader, console),
                stage.watch(),
                _book(stage, options),
                _nothing(stop, options.seconds),
            )
            look, truths = await _settled(reader, stage)
    finally:
        await stage.stop()
    return _tell(options, console, reader.metrics_url, look, truths)


async def _nothing(stop: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until the demo is to end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _book(stage: Stage, options: Options) -> None:
    """Lay the bookings of one round after the other, for ever."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    first_round = True
    while True:
        if first_round or scene.has_room(loop.time() - began, options.seconds, options.speed):
            begins_at = datetime.now(UTC) + timedelta(seconds=scene.LEAD)
            await stage.book(scene.booked_turns(begins_at, options.speed))
            first_round = False
        await asyncio.sleep(scene.round_seconds(options.speed))


async def _show(reader: Reader, console: Console) -> None:
    """Show the table, and below it what happened, for ever. Lines only where no terminal is."""
    before = await reader.both()
    with _screen(console) as update:
        update(before)
        while True:
            await asyncio.sleep(SHOW_EVERY)
            now = await reader.both()
            for line in happened(before, now):
                console.print(
                    f"[dim]{datetime.now(UTC).astimezone():%H:%M:%S}[/] {line}", highlight=False
                )
            update(now)
            before = now


@contextmanager
def _screen(console: Console) -> Iterator[Callable[[Look], None]]:
    """Give what draws a look: the live table on a terminal, nothing elsewhere."""
    if console.quiet or not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda look: live.update(table(look[0]))


async def _settled(reader: Reader, stage: Stage) -> tuple[Look, dict[str, Truth]]:
    """Return the last look and the journals, once what has ended is counted.

    Or after SETTLE_WITHIN: then the two differ, which is said.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLE_WITHIN
    while True:
        devices, totals = await reader.both()
        truths = stage.truths()
        settled = not list(differences(totals, truths))
        if settled or loop.time() > deadline:
            return (devices, totals), truths
        await asyncio.sleep(LOOK_EVERY)


def _where(reader: Reader, config: Path) -> str:
    return (
        f"Prometheus metrics: {reader.metrics_url}\n"
        "To book a turn of your own, from another terminal:\n"
        f"  {_as_typed('laitevuoro')} booking add --config {config} --device {scene.VR} "
        "--start now --for 1min --group nuoret\n"
        "Ctrl-C ends the demo."
    )


def _as_typed(name: str) -> str:
    """Return a command of ours as it is to be typed here: by its name, where that finds it."""
    path = Path(command_path(name))
    if shutil.which(name) == str(path):
        return name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _tell(
    options: Options, console: Console, url: str, look: Look, truths: dict[str, Truth]
) -> int:
    """Print the result; return the exit code."""
    devices, totals = look
    if options.json:
        result = as_json(devices, totals, truths, url)
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    console.print(totals_table(totals, {device.device: device.name for device in devices}))
    wrong = list(differences(totals, truths))
    if not wrong:
        console.print("Each count equals the device's own journal, to the millisecond.")
    return _say("\n".join(wrong), FAILED) if wrong else 0


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code
