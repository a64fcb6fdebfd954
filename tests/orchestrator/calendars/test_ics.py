"""iCalendar files, as programs write them and as they break."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calendars.ics import parse
from orchestrator.calendars.model import MAX_SIZE, Unreadable
from orchestrator.domain.bookings import Purpose
from tests.orchestrator.calendars.frames import (
    FRAME,
    PERSONAL,
    VR,
    calendar,
    fixture,
    local,
)

ONE = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z"


def turns(*entries: str) -> list[tuple[str, str]]:
    """Return the turns of entries on the VR station, which are all sound."""
    parsed = parse(calendar(*entries), VR)
    assert parsed.faults == ()
    return [local(entry)[1:] for entry in parsed.entries]


def fault(*entries: str) -> str:
    """Return the only fault of entries, of which none is taken."""
    parsed = parse(calendar(*entries), VR)
    assert parsed.entries == ()
    assert len(parsed.faults) == 1
    return str(parsed.faults[0])


def test_outlooks_calendar_is_read() -> None:
    """Windows' zone, a series with an exception and a moved turn, two rooms in a location."""
    parsed = parse(fixture("outlook.ics"), FRAME)
    assert parsed.faults == ()
    assert sorted(local(entry) for entry in parsed.entries) == [
        ("printer-1", "11-27 15:00", "11-27 17:00"),
        ("printer-1", "11-30 00:00", "12-01 00:00"),
        ("printer-1", "12-18 15:00", "12-18 17:00"),
        ("vr-1", "11-26 14:00", "11-26 15:00"),
        ("vr-1", "11-27 15:00", "11-27 17:00"),
        ("vr-1", "12-04 16:00", "12-04 18:00"),
        ("vr-1", "12-18 15:00", "12-18 17:00"),
    ]
    groups = {entry.target_group for entry in parsed.entries}
    assert groups == {None, "nuoret"}
    blocks = [entry.device for entry in parsed.entries if entry.purpose is Purpose.BLOCK]
    assert blocks == ["printer-1"]


def test_googles_calendar_is_read() -> None:
    """A weekly turn without an end, less an exception, a cancelled and a moved one."""
    parsed = parse(fixture("google.ics"), FRAME)
    assert parsed.faults == ()
    found = [local(entry) for entry in parsed.entries]
    assert found[:4] == [
        ("printer-1", "11-26 10:00", "11-26 11:00"),
        ("vr-1", "12-09 12:00", "12-09 13:00"),
        ("vr-1", "12-22 12:00", "12-22 13:00"),
        ("vr-1", "12-29 12:00", "12-29 13:00"),
    ]
    # At noon in summer too.
    assert {first[6:] for _, first, _ in found[1:]} == {"12:00"}
    assert len(found) == 56
    assert (parsed.cancelled, parsed.free) == (1, 1)


def test_nextclouds_calendar_is_read() -> None:
    """A duration, a tentative turn, floating times, further dates, a resource."""
    parsed = parse(fixture("nextcloud.ics"), FRAME)
    assert parsed.faults == ()
    assert [local(entry) for entry in parsed.entries] == [
        ("vr-1", "11-28 10:00", "11-28 11:30"),
        ("printer-1", "11-29 10:00", "11-29 11:00"),
        ("printer-1", "12-03 10:00", "12-03 11:00"),
    ]


@pytest.mark.parametrize("name", ["outlook.ics", "google.ics", "nextcloud.ics"])
def test_nothing_personal_is_left(name: str) -> None:
    """Neither in what was read nor in what was found wrong with it."""
    lost = FRAME.model_copy(update={"places": {}})
    for frame in (FRAME, lost):
        parsed = parse(fixture(name), frame)
        text = parsed.model_dump_json() + repr(parsed)
        assert [word for word in PERSONAL if word in text] == []
    assert parsed.faults != ()


def test_the_same_file_gives_the_same_ids() -> None:
    """And each occurrence one of its own, however the file is sorted."""
    first, second = (parse(fixture("google.ics"), FRAME) for _ in range(2))
    assert first == second
    assert len({entry.uid for entry in first.entries}) == len(first.entries)


def test_an_occurrence_keeps_its_id_when_it_is_moved() -> None:
    """So that its booking is changed and no other one made."""
    series = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z\nRRULE:FREQ=DAILY;COUNT=2"
    moved = "UID:1\nRECURRENCE-ID:20261127T100000Z\nDTSTART:20261127T120000Z\nDURATION:PT1H"
    before = parse(calendar(series), VR).entries
    after = parse(calendar(series, moved), VR).entries
    assert [entry.uid for entry in before] == [entry.uid for entry in after]
    assert before[0] == after[0]
    assert after[1].starts_at - before[1].starts_at == timedelta(hours=2)
    single = parse(calendar(ONE), VR).entries[0]
    later = parse(calendar(ONE.replace("T1", "T2")), VR).entries[0]
    assert single.uid == later.uid


def test_an_occurrence_may_move_all_that_follow() -> None:
    """Each keeps its id, over a clock change too."""
    series = (
        "UID:1\nDTSTART;TZID=Europe/Helsinki:20270326T100000\nDURATION:PT1H\n"
        "RRULE:FREQ=DAILY;COUNT=4"
    )
    moved = (
        "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Helsinki:20270327T100000\n"
        "DTSTART;TZID=Europe/Helsinki:20270327T120000\nDURATION:PT30M"
    )
    before, after = (parse(calendar(*of), VR) for of in ([series], [series, moved]))
    assert after.faults == ()
    assert [local(entry)[1:] for entry in after.entries] == [
        ("03-26 10:00", "03-26 11:00"),
        ("03-27 12:00", "03-27 12:30"),
        ("03-28 12:00", "03-28 12:30"),
        ("03-29 12:00", "03-29 12:30"),
    ]
    assert [entry.uid for entry in after.entries] == [entry.uid for entry in before.entries]


def test_a_duration_is_exact_over_a_clock_change() -> None:
    """While an end by the clock on the wall is by the clock on the wall (RFC 5545, 3.3.6)."""
    night = "UID:1\nDTSTART;TZID=Europe/Helsinki:20270327T230000\nRRULE:FREQ=DAILY;COUNT=2\n"
    by_length, by_clock = (
        parse(calendar(f"{night}{end}"), VR).entries
        for end in ("DURATION:PT8H", "DTEND;TZID=Europe/Helsinki:20270328T070000")
    )
    hours = [
        [(each.ends_at - each.starts_at).seconds // 3600 for each in of]
        for of in (by_length, by_clock)
    ]
    assert hours == [[8, 8], [7, 8]]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("DTSTART:20261126T100000Z\nDTEND:20261126T110000Z", ("11-26 12:00", "11-26 13:00")),
        ("DTSTART:20261126T100000\nDTEND:20261126T110000", ("11-26 10:00", "11-26 11:00")),
        ("DTSTART;VALUE=DATE:20261126", ("11-26 00:00", "11-27 00:00")),
        ("DTSTART;VALUE=DATE:20261126\nDURATION:P2D", ("11-26 00:00", "11-28 00:00")),
        ("DTSTART:20261126T100000\nDURATION:PT90M", ("11-26 10:00", "11-26 11:30")),
        (
            "DTSTART;TZID=W. Europe Standard Time:20261126T100000\nDURATION:PT1H",
            ("11-26 11:00", "11-26 12:00"),
        ),
        (
            "DTSTART;TZID=/citadel.org/20210210_1/Europe/Stockholm:20261126T100000\nDURATION:PT1H",
            ("11-26 11:00", "11-26 12:00"),
        ),
        # RFC 5545, 3.3.5: skipped, with the offset before; repeated, the first of the two.
        (
            "DTSTART;TZID=Europe/Helsinki:20270328T033000\nDURATION:PT1H",
            ("03-28 04:30", "03-28 05:30"),
        ),
        (
            "DTSTART;TZID=Europe/Helsinki:20271031T033000\nDURATION:PT1H",
            ("10-31 03:30", "10-31 03:30"),
        ),
    ],
)
def test_times_are_understood(entry: str, expected: tuple[str, str]) -> None:
    """In every form in which the standard lets them be written."""
    assert turns(f"UID:1\n{entry}") == [expected]


def test_a_zone_of_the_files_own_is_understood() -> None:
    """By its definition."""
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T000000\n"
        "TZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT"
    )
    entry = "UID:1\nDTSTART;TZID=Customized Time Zone:20261126T100000\nDURATION:PT1H"
    data = calendar(entry).replace(b"BEGIN:VEVENT", zone.encode(), 1)
    assert [local(found)[1] for found in parse(data, VR).entries] == ["11-26 07:00"]
    # What one file defines, another one does not know.
    assert "time zone that is not known" in fault(entry)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("RRULE:FREQ=DAILY;COUNT=3", ["26", "27", "28"]),
        ("RRULE:FREQ=DAILY;UNTIL=20261128", ["26", "27", "28"]),
        ("RRULE:FREQ=DAILY;UNTIL=20261128T100000", ["26", "27", "28"]),
        ("RRULE:FREQ=DAILY;UNTIL=20261128T080000Z", ["26", "27", "28"]),
        ("RRULE:FREQ=DAILY;UNTIL=20261128T075959Z", ["26", "27"]),
        ("RRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Helsinki:20261127T100000", ["26", "28"]),
        ("RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20261127T080000Z", ["26", "28"]),
        ("RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20261127", ["26", "28"]),
        ("RDATE;TZID=Europe/Helsinki:20261129T100000", ["26", "29"]),
        ("RDATE;VALUE=PERIOD:20261129T080000Z/PT1H", ["26", "29"]),
    ],
)
def test_recurrences_are_worked_out(rule: str, days: list[str]) -> None:
    """With their exceptions and further dates."""
    start = "DTSTART;TZID=Europe/Helsinki:20261126T100000\nDURATION:PT1H"
    found = turns(f"UID:1\n{start}\n{rule}")
    assert [first[3:5] for first, _ in found] == days
    assert {first[6:] for first, _ in found} == {"10:00"}


def test_an_unbounded_recurrence_ends_with_the_frame() -> None:
    """Of a daily turn for ever, a year and a month are taken."""
    found = parse(calendar(f"{ONE}\nRRULE:FREQ=DAILY"), VR).entries
    assert len(found) == 400
    assert found[-1].starts_at < VR.last


def test_what_is_off_or_free_is_passed_over() -> None:
    """And counted: cancelled, shown as free, out of reach. As a block where that is asked for."""
    entries = [
        f"{ONE}\nSTATUS:CANCELLED",
        f"{ONE.replace('UID:1', 'UID:2')}\nTRANSP:TRANSPARENT",
        f"{ONE.replace('UID:1', 'UID:3')}\nX-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "UID:4\nDTSTART:19700101T100000Z\nDURATION:PT1H",
        "UID:5\nDTSTART:99981231T100000Z\nDURATION:PT1H",
    ]
    parsed = parse(calendar(*entries), VR)
    assert (parsed.entries, parsed.faults) == ((), ())
    assert (parsed.cancelled, parsed.free, parsed.outside) == (1, 2, 2)
    blocking = VR.model_copy(update={"free": "block"})
    found = parse(calendar(*entries), blocking).entries
    assert [entry.purpose for entry in found] == [Purpose.BLOCK] * 2


def test_a_cancellation_message_cancels_all() -> None:
    """METHOD:CANCEL, as it comes by mail."""
    data = calendar(ONE).replace(b"VERSION:2.0", b"METHOD:CANCEL")
    parsed = parse(data, VR)
    assert (len(parsed.entries), parsed.cancelled) == (0, 1)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("DTSTART:20261126T100000Z", "line 3: the entry that begins here has no UID."),
        ("UID:1\nDTEND:20261126T100000Z", "UID 1: it has no DTSTART."),
        ("UID:1\nDTSTART:20261126T100000Z", "UID 1: it has no length: its end is its start."),
        (ONE.replace("T11", "T09"), "UID 1: it ends before it starts."),
        (ONE.replace("T11", "T10"), "UID 1: it has no length"),
        (ONE.replace("DTEND:2026", "DTEND:2028"), "UID 1: it is longer than 366 days."),
        (ONE.replace("DTEND:2026", "DTEND:9999"), "UID 1: it is longer than 366 days."),
        (ONE.replace("1126T10", "1326T10"), "UID 1: line 5: DTSTART can't be read."),
        (ONE.replace("DTSTART:2026", "DTSTART:0000"), "UID 1: line 5: DTSTART can't be read."),
        (
            ONE.replace("DTSTART:2026", "DTSTART:0001"),
            "UID 1: its time is outside the years 1970 to 9999.",
        ),
        ("UID:1\nDTSTART:99991231T230000Z\nDURATION:P9D", "UID 1: its end is outside the years"),
        (f"{ONE}\nDURATION:X", "UID 1: line 7: DURATION can't be read."),
        (f"{ONE}\nDTSTART:20261127T100000Z", "UID 1: line 5: DTSTART stands more than once."),
        (f"{ONE}\nRRULE:FREQ=OFTEN", "UID 1: line 7: RRULE can't be read."),
        (f"{ONE}\nRRULE:COUNT=2", "UID 1: its recurrence can't be worked out."),
        (f"{ONE}\nRRULE:FREQ=SECONDLY", "UID 1: line 7: RRULE recurs more often than hourly."),
        (
            f"{ONE}\nRRULE:FREQ=DAILY;BYMINUTE={','.join(map(str, range(60)))}",
            "UID 1: line 7: RRULE makes too many turns.",
        ),
        (f"{ONE}\nEXRULE:FREQ=DAILY", "UID 1: line 7: EXRULE is of an old standard"),
        (
            "UID:1\nDTSTART;TZID=Mars/Base:20261126T100000\nDURATION:PT1H",
            "UID 1: line 5: DTSTART is in a time zone that is not known.",
        ),
        (
            "UID:1\nDTSTART;VALUE=DATE:20261126\nDTEND:20261126T100000Z",
            "UID 1: one of DTSTART and DTEND is a day, the other a time.",
        ),
        (f"{ONE}\nX-LAITEVUORO-PARTY:9999", "UID 1: X-LAITEVUORO-PARTY is no number of people"),
        (f"{ONE}\nthis is not a property", "UID 1: line 7 is no line of iCalendar."),
        (f"{ONE}\nBEGIN:VALARM", "UID 1: a part of it does not end."),
        (f"{ONE}\nEND:VALARM", "UID 1: END:VALARM without its BEGIN."),
        (f"{ONE}\nEND: call Example Person", "UID 1: END:… without its BEGIN."),
        ("UID:example.person@example.org", "line 3: it has no DTSTART."),
        ("UID:20261126-17-exämple_person1985@example.org", "line 3: it has no DTSTART."),
        ("UID:mailto:17Person%40example.org", "line 3: it has no DTSTART."),
        ("UID:1example0google0event@google.com", "UID 1example0google0event@google.com: it has"),
        (f"UID:{'x' * 999}", f"UID {'x' * 80}…: it has no DTSTART."),
    ],
)
def test_a_bad_entry_is_named_with_the_reason(entry: str, sentence: str) -> None:
    """By UID or line, and the other entries are read all the same."""
    assert fault(entry).startswith(sentence)
    parsed = parse(calendar(entry, ONE.replace("UID:1", "UID:good")), VR)
    assert [len(parsed.entries), len(parsed.faults)] == [1, 1]


def test_an_entry_without_a_device_is_named() -> None:
    """Where nobody said which device all of them are for; the place's name is not repeated."""
    parsed = parse(calendar(ONE), FRAME)
    assert str(parsed.faults[0]) == "UID 1: it names no device in LOCATION or RESOURCES."
    parsed = parse(calendar(f"{ONE}\nLOCATION:Home of Example Person"), FRAME)
    assert str(parsed.faults[0]) == "UID 1: line 7: LOCATION is the name of no device here."


def test_nobody_asks_how_long_something_takes_that_is_off() -> None:
    """Nor what is free, such as a reminder."""
    start = "UID:1\nDTSTART:20261126T100000Z"
    parsed = parse(calendar(f"{start}\nSTATUS:CANCELLED\nDTEND:20261126T090000Z"), VR)
    assert (parsed.faults, parsed.cancelled) == ((), 1)
    parsed = parse(calendar(f"{start}\nTRANSP:TRANSPARENT"), VR)
    assert (parsed.faults, parsed.free) == ((), 1)


def test_of_a_series_with_a_broken_part_nothing_is_taken() -> None:
    """The rest would book what the broken part may have moved."""
    elsewhere = "UID:1\nRECURRENCE-ID:20261127T100000Z\nDTSTART:20261127T100000Z\nDURATION:PT1H"
    series = f"{ONE}\nRRULE:FREQ=DAILY;COUNT=3\nLOCATION:Printer 1"
    parsed = parse(calendar(series, f"{elsewhere}\nLOCATION:Another room"), FRAME)
    assert parsed.entries == ()
    (only,) = parsed.faults
    assert str(only) == "UID 1: line 15: LOCATION is the name of no device here."
    broken = "UID:1\nRECURRENCE-ID:20261127T100000Z\nDTSTART:nonsense\nDURATION:PT1H"
    assert fault(f"{ONE}\nRRULE:FREQ=DAILY;COUNT=3", broken).startswith("UID 1: line 12: DTSTART")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This is no iCalendar file"),
        (b"<html>not found</html>", "This is no iCalendar file"),
        (b"\x00\xff" * 1000, "This is no iCalendar file"),
        (b"BEGIN:VCALENDAR\n" + b"x" * MAX_SIZE, "The file is larger than 10 MB."),
        (b"BEGIN:VCALENDAR\nCALSCALE:HEBREW\nEND:VCALENDAR\n", "Only Gregorian calendars"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 99, "Its parts are nested more than 20 deep"),
        (calendar(*[ONE] * 20_001), "There are more than 20000 entries in the file."),
        (
            calendar(*[f"{ONE.replace('UID:1', f'UID:{n}')}\nRRULE:FREQ=HOURLY" for n in range(3)]),
            "There are more than 20000 turns, recurrences counted.",
        ),
    ],
)
def test_what_is_no_calendar_is_refused_whole(data: bytes, sentence: str) -> None:
    """In a sentence that quotes nothing of it."""
    with pytest.raises(Unreadable) as refusal:
        parse(data, VR)
    assert str(refusal.value).startswith(sentence)


def test_a_file_that_is_cut_off_says_so() -> None:
    """Wherever that is: half a file must not look like a whole one."""
    whole = calendar(ONE, ONE.replace("UID:1", "UID:2"))
    for end in range(len(b"BEGIN:VCALENDAR\n"), len(whole) - len("\nEND:VCALENDAR\n") + 1):
        assert parse(whole[:end], VR).faults, whole[:end]


def test_what_a_cut_off_file_ends_within_is_told_only_where_it_is_a_calendars_word() -> None:
    """A description whose lines are not folded may begin one with such a word."""
    whole = calendar(ONE)
    for begin, told in (("VTODO", "a VTODO"), (" call Example Person", "a …")):
        cut = whole.replace(b"END:VCALENDAR", f"BEGIN:{begin}".encode())
        (found,) = parse(cut, VR).faults
        assert found.reason == f"the file ends within {told}: it is cut off"


def test_a_thousand_turns_take_no_time() -> None:
    """Reading grows with the file, not faster."""
    entries = [ONE.replace("UID:1", f"UID:{number}") for number in range(1000)]
    begun = time.process_time()
    assert len(parse(calendar(*entries), VR).entries) == 1000
    assert time.process_time() - begun < 5


LINES = """
    BEGIN:VEVENT END:VEVENT BEGIN:VALARM END:VALARM END:VCALENDAR UID:1 UID:2
    DTSTART:20261126T100000 DTSTART;VALUE=DATE:20261126 DTSTART;TZID=X:20261126T100000
    DTEND:20261126T110000Z DTEND;VALUE=DATE:20261201 DURATION:PT1H DURATION:-P1D
    RRULE:FREQ=DAILY;COUNT=2 RRULE:FREQ=YEARLY RRULE: RECURRENCE-ID:20261127T100000
    RECURRENCE-ID;RANGE=THISANDFUTURE:20261126T100000 EXDATE:20261126 RDATE: STATUS:CANCELLED
    RDATE;VALUE=PERIOD:20261126T100000/20261126T090000 SEQUENCE:x : ; =
    BEGIN:VTIMEZONE TZID:X END:VTIMEZONE BEGIN:STANDARD
"""
WORDS = st.sampled_from(LINES.split())


@given(st.lists(WORDS | st.text(max_size=12), max_size=30))
def test_whatever_comes_is_answered(lines: list[str]) -> None:
    """With entries, faults or one sentence; never with another exception."""
    data = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines]).encode("utf-8", "replace")
    try:
        parsed = parse(data, VR)
    except Unreadable:
        return
    for entry in parsed.entries:
        assert entry.starts_at < entry.ends_at
        assert FRAME.touches(entry.starts_at, entry.ends_at)
