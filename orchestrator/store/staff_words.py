"""What staff says of devices, and the staff's codes, as rows. Functions of a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from pydantic import TypeAdapter

from mqtt_schemas.plan import DatedCode, Notice
from mqtt_schemas.topics import Address
from orchestrator.domain.staff_words import NOTHING_SAID, StaffWords

_NOTICES = TypeAdapter(tuple[Notice, ...])
_KEEP = """
INSERT INTO staff_words (site, device, out_of_service, cleared, notices, ended)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device) DO UPDATE SET out_of_service = excluded.out_of_service,
    cleared = excluded.cleared, notices = excluded.notices, ended = excluded.ended
"""
_KEEP_CODE = """
INSERT INTO staff_codes (site, day, words, code) VALUES (?, ?, ?, ?)
ON CONFLICT (site, day) DO UPDATE SET words = excluded.words, code = excluded.code
"""


def of_device(connection: sqlite3.Connection, address: Address) -> StaffWords:
    """Return what staff says of a device. Notices whose time is over may be among it."""
    row = connection.execute(
        "SELECT out_of_service, cleared, notices, ended FROM staff_words"
        " WHERE site = ? AND device = ?",
        (address.site, address.device),
    ).fetchone()
    return NOTHING_SAID if row is None else _words(*row)


def everything(connection: sqlite3.Connection) -> dict[Address, StaffWords]:
    """Return what staff says of all devices; those of which nothing was ever said are left out."""
    rows = connection.execute(
        "SELECT site, device, out_of_service, cleared, notices, ended FROM staff_words"
    )
    return {Address(site, device): _words(*words) for site, device, *words in rows}


def keep(connection: sqlite3.Connection, address: Address, words: StaffWords) -> None:
    """Keep what staff says of a device now."""
    connection.execute(
        _KEEP,
        (
            address.site,
            address.device,
            words.out_of_service,
            words.cleared,
            _NOTICES.dump_json(words.notices).decode(),
            words.ended,
        ),
    )


def add_notice(
    connection: sqlite3.Connection, address: Address, notice: Notice, *, now: datetime
) -> None:
    """Keep a notice for a device. One of the same id is replaced; what is over goes."""
    words = of_device(connection, address).at(now)
    others = tuple(each for each in words.notices if each.id != notice.id)
    keep(connection, address, replace(words, notices=(*others, notice)))


@dataclass(frozen=True, slots=True)
class DayCode:
    """The staff's code of a site's local day: the words, and what devices get of them."""

    site: str
    day: date
    words: str
    code: DatedCode


def codes_for(
    connection: sqlite3.Connection, site: str, first: datetime, last: datetime
) -> tuple[DatedCode, ...]:
    """Return a site's codes that hold at some time from `first` to before `last`, in order."""
    return tuple(
        each.code
        for each in codes_of(connection, site)
        if each.code.ends_at > first and each.code.starts_at < last
    )


def codes_of(connection: sqlite3.Connection, site: str) -> tuple[DayCode, ...]:
    """Return all codes of a site that are kept, in order: of a few days."""
    rows = connection.execute(
        "SELECT day, words, code FROM staff_codes WHERE site = ? ORDER BY day", (site,)
    )
    return tuple(
        DayCode(site, date.fromisoformat(day), words, DatedCode.model_validate_json(code))
        for day, words, code in rows
    )


def keep_codes(connection: sqlite3.Connection, codes: Iterable[DayCode], *, before: date) -> None:
    """Keep codes, and forget those of days before `before`: they open nothing any more."""
    connection.execute("DELETE FROM staff_codes WHERE day < ?", (before.isoformat(),))
    connection.executemany(
        _KEEP_CODE,
        [
            (each.site, each.day.isoformat(), each.words, each.code.model_dump_json())
            for each in codes
        ],
    )


def _words(
    out_of_service: str | None, cleared: str | None, notices: str, ended: str | None
) -> StaffWords:
    return StaffWords(out_of_service, cleared, _NOTICES.validate_json(notices), ended)
