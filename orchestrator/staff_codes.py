"""The staff's codes: three words a day and site, made some days ahead, since plans reach there.

A device without network opens by the code of its day for as long as its plan holds.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta, tzinfo

import structlog

from mqtt_schemas.base import to_utc
from mqtt_schemas.plan import DatedCode
from orchestrator.domain.local_time import to_local
from orchestrator.domain.periods import begin_of
from orchestrator.new_codes import new_code
from orchestrator.office import Office
from orchestrator.store import staff_words
from orchestrator.store.errors import StoreFailed
from orchestrator.store.staff_words import DayCode

#: Today, and five days more: a plan reaches 96 h from when it was last moved on.
DAYS = 6
#: Nothing tells when the wall clock is stepped: the day is looked at again so often.
LONGEST_SLEEP = 3600.0
STORE_AGAIN_AFTER = 60.0

_DAY = timedelta(days=1)
_LOG = structlog.get_logger(__name__)


class StaffCodes:
    """Sees that every site has codes of the days ahead."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._sites = sorted({address.site for address in office.devices})

    async def run(self) -> None:
        """Make what is missing at once and at each midnight. For ever."""
        while True:
            seconds = await self.step()
            await asyncio.sleep(seconds)

    async def step(self) -> float:
        """Make what is missing, have its devices planned anew; return the seconds until more is."""
        now = self._office.now()
        try:
            made = {site for site in self._sites if await make(self._office, site)}
        except StoreFailed as error:
            _LOG.error("staff_codes_not_kept", reason=str(error))
            return STORE_AGAIN_AFTER
        if made:
            self._office.replan([each for each in self._office.devices if each.site in made])
        midnight = begin_of(to_local(now, self._office.zone).date() + _DAY, self._office.zone)
        return min(max((midnight - now).total_seconds(), 1.0), LONGEST_SLEEP)


async def make(office: Office, site: str) -> bool:
    """Make a site's codes of the days ahead that are missing. Returns whether any was.

    Codes stay as they are; where the time zone was changed, they hold on its days from now on.
    """
    today = to_local(office.now(), office.zone).date()
    days = [today + number * _DAY for number in range(DAYS)]
    known = {
        each.day: each
        for each in await office.database.read(lambda rows: staff_words.codes_of(rows, site))
    }
    made = [
        await _made(office, site, day, known.get(day))
        for day in days
        if day not in known or not _holds(known[day].code, day, office.zone)
    ]
    if made:
        await office.database.write(
            lambda rows: staff_words.keep_codes(rows, made, before=today - _DAY)
        )
    return bool(made)


async def code_of_today(office: Office, site: str) -> DayCode:
    """Return a site's code of today; made now where none is, as when no orchestrator ran."""
    if await make(office, site):
        office.replan([each for each in office.devices if each.site == site])
    today = to_local(office.now(), office.zone).date()
    found = await office.database.read(lambda rows: staff_words.codes_of(rows, site))
    return next(each for each in found if each.day == today)


async def _made(office: Office, site: str, day: date, known: DayCode | None) -> DayCode:
    if known is None:
        new = await new_code(office.language)
        words, hashed = new.words, new.hashed
    else:
        words, hashed = known.words, known.code.code
    first, last = _span(day, office.zone)
    return DayCode(site, day, words, DatedCode(starts_at=first, ends_at=last, code=hashed))


def _holds(code: DatedCode, day: date, zone: tzinfo) -> bool:
    return (code.starts_at, code.ends_at) == _span(day, zone)


def _span(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    return to_utc(begin_of(day, zone)), to_utc(begin_of(day + _DAY, zone))
