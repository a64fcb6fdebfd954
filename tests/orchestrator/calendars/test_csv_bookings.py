"""Tables of bookings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calendars.csv_bookings import parse
from orchestrator.calendars.model import MAX_SIZE, Unreadable
from orchestrator.domain.bookings import Purpose
from tests.orchestrator.calendars.frames import FRAME, PERSONAL, VR, fixture, local

HEAD = "device,start,end,group,party,id\n"
ROW = "vr-1,2026-11-26 10:00,2026-11-26 11:00,nuoret,2,7\n"


@pytest.mark.parametrize(
    ("data", "groups"),
    [
        ((HEAD + ROW).encode(), ["nuoret"]),
        ((HEAD + ROW).replace("\n", "\r\n").encode("utf-8-sig"), ["nuoret"]),
        ((HEAD + ROW).replace(",", ";").encode(), ["nuoret"]),
        ((HEAD + ROW).replace(",", "\t").encode(), ["nuoret"]),
        (
            "Laite;Alku;Loppu;Kohderyhmä;Henkilömäärä;Varaaja\n"
            "VR Station;26.11.2026 klo 10.00;26.11.2026 11:00;Nuoret;2;Example Person\n".encode(
                "cp1252"
            ),
            ["nuoret"],
        ),
        (
            (
                b'end,"start",device,customer\n'
                b'2026-11-26T11:00+02:00,2026-11-26T08:00Z,vr-1,"Example\nPerson, Example"\n\n'
            ),
            [None],
        ),
    ],
)
def test_tables_are_read(data: bytes, groups: list[str | None]) -> None:
    """As a spreadsheet saves them, in three languages; other columns are not looked at."""
    parsed = parse(data, FRAME)
    assert parsed.faults == ()
    assert [local(entry) for entry in parsed.entries] == [("vr-1", "11-26 10:00", "11-26 11:00")]
    assert [entry.target_group for entry in parsed.entries] == groups
    assert "Example" not in parsed.model_dump_json()


def test_a_table_of_a_booking_system_is_read() -> None:
    """Its types, too; nothing personal is left of it."""
    parsed = parse(fixture("bookings.csv"), FRAME)
    assert [entry.purpose for entry in parsed.entries] == [Purpose.TURN, Purpose.BLOCK]
    assert [str(fault) for fault in parsed.faults] == [
        "line 4: the device's name is that of no device here.",
        "line 5: its end is no time; write it as 2026-11-25 14:00.",
    ]
    assert [word for word in PERSONAL if word in parsed.model_dump_json()] == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (ROW.replace("vr-1", ""), "line 2: it names no device."),
        (ROW.replace("vr-1", "vr-9"), "line 2: the device's name is that of no device here."),
        (ROW.replace("2026-11-26 10:00", ""), "line 2: its start is missing."),
        (ROW.replace(" 11:00", " 09:00"), "line 2: it ends before it starts."),
        (ROW.replace(" 11:00", " 10:00"), "line 2: it has no length"),
        (
            ROW.replace("2026-11-26 11:00", "9999-12-31 23:00"),
            "line 2: it is longer than 366 days.",
        ),
        (
            ROW.replace("2026-11-26 10:00", "2027-03-28 03:30"),
            "line 2: its start: The clocks are put forward then: 2027-03-28 03:30 does not exist",
        ),
        (
            ROW.replace("2026-11-26 10:00", "2027-10-31 03:30"),
            "line 2: its start: The clocks are put back then: 2027-10-31 03:30 comes twice",
        ),
        (ROW.replace("2026-11-26 10:00", "2026-13-26 10:00"), "line 2: its start: '2026-13-26"),
        (
            ROW.replace("2026-11-26 10:00", "0001-01-01 00:00"),
            "line 2: its start: '0001-01-01 00:00' is outside the years 1970 to 9999.",
        ),
        (ROW.replace("2026-11-26 10:00", "+358 00 000 0000"), "line 2: its start is no time;"),
        (ROW.replace("2026-11-26 10:00", "Now"), "line 2: its start is no time;"),
        (ROW.replace("nuoret", "dogs"), "line 2: its group is none of lapset, nuoret."),
        (ROW.replace(",2,", ",0,"), "line 2: its party is no number of people from 1 to 1000."),
        (ROW.replace(",2,", ",²,"), "line 2: its party is no number of people"),
        ("vr-1\n", "line 2: its start is missing."),
    ],
)
def test_a_bad_line_is_named_with_the_reason(row: str, sentence: str) -> None:
    """The other lines are read all the same."""
    parsed = parse((HEAD + row + ROW.replace(",7", ",8")).encode(), FRAME)
    assert len(parsed.entries) == 1
    assert str(parsed.faults[0]).startswith(sentence)


@pytest.mark.parametrize("mark", ["\u2028", "\x0b", "\x0c", "\x85"])
def test_only_a_line_break_ends_a_line(mark: str) -> None:
    """Not what else a text may break at, as in texts that were copied from elsewhere."""
    text = f"device,wish,start,end\nvr-1,red{mark}glasses,2026-11-26 10:00,2026-11-26 11:00\n"
    parsed = parse(text.encode(), FRAME)
    assert (len(parsed.entries), parsed.faults) == (1, ())


def test_a_line_that_stands_twice_is_a_fault() -> None:
    """By its id, or where there is none by device and start."""
    parsed = parse((HEAD + ROW + ROW).encode(), FRAME)
    assert [str(fault) for fault in parsed.faults] == ["line 3: its id stands on line 2 too."]
    bare = (HEAD + ROW + ROW).replace(",id", "").replace(",7", "")
    parsed = parse(bare.encode(), FRAME)
    assert [str(fault) for fault in parsed.faults] == [
        "line 3: its device and start stand on line 2 too."
    ]


def test_a_line_keeps_its_id() -> None:
    """Whatever else changes, where it has one; else for its device and start."""
    first = parse((HEAD + ROW).encode(), FRAME).entries[0]
    moved = parse((HEAD + ROW.replace(" 1", " 2")).encode(), FRAME).entries[0]
    assert first.uid == moved.uid
    assert first.starts_at != moved.starts_at


def test_a_device_for_all_needs_no_column() -> None:
    """And what lies outside the frame is counted."""
    data = b"start,end\n2026-11-26 10:00,2026-11-26 11:00\n1970-01-02 10:00,1970-01-02 11:00\n"
    parsed = parse(data, VR)
    assert [local(entry)[0] for entry in parsed.entries] == ["vr-1"]
    assert (parsed.outside, parsed.faults) == (1, ())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This is no table of bookings: its first line names no column 'start'"),
        (b"device,start\nvr-1,now\n", "This is no table of bookings: its first line names no"),
        (b"start,alku,end\n", "Two columns are called 'start'."),
        (b"\x00\x01\x02", "This is no table of text"),
        (b"start,end\n" + b"x" * MAX_SIZE, "The file is larger than 10 MB."),
        (b'start,end\n"2026,\n', "The table can't be read from line 2 on"),
        (b"start,end\n" + b"1,2\n" * 20_001, "There are more than 20000 lines in the table."),
        (b'start,end\n"' + b"x" * 200_000 + b'"\n', "The table can't be read from line 2 on"),
    ],
)
def test_what_is_no_table_is_refused_whole(data: bytes, sentence: str) -> None:
    """In a sentence that quotes nothing of it."""
    with pytest.raises(Unreadable) as refusal:
        parse(data, VR)
    assert str(refusal.value).startswith(sentence)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
def test_whatever_comes_is_answered(data: bytes) -> None:
    """With entries, faults or one sentence; never with another exception."""
    try:
        parsed = parse(data, FRAME)
    except Unreadable:
        return
    assert len(parsed.entries) + len(parsed.faults) <= data.count(b"\n") + data.count(b"\r") + 1
