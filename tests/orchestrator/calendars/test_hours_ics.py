"""Opening hours of iCalendar files."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.calendars.hours_ics import parse
from orchestrator.calendars.hours_model import Parsed
from orchestrator.calendars.model import Unreadable
from orchestrator.domain.opening_hours import DayHours, LocalSpan, Source

FIRST, LAST = date(2026, 10, 1), date(2027, 11, 5)
HOUR = 3600
HELSINKI = ";TZID=Europe/Helsinki"


def event(start: str, end: str, *more: str, uid: str = "1") -> str:
    """Return an entry; `start` and `end` from the parameters on."""
    lines = [f"UID:{uid}", f"DTSTART{start}", f"DTEND{end}", *more]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"]) + "\r\n"


def read(*events: str, first: date = FIRST, last: date = LAST) -> Parsed:
    """Return what a calendar of these entries says."""
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n"
    return parse(text, first=first, last=last, timezone="Europe/Helsinki")


def test_a_timed_entry_is_an_opening_with_staff() -> None:
    """In the library's own time, whatever zone it is written in."""
    for start, end in (
        (f"{HELSINKI}:20261125T100000", f"{HELSINKI}:20261125T180000"),
        (":20261125T080000Z", ":20261125T160000Z"),
        (":20261125T100000", ":20261125T180000"),
    ):
        spans = (LocalSpan(10 * HOUR, 18 * HOUR),)
        assert read(event(start, end)).days == (DayHours(date(2026, 11, 25), spans, Source.IMPORT),)


@pytest.mark.parametrize(
    "words",
    [
        "SUMMARY:Omatoimiaika",
        "SUMMARY:Meröppettid",
        "SUMMARY:MERÖPPET",
        "SUMMARY:Self-service hours",
        "CATEGORIES:Kirjasto,omatoimi",
    ],
)
def test_self_service_is_known_by_its_name(words: str) -> None:
    """In Finnish, Swedish or English, in the categories or the summary."""
    found = read(event(":20261125T070000", ":20261125T100000", words))
    assert found.days[0].spans == (LocalSpan(7 * HOUR, 10 * HOUR, staffed=False),)


def test_spans_of_a_day_that_touch_are_not_merged() -> None:
    """They are of different kinds."""
    found = read(
        event(":20261125T100000", ":20261125T180000", uid="1"),
        event(":20261125T070000", ":20261125T100000", "SUMMARY:Omatoimi", uid="2"),
    )
    assert [span.staffed for span in found.days[0].spans] == [False, True]


def test_a_whole_day_that_is_called_closed_is_closed() -> None:
    """The last day of such an entry is the one before its end."""
    found = read(event(";VALUE=DATE:20261224", ";VALUE=DATE:20261227", "SUMMARY:Suljettu"))
    assert [(day.day.day, day.spans) for day in found.days] == [(24, ()), (25, ()), (26, ())]


def test_an_unbounded_recurrence_is_read_as_far_as_is_asked() -> None:
    """Over both clock changes at the same local time, less what is excepted or moved."""
    found = read(
        event(
            f"{HELSINKI}:20260105T100000",
            f"{HELSINKI}:20260105T180000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            f"EXDATE{HELSINKI}:20261026T100000",
        ),
        event(
            f"{HELSINKI}:20261102T120000",
            f"{HELSINKI}:20261102T180000",
            f"RECURRENCE-ID{HELSINKI}:20261102T100000",
        ),
    )
    days = {day.day: day.spans for day in found.days}
    assert date(2026, 10, 26) not in days
    assert days.pop(date(2026, 11, 2)) == (LocalSpan(12 * HOUR, 18 * HOUR),)
    assert set(days.values()) == {(LocalSpan(10 * HOUR, 18 * HOUR),)}
    assert (min(days), max(days)) == (date(2026, 10, 5), date(2027, 11, 1))
    assert found.reach == (FIRST, LAST)


def test_an_opening_over_midnight_is_of_both_days() -> None:
    """Each has its part of it."""
    found = read(event(":20261125T200000", ":20261126T020000"))
    assert [day.spans for day in found.days] == [
        (LocalSpan(20 * HOUR, 24 * HOUR),),
        (LocalSpan(0, 2 * HOUR),),
    ]
    assert len(read(event(":20261125T200000", ":20261126T000000")).days) == 1


def test_what_is_cancelled_is_no_opening() -> None:
    """The day is then not spoken of."""
    off = event(":20261126T100000", ":20261126T180000", "STATUS:CANCELLED", uid="2")
    found = read(event(":20261125T100000", ":20261125T180000"), off)
    assert [day.day.day for day in found.days] == [25]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (event(":20261125T180000", ":20261125T100000"), "UID 1: it ends before it starts."),
        (event(":20261125T100000", ":20261225T100000"), "UID 1: it is longer than 7 days."),
        (event(":20261125T100000", ":99991225T100000"), "UID 1: it is longer than 7 days."),
        (event(":19700101T000000Z", ":99991231T235959Z"), "UID 1: its time is outside the year"),
        (
            event(";VALUE=DATE:20261125", ";VALUE=DATE:20261126", "SUMMARY:Auki"),
            "UID 1: it is of whole days, and neither closed nor self-service: give it hours.",
        ),
        (
            event(":20261125T120000", ":20261125T130000", "SUMMARY:Suljettu"),
            "UID 1: it closes a part of a day; let the openings end and begin there.",
        ),
        (
            event(";TZID=Mars/Olympus:20261125T100000", ";TZID=Mars/Olympus:20261125T180000"),
            "UID 1: line 5: DTSTART is in a time zone that is not known.",
        ),
        (
            event(":20261125T100000", ":20261125T110000", "RRULE:FREQ=SECONDLY"),
            "UID 1: line 7: RRULE recurs more often than hourly.",
        ),
        ("BEGIN:VEVENT\r\nDTSTART:20261125T100000\r\nEND:VEVENT\r\n", "line 3: the entry that"),
    ],
)
def test_a_bad_entry_is_told_by_its_uid_and_the_good_ones_are_read(entry: str, fault: str) -> None:
    """Each with the reason, and nothing of what it says."""
    found = read(entry, event(":20261127T100000", ":20261127T180000", uid="2"))
    assert str(found.faults[0]).startswith(fault)
    assert [day.day for day in found.days] == [date(2026, 11, 27)]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            event(":20261125T170000", ":20261125T200000", uid="2"),
            "2026-11-25: two openings of the day overlap.",
        ),
        (
            event(";VALUE=DATE:20261125", ";VALUE=DATE:20261126", "SUMMARY:Stängt", uid="2"),
            "2026-11-25: one entry closes the day, another opens it.",
        ),
    ],
)
def test_entries_that_contradict_each_other_are_told_by_their_day(other: str, reason: str) -> None:
    """The day is not taken; nobody could say which of them is meant."""
    found = read(event(":20261125T100000", ":20261125T180000"), other)
    assert ([str(fault) for fault in found.faults], found.days) == ([reason], ())


def test_a_calendar_without_an_opening_changes_nothing() -> None:
    """An emptied calendar is a slip rather than a library that is closed for a year."""
    for events in ("", event(":20251125T100000", ":20251125T180000")):
        with pytest.raises(Unreadable, match="There is no opening from 2026-10-01 to 2027-11-05"):
            read(events)


def test_a_file_that_is_no_calendar_is_one_sentence() -> None:
    """The page of a login form, say."""
    with pytest.raises(Unreadable, match="This is no iCalendar file"):
        parse(b"<html>", first=FIRST, last=LAST, timezone="Europe/Helsinki")
