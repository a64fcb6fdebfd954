"""Files of opening hours, read in a process of their own (reading.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.calendars import kirkanta
from orchestrator.calendars.hours_model import Parsed, within
from orchestrator.calendars.model import AHEAD, Unreadable
from orchestrator.calendars.reading import BoundedTime, answer_parent, ask_child

HoursFormat = Literal["kirkanta", "ics"]

_MODULE = "orchestrator.calendars.hours_reading"


class HoursJob(BaseModel):
    """What is to be read: the local days from `first` to `last`. format None: as it looks.

    library: its number in Kirkanta, where the file lists several.
    """

    model_config = ConfigDict(frozen=True)

    first: date
    last: date
    timezone: str
    format: HoursFormat | None = None
    library: str | None = None


def reach(today: date) -> tuple[date, date]:
    """Return the first and the last day of which hours are kept: from yesterday, 400 ahead."""
    return today - timedelta(days=1), today + AHEAD


def dated(url: str, today: date) -> str:
    """Return a URL with these days in it for `{first}` and `{last}`: Kirkanta wants them told."""
    first, last = reach(today)
    return url.replace("{first}", first.isoformat()).replace("{last}", last.isoformat())


ReadHours = Callable[[bytes, HoursJob], Awaitable[Parsed]]


async def read(data: bytes, job: HoursJob) -> Parsed:
    """Return what a file says of a library's days. Raises Unreadable."""
    return await ask_child(_MODULE, job, data, Parsed)


def parse(data: bytes, job: HoursJob, *, limited: bool) -> Parsed:
    """Return what a file says, read in this process. Raises Unreadable.

    limited: with the time for each series bounded, in the main thread of a process only.
    """
    match job.format or looks_like(data):
        case "kirkanta":
            return within(kirkanta.parse(data, library=job.library), job.first, job.last)
        case "ics":
            from orchestrator.calendars import hours_ics  # noqa: PLC0415 - slow to load; Kirkanta needs it not

            return hours_ics.parse(
                data,
                first=job.first,
                last=job.last,
                timezone=job.timezone,
                limit=BoundedTime() if limited else nullcontext,
            )


def looks_like(data: bytes) -> HoursFormat:
    """Return what a file looks like by its first bytes. Raises Unreadable."""
    head = data[:2000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if head[:1] in (b"{", b"["):
        return "kirkanta"
    raise Unreadable("The file is neither an answer of Kirkanta nor an iCalendar file.")


if __name__ == "__main__":
    answer_parent(lambda head, data: parse(data, HoursJob.model_validate_json(head), limited=True))
