"""The run of a rehearsal.

start everything -> faults, turns and customers, until there are events enough -> heal -> let all
be told -> stop everything -> hold journals and count against each other.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator.children import RunFailed, first
from orchestrator.client import Reader
from orchestrator.device_journal import read_uses
from orchestrator.rehearsal import counted
from orchestrator.rehearsal.broker import BrokerKind, program
from orchestrator.rehearsal.compare import Figures, History, add, compare
from orchestrator.rehearsal.faults import Fault, devices, schedule
from orchestrator.rehearsal.inflict import Inflict
from orchestrator.rehearsal.intervals import union
from orchestrator.rehearsal.result import Result, as_json, as_text
from orchestrator.rehearsal.stage import Stage
from orchestrator.rehearsal.traffic import book_turns
from orchestrator.store.errors import StoreFailed

LEAST_EVENTS, MOST_EVENTS = 100, 1_000_000
#: Seconds in which so many events must come: this, and one for each so many.
PATIENCE, SLOWEST = 120.0, 5
#: Seconds for the last events to be acknowledged, once all is well again.
SETTLE_WITHIN = 90.0
FAILED, USAGE, INTERRUPTED = 1, 2, 130
_SHOW_EVERY = 0.5
_SHOWN_REMARKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command was given."""

    seed: int
    events: int
    broker: BrokerKind = "nats"
    json: bool = False


def run(options: Options) -> int:
    """Rehearse; return the exit code. What goes wrong is one sentence on standard error."""
    if not LEAST_EVENTS <= options.events <= MOST_EVENTS:
        limits = f"{LEAST_EVENTS} to {MOST_EVENTS}"
        return _say(f"--events is a whole number from {limits}, not {options.events}.", USAGE)
    try:
        program(options.broker)
    except RunFailed as error:
        return _say(str(error), USAGE)
    folder = Path(tempfile.mkdtemp(prefix="laitevuoro-rehearsal-"))
    code = FAILED
    try:
        code = asyncio.run(_until_interrupted(options, folder))
    except* (RunFailed, StoreFailed) as group:
        _say(str(_first(group)), FAILED)
    if code == FAILED:
        return _say(f"The scratch folder is kept: {folder}", FAILED)
    shutil.rmtree(folder)
    return code


async def _until_interrupted(options: Options, folder: Path) -> int:
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    began = time.monotonic()
    stage = Stage(folder=folder, seed=options.seed, kind=options.broker)
    try:
        done = await first(_rehearse(options, stage), _interrupted(interrupted), stage.watch())
    finally:
        await stage.stop()
    if done is None:
        return INTERRUPTED
    record = counted.read(stage.database)
    result = Result(
        seed=options.seed,
        broker=options.broker,
        seconds=time.monotonic() - began,
        events=record.events,
        named_losses=record.named_losses,
        faults=done.done,
        figures=_figures(stage, record),
    )
    return _tell(options, result)


async def _interrupted(event: asyncio.Event) -> None:
    await event.wait()


async def _rehearse(options: Options, stage: Stage) -> Inflict:
    """Return what was done, once all that happened is acknowledged. Raises RunFailed."""
    inflict = Inflict(stage)
    with _progress(options) as progress:
        progress.says("starting")
        await stage.start()
        await first(
            _spoil(options, stage, inflict, progress),
            book_turns(stage, options.seed),
            inflict.back_up(),
        )
        progress.says("all is well again; waiting for the last acknowledgements")
        await stage.settle(SETTLE_WITHIN)
    return inflict


async def _spoil(options: Options, stage: Stage, inflict: Inflict, progress: _Shown) -> None:
    """Return when all faults are over, and there are events enough. Raises RunFailed."""
    within = PATIENCE + options.events / SLOWEST

    def began(fault: Fault) -> None:
        progress.says(f"{fault.kind} {fault.target}")

    try:
        async with asyncio.timeout(within), asyncio.TaskGroup() as both:
            both.create_task(inflict.all(schedule(options.seed, options.events), began))
            both.create_task(_enough(options.events, stage, progress))
    except TimeoutError:
        raise RunFailed(f"There were not {options.events} events within {within:.0f} s.") from None


async def _enough(events: int, stage: Stage, progress: _Shown) -> None:
    accepted = 0
    async with Reader(stage.url) as reader:
        while accepted < events:
            with suppress(RunFailed):  # it is down, or just that slow
                accepted = max(accepted, (await reader.totals()).events.accepted)
            progress.reached(min(accepted, events))
            await asyncio.sleep(_SHOW_EVERY)


def _figures(stage: Stage, record: counted.Record) -> Figures:
    return add(
        compare(
            History(
                device=device,
                uses=read_uses(stage.journal(device)),
                sessions=record.devices[device].sessions,
                totals=record.devices[device].totals,
                observed=record.devices[device].seen,
                excused=union(stage.excused[device]),
                losses=union(record.devices[device].losses),
            )
        )
        for device in devices()
    )


class _Shown:
    """The progress bar, on standard error, where that is a terminal."""

    def __init__(self, bar: Progress, events: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=events)

    def says(self, what: str) -> None:
        """Say what is being done."""
        self._bar.update(self._task, description=what)

    def reached(self, events: int) -> None:
        """Show how many events there are."""
        self._bar.update(self._task, completed=events)


@contextmanager
def _progress(options: Options) -> Iterator[_Shown]:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<34.34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield _Shown(bar, options.events)


def _tell(options: Options, result: Result) -> int:
    """Print the result; return the exit code."""
    if options.json:
        sys.stdout.write(json.dumps(as_json(result), indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in as_text(result))
    if result.figures.exact:
        return 0
    remarks = result.figures.remarks
    for remark in remarks[:_SHOWN_REMARKS]:
        _say(remark, FAILED)
    if len(remarks) > _SHOWN_REMARKS:
        _say(f"… and {len(remarks) - _SHOWN_REMARKS} more", FAILED)
    return FAILED


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code
