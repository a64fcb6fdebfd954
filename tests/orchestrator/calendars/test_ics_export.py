"""Bookings as iCalendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from mqtt_schemas.topics import Address
from orchestrator.calendars.ics import parse
from orchestrator.calendars.ics_export import export
from orchestrator.domain.bookings import Booking, BookingState, Purpose
from tests.orchestrator.calendars.frames import FRAME, NOW

VR, PRINTER = Address("paja", "vr-1"), Address("paja", "printer-1")
NAMES = {VR: "VR-lasit, “punaiset”; 1", PRINTER: "Printer 1"}
HOUR = timedelta(hours=1)
TURN = Booking("b1", VR, NOW + HOUR, NOW + 2 * HOUR, target_group="nuoret", party_size=2, code=None)

BOOKINGS = st.lists(
    st.builds(
        lambda number, address, start, minutes, **other: Booking(
            f"b{number}",
            address,
            NOW + timedelta(minutes=start),
            NOW + timedelta(minutes=start + minutes),
            **other,
        ),
        st.integers(0, 10_000),
        st.sampled_from([VR, PRINTER]),
        st.integers(-1440, 390 * 1440),
        st.integers(1, 60 * 1440),
        target_group=st.sampled_from([None, "lapset", "nuoret"]),
        party_size=st.none() | st.integers(1, 1000),
        purpose=st.sampled_from(Purpose),
    ),
    unique_by=lambda booking: booking.id,
)


@given(BOOKINGS)
def test_what_is_exported_and_imported_is_equal(bookings: list[Booking]) -> None:
    """Device, times, group, people and purpose."""
    parsed = parse(export(bookings, NAMES, language="fi"), FRAME)
    assert parsed.faults == ()
    found = sorted(
        (
            str(entry.address),
            entry.starts_at,
            entry.ends_at,
            entry.target_group or "",
            entry.party_size or 0,
            entry.purpose,
        )
        for entry in parsed.entries
    )
    assert found == sorted(
        (
            str(booking.address),
            booking.starts_at,
            booking.ends_at,
            booking.target_group or "",
            booking.party_size or 0,
            booking.purpose,
        )
        for booking in bookings
        if FRAME.touches(booking.starts_at, booking.ends_at)
    )
    uids = [entry.uid for entry in parsed.entries]
    assert len(set(uids)) == len(uids)


def test_it_says_that_a_device_is_booked_and_nothing_more() -> None:
    """In the site's language; by whom is not even known."""
    for language, word in (("fi", "varattu"), ("sv", "bokad"), ("en", "booked")):
        event = Calendar.from_ical(export([TURN], NAMES, language=language)).walk("VEVENT")[0]
        assert str(event["SUMMARY"]) == f"{NAMES[VR]}: {word}"
        assert set(event) == {
            "UID",
            "DTSTAMP",
            "DTSTART",
            "DTEND",
            "SUMMARY",
            "LOCATION",
            "CLASS",
            "TRANSP",
            "CATEGORIES",
            "X-LAITEVUORO-PARTY",
        }
        assert str(event["UID"]) == "b1@laitevuoro"


def test_equal_bookings_give_equal_bytes() -> None:
    """In whatever order they come, so that whoever asks again may be told that nothing changed."""
    other = replace(TURN, id="b2", address=PRINTER)
    one, two = ([TURN, other], [other, TURN])
    assert export(one, NAMES, language="fi") == export(two, NAMES, language="fi")


def test_cancelled_ones_and_assumed_groups_are_not_told() -> None:
    """What is not booked is not there; what nobody declared is not said."""
    cancelled = replace(TURN, state=BookingState.CANCELLED)
    assert b"VEVENT" not in export([cancelled], NAMES, language="fi")
    assumed = replace(TURN, group_assumed=True)
    assert b"CATEGORIES" not in export([assumed], NAMES, language="fi")


def test_parts_of_a_second_are_rounded_outwards() -> None:
    """A turn that began in the middle of one takes all of it."""
    odd = replace(TURN, starts_at=TURN.starts_at + HOUR / 7200, ends_at=TURN.ends_at - HOUR / 7200)
    entry = parse(export([odd], NAMES, language="fi"), FRAME).entries[0]
    assert (entry.starts_at, entry.ends_at) == (TURN.starts_at, TURN.ends_at)
