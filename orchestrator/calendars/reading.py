"""Files of other systems are read in a process of their own, which has bounds.

A rule of a single line can keep a library busy for hours, and reading ten megabytes would hold
up all that comes in meanwhile. `python -m orchestrator.calendars.reading` reads a job from
standard input and answers on standard output, both in JSON but for the file itself.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.calendars import csv_bookings, respa, tilavaraus
from orchestrator.calendars.model import BadEntry, Frame, Parsed, Unreadable

#: Seconds for a file, on a machine that is busy.
WITHIN = 120.0
#: Seconds of the processor: for one series, for all that take long, and then for each other.
FOR_ONE, FOR_SLOW, FOR_OTHERS = 2.0, 6.0, 0.1
#: Bytes of memory: ten megabytes of entries take a tenth.
_MEMORY = 2 * 1024**3
_KINDER_BY = 10
_MODULE = "orchestrator.calendars.reading"

Format = Literal["ics", "csv", "respa", "tilavaraus"]


class Job(BaseModel):
    """What is to be read, beside the file. format None: as the file looks."""

    model_config = ConfigDict(frozen=True)

    frame: Frame
    format: Format | None = None


class _Answer(BaseModel):
    """parsed: the JSON of it."""

    parsed: str | None = None
    unreadable: str | None = None


Shape = TypeVar("Shape", bound=BaseModel)


Read = Callable[[bytes, Job], Awaitable[Parsed]]


async def read(data: bytes, job: Job, *, within: float = WITHIN) -> Parsed:
    """Return what a file holds. Raises Unreadable, also where that takes too long."""
    return await ask_child(_MODULE, job, data, Parsed, within=within)


async def ask_child(
    module: str, job: BaseModel, data: bytes, shape: type[Shape], *, within: float = WITHIN
) -> Shape:
    """Return what a process of its own, running `module` (answer_parent), makes of a file.

    Raises Unreadable, also where that takes too long.
    """
    # Nothing is said on standard error: a traceback may quote what stands in the file. And
    # nothing is imported from wherever we were started.
    command = [sys.executable, "-P", "-m", module]
    try:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
    except OSError as error:
        raise Unreadable(f"The file can't be read now: {error.strerror}.") from None
    try:
        async with asyncio.timeout(within):
            told, _ = await child.communicate(job.model_dump_json().encode() + b"\n" + data)
        answer = _Answer.model_validate_json(told)
    except TimeoutError:
        raise Unreadable(f"Reading the file takes more than {within:g} s.") from None
    except ValidationError:
        raise Unreadable("Reading the file takes more memory or time than it may.") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if answer.parsed is None:
        raise Unreadable(answer.unreadable or "The file can't be read.")
    return shape.model_validate_json(answer.parsed)


def parse(data: bytes, job: Job, *, limited: bool) -> Parsed:
    """Return what a file holds, read in this process. Raises Unreadable.

    limited: with the time for each series bounded, in the main thread of a process only.
    """
    match job.format or looks_like(data):
        case "ics":
            from orchestrator.calendars import ics  # noqa: PLC0415 - slow to load; no other needs it

            return ics.parse(data, job.frame, limit=BoundedTime() if limited else nullcontext)
        case "respa":
            return respa.parse(data, job.frame)
        case "tilavaraus":
            return tilavaraus.parse(data, job.frame)
        case "csv":
            return csv_bookings.parse(data, job.frame)


def looks_like(data: bytes) -> Format:
    """Return what a file looks like by its first bytes; a table where it looks like nothing."""
    head = data[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if head[:1] in (b"{", b"["):
        return "tilavaraus" if b"beginsAt" in data or b'"edges"' in head else "respa"
    return "csv"


class BoundedTime:
    """What bounds the processor's time for each series of a file."""

    def __init__(self) -> None:
        self._left = FOR_SLOW

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Bound the time for one series; BadEntry is raised within."""
        given = max(min(FOR_ONE, self._left), FOR_OTHERS)
        signal.setitimer(signal.ITIMER_PROF, given)
        try:
            yield
        finally:
            rest, _ = signal.setitimer(signal.ITIMER_PROF, 0)
            if given - rest > FOR_OTHERS:
                self._left -= given - rest


def _too_long(*_: object) -> None:
    raise BadEntry("working out its recurrence takes too long")


def answer_parent(read_job: Callable[[bytes, bytes], BaseModel]) -> None:
    """Read a job from standard input, and answer on standard output.

    read_job: (job in JSON, file) -> what the file holds. Raises Unreadable.
    """
    os.nice(_KINDER_BY)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_long)
    head, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        answer = _Answer(parsed=read_job(head, data).model_dump_json())
    except Unreadable as error:
        answer = _Answer(unreadable=str(error))
    except (MemoryError, RecursionError):
        answer = _Answer(unreadable="Reading the file takes more memory than it may.")
    except Exception as error:  # noqa: BLE001 - its text may quote the file
        answer = _Answer(unreadable=f"The file can't be read ({type(error).__name__}).")
    sys.stdout.write(answer.model_dump_json())


if __name__ == "__main__":
    answer_parent(lambda head, data: parse(data, Job.model_validate_json(head), limited=True))
