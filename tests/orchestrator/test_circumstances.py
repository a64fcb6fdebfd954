"""What plans are made of beside bookings, from a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mqtt_schemas.plan import DatedCode, HashedCode
from orchestrator.circumstances import Circumstances
from orchestrator.domain.devices import Device
from orchestrator.domain.opening_hours import DayHours, LocalSpan, SiteHours, Source
from orchestrator.domain.plan_parts import NOTHING_HOLDS, Holds
from orchestrator.domain.planning import reach
from orchestrator.domain.queue import Ticket
from orchestrator.domain.staff_words import StaffWords
from orchestrator.store import hours, queue, staff_words
from orchestrator.store.database import Connection, Database
from orchestrator.store.staff_words import DayCode
from tests.orchestrator.fakes import NOW, PC, PRINTER

HELSINKI = ZoneInfo("Europe/Helsinki")
TEN_TO_SIX = LocalSpan(10 * 3600, 18 * 3600)
TODAY = date(2026, 11, 25)


def circumstances(configured: SiteHours | None = None) -> Circumstances:
    """Return the circumstances of a library in Helsinki, with or without hours."""
    known = {"paja": configured} if configured else {}
    return Circumstances(configured=known, zone=HELSINKI, is_holiday=lambda _: False)


async def read(
    database: Database, found: Circumstances, device: Device = PRINTER, at: datetime = NOW
) -> Holds:
    """Return what holds for a device."""
    return await database.read(lambda rows: found.of(rows, device, at))


async def test_where_nothing_is_said_nothing_holds(database: Database) -> None:
    """A library without hours, queue or words plans as if there were no such things."""
    assert await read(database, circumstances()) == NOTHING_HOLDS


async def test_windows_follow_the_sites_hours_through_the_whole_reach(database: Database) -> None:
    """Each day of the plan has its span, in UTC."""
    holds = await read(database, circumstances(SiteHours(((TEN_TO_SIX,),) * 7)))
    first, until = reach(PRINTER, NOW)
    assert holds.usable is not None
    assert len(holds.usable) >= 4
    whole = [each for each in holds.usable if first < each.starts_at and each.ends_at < until]
    assert {each.ends_at - each.starts_at for each in whole} == {timedelta(hours=8)}


async def test_what_is_imported_is_seen_once_hours_are_forgotten(database: Database) -> None:
    """Hours are kept from one device to the next, until they change."""
    found = circumstances()
    assert (await read(database, found)).usable is None
    days = [DayHours(TODAY + timedelta(days=n), (TEN_TO_SIX,), Source.IMPORT) for n in range(9)]
    span = (days[0].day, days[-1].day)
    await database.write(
        lambda rows: hours.replace(rows, "paja", days, reach=span, source="x", at=NOW)
    )
    assert (await read(database, found)).usable is None
    found.forget()
    assert (await read(database, found)).usable


async def test_a_policy_with_hours_of_its_own_has_windows_without_a_sites(
    database: Database,
) -> None:
    """A game room that opens at noon does so in a library that is always open, too."""
    noon = replace(PRINTER.policy, school_days_from=datetime(2026, 1, 1, 12).time())  # noqa: DTZ001 - a clock on the wall
    holds = await read(database, circumstances(), replace(PRINTER, policy=noon))
    assert holds.usable


async def test_the_queue_the_staffs_words_and_codes_are_the_devices_own(
    database: Database,
) -> None:
    """Another kind's queue, another device's words and another site's codes change nothing."""
    code = DatedCode(
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
        code=HashedCode(salt="0" * 32, hash="0" * 64),
    )

    def say(rows: Connection) -> None:
        ticket = Ticket(site="paja", kind="printer", day=TODAY, number=1, joined_at=NOW)
        queue.insert(rows, ticket)
        staff_words.keep(rows, PRINTER.address, StaffWords(out_of_service="fault"))
        day = DayCode("paja", TODAY, "yksi kaksi kolme", code)
        staff_words.keep_codes(rows, [day], before=TODAY)

    await database.write(say)
    found = circumstances()
    printer, pc = await read(database, found), await read(database, found, PC)
    assert (printer.waiting, printer.words.out_of_service) == (True, "fault")
    assert (pc.waiting, pc.words.out_of_service) == (False, None)
    assert printer.staff_codes == pc.staff_codes == (code,)
