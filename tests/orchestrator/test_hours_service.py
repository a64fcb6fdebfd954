"""Opening hours: shown, imported, and what that does to devices and bookings."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from mqtt_schemas.topics import Address
from orchestrator.calendars import hours_reading
from orchestrator.calendars.hours_model import Parsed
from orchestrator.calendars.hours_reading import HoursJob
from orchestrator.calendars.model import Unreadable
from orchestrator.domain.bookings import Booking, BookingRefused, NotKnown, Purpose
from orchestrator.domain.opening_hours import LocalSpan, SiteHours, Source
from orchestrator.hours_service import HoursService
from orchestrator.store import audit, bookings, hours
from orchestrator.store.database import Connection, Database
from tests.orchestrator.fakes import NOW, OTHER_PC, PC, PRINTER, office

HOUR = 3600
TODAY = date(2026, 11, 25)
WEEKLY = SiteHours(((LocalSpan(10 * HOUR, 18 * HOUR),),) * 7)


async def read_here(data: bytes, job: HoursJob) -> Parsed:
    """Read a file without the child, which is tested below."""
    return hours_reading.parse(data, job, limited=False)


@dataclass
class Site:
    """A service over an empty database, and which devices were planned anew."""

    database: Database
    service: HoursService
    replanned: list[Collection[Address]] = field(default_factory=list)


@pytest.fixture
def site(database: Database) -> Site:
    """Return a library with weekly hours."""
    replanned: list[Collection[Address]] = []
    made = office(database, now=lambda: NOW, replan=replanned.append, hours={"paja": WEEKLY})
    return Site(database, HoursService(made, read_here), replanned)


def kirkanta(*days: tuple[str, str | None, str | None]) -> bytes:
    """Return an answer of Kirkanta: (date, from, to), closed where None."""
    schedules = [
        {
            "date": day,
            "closed": begin is None,
            "times": [] if begin is None else [{"from": begin, "to": end, "status": 1}],
        }
        for day, begin, end in days
    ]
    return json.dumps({"data": {"schedules": schedules}}).encode()


async def test_each_day_is_shown_with_its_source_and_as_a_public_holiday(site: Site) -> None:
    """A holiday closes nothing; it is only told."""
    found = await site.service.show("paja", date(2026, 12, 5), date(2026, 12, 6))
    assert [day.holiday for day in found] == [None, "Itsenäisyyspäivä"]
    assert all(day.hours.spans == (LocalSpan(10 * HOUR, 18 * HOUR),) for day in found)
    assert {day.hours.source for day in found} == {Source.WEEKLY}


async def test_a_site_whose_hours_nobody_knows_is_always_open(site: Site) -> None:
    """Until days are imported."""
    (before,) = await site.service.show("sivu", TODAY, TODAY)
    assert before.hours.source is Source.ALWAYS
    await site.service.take("sivu", kirkanta(("2026-11-26", "10:00", "12:00")))
    found = await site.service.show("sivu", TODAY, TODAY + timedelta(1))
    assert [day.hours.source for day in found] == [Source.UNKNOWN, Source.IMPORT]
    assert found[0].hours.spans == ()


@pytest.mark.parametrize(
    ("name", "first", "last", "sentence"),
    [
        ("pajja", TODAY, TODAY, "There is no site 'pajja'; there are paja, sivu."),
        ("paja", TODAY, date(2026, 11, 24), "The last day, 2026-11-24, is before the first, 2026"),
        ("paja", date(1, 1, 1), date.max, "At most 800 days can be shown at once."),
    ],
)
async def test_what_can_not_be_shown_is_refused(
    site: Site, name: str, first: date, last: date, sentence: str
) -> None:
    """In one sentence."""
    with pytest.raises(BookingRefused) as refusal:
        await site.service.show(name, first, last)
    assert str(refusal.value).startswith(sentence)


async def test_imported_days_hold_instead_of_the_weeks(site: Site) -> None:
    """All devices of the site are planned anew, those of others are not."""
    done = await site.service.take(
        "paja", kirkanta(("2026-11-26", "12:00", "14:00"), ("2026-11-27", None, None))
    )
    assert done.say() == "2 days added, 0 changed, 0 taken back; 0 as before."
    assert [set(each) for each in site.replanned] == [{PRINTER.address, PC.address}]
    found = await site.service.show("paja", TODAY, date(2026, 11, 27))
    assert [day.hours.source for day in found] == [Source.WEEKLY, Source.IMPORT, Source.IMPORT]
    assert found[1].hours.spans == (LocalSpan(12 * HOUR, 14 * HOUR),)
    assert found[2].hours.spans == ()


async def test_importing_again_changes_only_what_changed(site: Site) -> None:
    """What the file no longer names within its reach is the week's again."""
    days = [(f"2026-11-{day}", "12:00", "14:00") for day in (26, 27, 28)]
    await site.service.take("paja", kirkanta(*days))
    same = await site.service.take("paja", kirkanta(*days))
    assert same.say() == "0 days added, 0 changed, 0 taken back; 3 as before."
    assert len(site.replanned) == 1
    last = ("2026-11-28", "12:00", "15:00")
    other = await site.service.take("paja", kirkanta(days[0], last))
    assert other.say() == "0 days added, 1 changed, 1 taken back; 1 as before."
    (friday,) = await site.service.show("paja", date(2026, 11, 27), date(2026, 11, 27))
    assert friday.hours.source is Source.WEEKLY


async def test_a_faulty_day_keeps_everything_as_it_is(site: Site) -> None:
    """Unless the good ones are wanted."""
    data = kirkanta(("2026-11-26", "12:00", "14:00"), ("2026-11-27", "14:00", "12:00"))
    refused = await site.service.take("paja", data)
    assert (refused.done, refused.say()) == (False, "Nothing was changed: 1 entry can't be taken.")
    assert [str(fault) for fault in refused.faults] == ["2026-11-27: '12:00' is not after '14:00'."]
    assert not await site.database.read(lambda rows: hours.has_import(rows, "paja"))
    taken = await site.service.take("paja", data, partial=True)
    assert taken.say() == (
        "1 day added, 0 changed, 0 taken back; 0 as before. 1 entry can't be taken."
    )


async def test_a_day_at_fault_stays_as_it_was_imported_before(site: Site) -> None:
    """The last good word on it is better than none."""
    days = [(f"2026-11-{day}", "12:00", "14:00") for day in (26, 27, 28)]
    await site.service.take("paja", kirkanta(*days))
    bad = ("2026-11-27", "14:00", "12:00")
    taken = await site.service.take("paja", kirkanta(days[0], bad, days[2]), partial=True)
    assert taken.changed == hours.Changed(added=0, changed=0, removed=0, same=2)
    (friday,) = await site.service.show("paja", date(2026, 11, 27), date(2026, 11, 27))
    assert friday.hours.spans == (LocalSpan(12 * HOUR, 14 * HOUR),)


async def test_a_feed_of_which_no_day_can_be_taken_is_refused(site: Site) -> None:
    """Also where its good days would be taken: there are none."""
    bad = ("2026-11-27", "14:00", "12:00")
    good = ("2026-11-26", "12:00", "14:00")
    assert await site.service.take_feed("paja", kirkanta(bad, good), partial=True) == 1
    with pytest.raises(BookingRefused, match="Nothing was changed: 1 entry can't be taken"):
        await site.service.take_feed("paja", kirkanta(bad), partial=True)


async def test_an_import_is_in_the_audit_log_in_counts(site: Site) -> None:
    """By who asked for it; one that changes nothing is not."""
    data = kirkanta(("2026-11-26", "12:00", "14:00"))
    await site.service.take("paja", data)
    await site.service.take("paja", data)
    assert await site.service.take_feed("paja", kirkanta(("2026-11-26", None, None))) == 0
    entries = await site.database.read(
        lambda rows: audit.between(rows, NOW - timedelta(1), NOW + timedelta(1))
    )
    assert [(each.role, each.what, each.target) for each in entries] == [
        ("staff", "hours_imported", "paja"),
        ("import", "hours_imported", "paja"),
    ]
    assert entries[0].details == {
        "format": "kirkanta",
        "first": "2026-11-26",
        "last": "2026-11-26",
        "added": 1,
        "changed": 0,
        "removed": 0,
    }


async def test_only_days_that_matter_are_kept(site: Site) -> None:
    """From yesterday on, 400 days ahead; the others are counted."""
    days = [(day, "12:00", "14:00") for day in ("2020-01-01", "2026-11-24", "2027-12-30")]
    done = await site.service.take("paja", kirkanta(*days, ("2027-12-31", None, None)))
    assert (done.changed.added, done.outside) == (2, 2)
    with pytest.raises(BookingRefused, match="says nothing of the days from 2026-11-24 to 2027"):
        await site.service.take("paja", kirkanta(days[0]))


async def test_being_open_on_a_public_holiday_is_told(site: Site) -> None:
    """Somebody may have forgotten it."""
    done = await site.service.take(
        "paja", kirkanta(("2026-12-24", "10:00", "12:00"), ("2026-12-25", None, None))
    )
    assert [(day.hours.day, day.holiday) for day in done.on_holidays] == [
        (date(2026, 12, 24), "Jouluaatto")
    ]


async def test_bookings_that_are_no_longer_within_the_hours_are_told(site: Site) -> None:
    """They are not cancelled: whoever imported knows what to do about them."""

    def book(rows: Connection) -> None:
        for name, address, at, purpose in (
            ("in", PC.address, 8, Purpose.TURN),
            ("out", PC.address, 11, Purpose.TURN),
            ("event", PRINTER.address, 11, Purpose.EVENT),
            ("block", PRINTER.address, 13, Purpose.BLOCK),
            ("elsewhere", OTHER_PC.address, 11, Purpose.TURN),
        ):
            starts_at = datetime(2026, 11, 26, at, tzinfo=UTC)
            booking = Booking(
                name, address, starts_at, starts_at + timedelta(hours=1), purpose=purpose
            )
            bookings.insert(rows, booking, created=NOW)

    await site.database.write(book)
    done = await site.service.take("paja", kirkanta(("2026-11-26", "10:00", "12:00")))
    assert {booking.id for booking in done.stranded} == {"out", "event"}


async def test_a_library_that_is_not_there_and_a_file_that_is_none(site: Site) -> None:
    """Each in one sentence."""
    with pytest.raises(NotKnown, match="There is no site 'x'"):
        await site.service.take("x", kirkanta())
    with pytest.raises(BookingRefused, match="neither an answer of Kirkanta nor an iCalendar"):
        await site.service.take("paja", b"<html>")


async def test_a_file_is_read_in_a_process_of_its_own() -> None:
    """In both formats, and what is wrong comes back as a sentence."""
    job = HoursJob(first=TODAY, last=TODAY, timezone="Europe/Helsinki")
    found = await hours_reading.read(kirkanta(("2026-11-25", "10:00", "12:00")), job)
    assert found.days[0].spans == (LocalSpan(10 * HOUR, 12 * HOUR),)
    calendar = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Omatoimi\r\nRRULE:FREQ=DAILY\r\n"
        b"DTSTART:20261101T100000\r\nDTEND:20261101T120000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    found = await hours_reading.read(calendar, job)
    assert found.days[0].spans == (LocalSpan(10 * HOUR, 12 * HOUR, staffed=False),)
    with pytest.raises(Unreadable, match="This is no JSON"):
        await hours_reading.read(b"{", job)


def test_a_url_may_ask_for_the_days_that_are_kept() -> None:
    """Kirkanta answers for the period that it is asked about."""
    url = "https://api.example/v4/library/1?period.start={first}&period.end={last}"
    assert hours_reading.dated(url, TODAY) == (
        "https://api.example/v4/library/1?period.start=2026-11-24&period.end=2027-12-30"
    )
