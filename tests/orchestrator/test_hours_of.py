"""A device's hours within a transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from orchestrator.domain.bookings import Usable
from orchestrator.domain.opening_hours import DayHours, LocalSpan, SiteHours, Source
from orchestrator.hours_of import hours_of
from orchestrator.store import hours
from orchestrator.store.database import Connection, Database
from tests.orchestrator.fakes import NOW, PRINTER, office

HOUR = 3600
STAFFED, ALONE = LocalSpan(10 * HOUR, 18 * HOUR), LocalSpan(18 * HOUR, 20 * HOUR, staffed=False)
WEEKLY = SiteHours(((STAFFED, ALONE),) * 7)
LATER = NOW + timedelta(hours=10)


async def test_a_devices_hours_are_its_librarys_under_its_policy(database: Database) -> None:
    """With another policy, others; read in the transaction that needs them."""
    made = office(database, now=lambda: NOW, hours={"paja": WEEKLY})

    def ends(rows: Connection, *, staffed_only: bool) -> list[datetime]:
        of = hours_of(rows, made, PRINTER)
        policy = replace(PRINTER.policy, staffed_only=staffed_only)
        spans: list[Usable] = list(of(policy, NOW, LATER))
        return [span.ends_at for span in spans]

    def ask(rows: Connection) -> None:
        four, six = (datetime(2026, 11, 25, hour, tzinfo=UTC) for hour in (16, 18))
        assert ends(rows, staffed_only=False) == [four, six]
        assert ends(rows, staffed_only=True) == [four]
        day = date(2026, 11, 25)
        closed = DayHours(day, (), Source.IMPORT)
        hours.replace(rows, "paja", [closed], reach=(day, day), source="ics", at=NOW)
        assert ends(rows, staffed_only=False) == []

    await database.write(ask)


async def test_without_hours_a_device_can_be_used_at_any_time(database: Database) -> None:
    """As if staff were always there."""
    made = office(database, now=lambda: NOW)

    def ask(rows: Connection) -> None:
        (span,) = hours_of(rows, made, PRINTER)(PRINTER.policy, NOW, LATER)
        assert (span.starts_at, span.ends_at, span.staffed) == (NOW, LATER, True)

    await database.read(ask)
