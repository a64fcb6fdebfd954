"""What staff says of devices, and the staff's codes, as rows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta

from mqtt_schemas.plan import DatedCode, HashedCode, Notice
from mqtt_schemas.topics import Address
from orchestrator.domain.staff_words import NOTHING_SAID, StaffWords
from orchestrator.store import staff_words
from orchestrator.store.staff_words import DayCode

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PRINTER, GLASSES = Address("paja", "tulostin"), Address("paja", "lasit")
NOTICE = Notice(id="n1", phrase="turn_ends_in", arguments={"seconds": 60}, until=NOW + HOUR)


def test_what_is_said_comes_back_as_it_was_kept(rows: sqlite3.Connection) -> None:
    """With reason, session and notices; of other devices nothing."""
    words = StaffWords("fault", "s7", (NOTICE,), "t5")
    staff_words.keep(rows, PRINTER, words)
    assert staff_words.of_device(rows, PRINTER) == words
    assert staff_words.of_device(rows, GLASSES) == NOTHING_SAID
    assert staff_words.everything(rows) == {PRINTER: words}
    staff_words.keep(rows, PRINTER, NOTHING_SAID)
    assert staff_words.everything(rows) == {PRINTER: NOTHING_SAID}


def test_a_notice_replaces_its_forerunner(rows: sqlite3.Connection) -> None:
    """By its id; and those whose time is over go."""
    over = NOTICE.model_copy(update={"id": "n0", "until": NOW})
    staff_words.keep(rows, PRINTER, StaffWords("fault", None, (over, NOTICE)))
    later = NOTICE.model_copy(update={"until": NOW + 2 * HOUR})
    staff_words.add_notice(rows, PRINTER, later, now=NOW)
    assert staff_words.of_device(rows, PRINTER) == StaffWords("fault", None, (later,))


def test_a_plan_gets_the_codes_of_its_time(rows: sqlite3.Connection) -> None:
    """Of each local day that its span touches, in order; of another site none."""
    codes = [day_code(date(2026, 11, day)) for day in (24, 26, 25)]
    staff_words.keep_codes(rows, codes, before=date(2026, 11, 24))
    yesterday, tomorrow, today = (each.code for each in codes)
    midnight = today.ends_at
    assert staff_words.codes_for(rows, "paja", NOW, midnight) == (today,)
    assert staff_words.codes_for(rows, "paja", NOW, midnight + HOUR) == (today, tomorrow)
    assert staff_words.codes_for(rows, "paja", yesterday.starts_at, NOW) == (yesterday, today)
    assert staff_words.codes_for(rows, "sivu", NOW, midnight) == ()


def test_past_days_codes_are_forgotten(rows: sqlite3.Connection) -> None:
    """They open nothing any more; a day's new code replaces its old one."""
    old, today = (day_code(date(2026, 11, day)) for day in (24, 25))
    staff_words.keep_codes(rows, [old, today], before=date(2026, 11, 24))
    anew = day_code(date(2026, 11, 25), "yksi kaksi kolme")
    staff_words.keep_codes(rows, [anew], before=date(2026, 11, 25))
    assert staff_words.codes_of(rows, "paja") == (anew,)


def day_code(day: date, words: str = "kuusi talo vene") -> DayCode:
    """Return a day's code of the site."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * HOUR
    hashed = HashedCode(salt="0" * 32, hash=f"{day.day:064x}")
    code = DatedCode(starts_at=start, ends_at=start + 24 * HOUR, code=hashed)
    return DayCode("paja", day, words, code)
