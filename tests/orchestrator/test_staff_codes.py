"""The staff's codes of the days ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from orchestrator.domain.codes import matches
from orchestrator.office import Office
from orchestrator.staff_codes import DAYS, StaffCodes, code_of_today, make
from orchestrator.store import staff_words
from orchestrator.store.database import Database
from orchestrator.store.staff_words import DayCode
from tests.orchestrator.fakes import DEVICES, NOW, PRINTER, FakeClock, office

DAY = timedelta(days=1)


async def codes(office: Office, site: str = "paja") -> tuple[DayCode, ...]:
    """Return the codes that are kept."""
    return await office.database.read(lambda rows: staff_words.codes_of(rows, site))


async def test_each_site_has_a_code_for_every_day_that_a_plan_reaches(database: Database) -> None:
    """Three words, each day and site others; its devices are planned anew once."""
    replanned: list[object] = []
    clock = FakeClock()
    desk = office(database, now=clock.now, replan=replanned.append)
    task = StaffCodes(desk)
    seconds = await task.step()
    assert 0 < seconds <= 3600
    found = [*await codes(desk), *await codes(desk, "sivu")]
    assert len({each.words for each in found}) == 2 * DAYS
    assert all(len(each.words.split()) == 3 for each in found)
    assert [each.day for each in found[:DAYS]] == [
        date(2026, 11, 25) + n * DAY for n in range(DAYS)
    ]
    assert matches(found[0].words, found[0].code.code)
    assert sorted(*replanned) == sorted(DEVICES)  # type: ignore[call-overload] # it is one list
    await task.step()
    assert len(replanned) == 1
    assert [*await codes(desk), *await codes(desk, "sivu")] == found


async def test_a_plan_of_96_hours_finds_a_code_for_all_of_it(database: Database) -> None:
    """One after the other without a gap, over a change of the clocks too."""
    clock = FakeClock()
    clock.wall = datetime(2026, 10, 22, 20, 59, tzinfo=UTC)
    desk = office(database, now=clock.now)
    await make(desk, "paja")
    last = clock.now() + timedelta(hours=96)
    found = await desk.database.read(
        lambda rows: staff_words.codes_for(rows, "paja", clock.now(), last)
    )
    assert found[0].starts_at <= clock.now()
    assert found[-1].ends_at >= last
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
    assert timedelta(hours=25) in [each.ends_at - each.starts_at for each in found]


async def test_the_next_day_one_more_is_made(database: Database) -> None:
    """The others stay as they are, and what is past is forgotten."""
    clock = FakeClock()
    desk = office(database, now=clock.now)
    await make(desk, "paja")
    before = await codes(desk)
    clock.pass_by(2 * 86_400)
    assert await make(desk, "paja")
    after = await codes(desk)
    assert after[: DAYS - 1] == before[1:]
    assert len(after) == DAYS + 1
    assert await code_of_today(desk, "paja") == before[2]


async def test_in_another_time_zone_the_codes_hold_on_its_days(database: Database) -> None:
    """The words stay: they may be written down."""
    desk = office(database, now=FakeClock().now)
    await make(desk, "paja")
    before = await codes(desk)
    assert await make(replace(desk, zone=UTC), "paja")
    after = await codes(desk)
    assert [each.words for each in after] == [each.words for each in before]
    assert after[0].code.starts_at == NOW.replace(hour=0)
    assert PRINTER.address.site == "paja"
