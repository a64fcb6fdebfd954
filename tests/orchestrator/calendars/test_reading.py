"""Reading files in a process of their own."""

from __future__ import annotations

import json
import time

import pytest

from orchestrator.calendars.model import Unreadable
from orchestrator.calendars.reading import Format, Job, looks_like, parse, read
from tests.orchestrator.calendars.frames import FRAME, VR, calendar, fixture, local

JOB = Job(frame=FRAME)
ONE = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z"


@pytest.mark.parametrize("name", ["outlook.ics", "google.ics", "bookings.csv", "respa.json"])
async def test_a_process_of_its_own_reads_the_same(name: str) -> None:
    """As this one would."""
    data = fixture(name)
    assert await read(data, JOB) == parse(data, JOB, limited=False)


async def test_a_sentence_comes_back_whole() -> None:
    """Why a file can't be read at all."""
    with pytest.raises(Unreadable, match="This is no table of bookings"):
        await read(b"\xff\xfe", JOB)


async def test_a_rule_without_end_is_given_up_by_name() -> None:
    """And the other entries are read. The thirtieth of February never comes."""
    endless = ONE.replace("UID:1", "UID:endless").replace("2026", "1970")
    rule = "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"
    begun = time.monotonic()
    parsed = await read(calendar(f"{endless}\n{rule}", ONE), Job(frame=VR))
    assert [local(entry) for entry in parsed.entries] == [("vr-1", "11-26 12:00", "11-26 13:00")]
    assert [str(fault) for fault in parsed.faults] == [
        "UID endless: working out its recurrence takes too long."
    ]
    assert time.monotonic() - begun < 30


async def test_many_rules_without_end_are_given_up_sooner() -> None:
    """A file of them is answered in the time that there is for a file, each by its name."""
    rule = "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"
    endless = [ONE.replace("UID:1", f"UID:e{n}").replace("2026", "1970") for n in range(12)]
    parsed = await read(calendar(*[f"{each}\n{rule}" for each in endless], ONE), Job(frame=VR))
    assert (len(parsed.entries), len(parsed.faults)) == (1, 12)


async def test_a_file_that_takes_too_long_is_given_up() -> None:
    """The process is ended, whatever it is doing."""
    with pytest.raises(Unreadable, match=r"Reading the file takes more than 0\.01 s\."):
        await read(fixture("outlook.ics"), JOB, within=0.01)


async def test_what_breaks_the_reader_is_one_sentence() -> None:
    """Deep JSON does."""
    data = b"[" * 1_000_000
    with pytest.raises(Unreadable):
        await read(data, Job(frame=FRAME, format="respa"))


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (b"\xef\xbb\xbf\r\nBEGIN:VCALENDAR\r\n", "ics"),
        (b"begin:vcalendar\n", "ics"),
        (b"start,end\n", "csv"),
        (b"", "csv"),
        (json.dumps({"results": []}).encode(), "respa"),
        (json.dumps([{"begin": "x"}]).encode(), "respa"),
        (json.dumps({"data": {"reservations": {"edges": []}}}).encode(), "tilavaraus"),
        (json.dumps([{"pk": 1, "beginsAt": "x"}]).encode(), "tilavaraus"),
    ],
)
def test_a_file_is_taken_for_what_it_looks_like(data: bytes, format_: Format) -> None:
    """Where nobody says what it is."""
    assert looks_like(data) == format_
