"""Imported hours as rows, and a site's openings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.domain.opening_hours import (
    NOT_CONFIGURED,
    DatedHours,
    DayHours,
    LocalSpan,
    Opening,
    SiteHours,
    Source,
)
from orchestrator.store import hours
from orchestrator.store.database import Connection, Database

HELSINKI = ZoneInfo("Europe/Helsinki")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = date(2026, 11, 25)
REACH = (TODAY, date(2026, 11, 30))
HOUR = 3600
TEN_TO_SIX = LocalSpan(10 * HOUR, 18 * HOUR)
ALONE = LocalSpan(18 * HOUR, 21 * HOUR, staffed=False)
WEEKLY = SiteHours(((TEN_TO_SIX,),) * 7)


def day(number: int, *spans: LocalSpan, note: str | None = None) -> DayHours:
    """Return an imported day of this November."""
    return DayHours(date(2026, 11, number), spans, Source.IMPORT, note)


async def keep(database: Database, *days: DayHours, site: str = "paja") -> hours.Changed:
    """Import days."""
    return await database.write(
        lambda rows: hours.replace(rows, site, days, reach=REACH, source="kirkanta", at=NOW)
    )


async def openings(
    database: Database, configured: SiteHours = NOT_CONFIGURED, *, first: datetime = NOW
) -> list[Opening] | None:
    """Return the openings around a moment."""
    return await database.read(
        lambda rows: hours.of_site(rows, "paja", first, first, hours=configured, zone=HELSINKI)
    )


async def test_what_is_kept_comes_back(database: Database) -> None:
    """Spans apart, with what is said of the day."""
    kept = [day(25, TEN_TO_SIX, ALONE, note="Ilta"), day(26)]
    await keep(database, *kept)
    await keep(database, day(27, ALONE), site="sivu")
    found = await database.read(lambda rows: hours.imported(rows, "paja", *REACH))
    assert list(found.values()) == kept


async def test_within_its_reach_an_import_replaces_what_was_there(database: Database) -> None:
    """What is the same is not written; days beyond the reach stay."""
    assert await keep(database, day(25, ALONE), day(26), day(27)) == hours.Changed(3, 0, 0, 0)
    again = await keep(database, day(25, ALONE), day(26, ALONE), day(28))
    assert again == hours.Changed(added=1, changed=1, removed=1, same=1)
    narrow = await database.write(
        lambda rows: hours.replace(rows, "paja", [], reach=(TODAY, TODAY), source="ics", at=NOW)
    )
    assert narrow == hours.Changed(added=0, changed=0, removed=1, same=0)
    found = await database.read(lambda rows: hours.imported(rows, "paja", *REACH))
    assert list(found) == [date(2026, 11, 26), date(2026, 11, 28)]


async def test_a_site_without_any_hours_is_told_apart_from_a_closed_one(database: Database) -> None:
    """None: always open. An empty list: nothing is open."""
    assert await openings(database) is None
    closed = SiteHours(((),) * 7)
    assert await openings(database, closed) == []
    await keep(database, day(29, TEN_TO_SIX))
    assert await openings(database) == []


async def test_openings_are_whole_and_reach_past_the_span(database: Database) -> None:
    """From the day before to the second after: closing can be told from midnight."""
    found = await openings(database, WEEKLY)
    assert found == [
        Opening(
            datetime(2026, 11, number, 8, tzinfo=UTC), datetime(2026, 11, number, 16, tzinfo=UTC)
        )
        for number in (24, 25, 26, 27)
    ]


async def test_exceptions_go_before_imports_and_these_before_the_week(database: Database) -> None:
    """In one list of openings."""
    await keep(database, day(25, ALONE), day(26, ALONE))
    exception = DatedHours(TODAY, TODAY, ())
    found = await openings(database, SiteHours(WEEKLY.weekly, (exception,)))
    assert found is not None
    assert [(each.starts_at.day, each.staffed) for each in found] == [
        (24, True),
        (26, False),
        (27, True),
    ]


@pytest.mark.parametrize(
    "moment",
    [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)],
)
async def test_the_ends_of_the_calendar_have_hours(database: Database, moment: datetime) -> None:
    """Whatever somebody asks about."""
    assert await openings(database, WEEKLY, first=moment)


async def test_a_long_span_is_bounded(database: Database) -> None:
    """Nobody waits for eight thousand years of hours."""

    def ask(rows: Connection) -> int:
        last = datetime(9999, 1, 1, tzinfo=UTC)
        found = hours.of_site(rows, "paja", NOW, last, hours=WEEKLY, zone=HELSINKI)
        days = hours.days_of_site(rows, "paja", TODAY, date.max, hours=WEEKLY)
        assert len(days) == hours.MAX_DAYS
        return len(found or ())

    assert await database.read(ask) == hours.MAX_DAYS + 3
