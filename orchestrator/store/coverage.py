"""What devices' agents watched, as they told it: intervals of boot time, joined where they touch.

`boots` and `observed` follow from the event log; `rebuild` makes them again. `watching` is
what heartbeats told that no event has told yet: no log has it, so rebuild leaves it alone.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic_core import to_json

from mqtt_schemas.base import DeviceLink
from mqtt_schemas.events import Observed, WatchEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.coverage import Boot, Interval, Stamp, interval_of, normalise, stamp_of

_STAMP = """
INSERT INTO boots (site, device, boot_id, sure, stamped_ms, epoch_ms, begins_ms, ends_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device, boot_id) DO UPDATE SET
    sure = excluded.sure, stamped_ms = excluded.stamped_ms, epoch_ms = excluded.epoch_ms,
    begins_ms = excluded.begins_ms, ends_ms = excluded.ends_ms
RETURNING id
"""
_INTERVALS = "SELECT from_ms, to_ms, device_link, until FROM observed WHERE boot = ?"
_ALL_INTERVALS = """
SELECT boot, from_ms, to_ms, device_link, until FROM observed
WHERE boot IN (SELECT value FROM json_each(?)) ORDER BY boot, from_ms
"""
#: Those that overlap it; the neighbours, whose ends explain what is between; the first and the
#: last of all, which tell since when the device is known and up to when it has told.
_CHOSEN = """
SELECT id FROM boots WHERE site = :site AND device = :device
    AND ends_ms > :from_ms AND begins_ms < :to_ms
UNION SELECT id FROM (SELECT id FROM boots WHERE site = :site AND device = :device AND sure
    AND ends_ms <= :from_ms ORDER BY ends_ms DESC LIMIT 1)
UNION SELECT id FROM (SELECT id FROM boots WHERE site = :site AND device = :device AND sure
    AND begins_ms >= :to_ms ORDER BY begins_ms LIMIT 1)
UNION SELECT id FROM (SELECT id FROM boots WHERE site = :site AND device = :device AND sure
    ORDER BY begins_ms LIMIT 1)
UNION SELECT id FROM (SELECT id FROM boots WHERE site = :site AND device = :device AND sure
    ORDER BY ends_ms DESC LIMIT 1)
UNION SELECT id FROM (SELECT id FROM boots WHERE site = :site AND device = :device
    ORDER BY begins_ms LIMIT 1)
UNION SELECT boots.id FROM boots JOIN watching USING (site, device, boot_id)
    WHERE site = :site AND device = :device
"""
_WATCH = """
INSERT INTO watching VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, device, boot_id, from_ms) DO UPDATE SET
    to_ms = excluded.to_ms, device_link = excluded.device_link, sure = excluded.sure,
    stamped_ms = excluded.stamped_ms, epoch_ms = excluded.epoch_ms
WHERE excluded.to_ms >= watching.to_ms
"""

_LINKS = {link.value: link for link in DeviceLink}
_ENDS = {None: None} | {until.value: until for until in WatchEnd}

#: From, to, link and end, as they are stored.
_Row = tuple[int, int, str, str | None]


class Watching(NamedTuple):
    """What a heartbeat told of the interval that goes on."""

    address: Address
    boot: str
    interval: Interval
    stamp: Stamp


class CoverageLedger:
    """Intervals as one transaction adds them: gathered, and written once at its end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._told: defaultdict[tuple[Address, str], list[Observed]] = defaultdict(list)

    def take(self, address: Address, event: Observed) -> None:
        """Take in a plausible interval."""
        self._told[address, event.boot_id].append(event)

    def write(self) -> None:
        """Write what has come."""
        for (address, boot), told in self._told.items():
            _join(self._connection, (address.site, address.device, boot), told)
        self._told.clear()


def _join(
    connection: sqlite3.Connection, place: tuple[str, ...], events: Sequence[Observed]
) -> None:
    told = [interval_of(event) for event in events]
    first_ms, last_ms = min(each.from_ms for each in told), max(each.to_ms for each in told)
    boot = _date(connection, place, max(map(stamp_of, events)), first_ms, last_ms)
    touched = _touching(connection, boot, first_ms, last_ms)
    connection.executemany(
        "DELETE FROM observed WHERE boot = ? AND from_ms = ?",
        [(boot, each.from_ms) for each in touched],
    )
    connection.executemany(
        "INSERT INTO observed VALUES (?, ?, ?, ?, ?)",
        [(boot, *_to_row(each)) for each in normalise([*touched, *told])],
    )
    # What heartbeats told of the same time is replaced.
    connection.execute(
        "DELETE FROM watching WHERE site = ? AND device = ? AND boot_id = ? AND from_ms < ?",
        (*place, last_ms),
    )


def _date(
    connection: sqlite3.Connection,
    place: tuple[str, ...],
    stamp: Stamp,
    first_ms: int,
    last_ms: int,
) -> int:
    """Note when a boot was, by the best that is known, and return the number of its row."""
    known = connection.execute(
        "SELECT sure, stamped_ms, epoch_ms, begins_ms, ends_ms FROM boots"
        " WHERE site = ? AND device = ? AND boot_id = ?",
        place,
    ).fetchone()
    if known is not None:
        first_ms = min(first_ms, known[3] - known[2])
        last_ms = max(last_ms, known[4] - known[2])
        stamp = max(stamp, Stamp(bool(known[0]), known[1], known[2]))
    span = first_ms + stamp.epoch_ms, last_ms + stamp.epoch_ms
    [number] = connection.execute(_STAMP, (*place, *stamp, *span)).fetchone()
    return int(number)


def _touching(
    connection: sqlite3.Connection, boot: int, first_ms: int, last_ms: int
) -> list[Interval]:
    """Return a boot's intervals that touch a span. They are disjoint: from the left at most one."""
    before = connection.execute(
        f"{_INTERVALS} AND from_ms < ? ORDER BY from_ms DESC LIMIT 1", (boot, first_ms)
    )
    within = connection.execute(
        f"{_INTERVALS} AND from_ms BETWEEN ? AND ?", (boot, first_ms, last_ms)
    )
    return [_interval(row) for row in (*before, *within) if row[1] >= first_ms]


def watch(connection: sqlite3.Connection, told: Iterable[Watching]) -> None:
    """Keep what heartbeats told, in place of what the earlier ones told of the same intervals."""
    connection.executemany(
        _WATCH,
        [
            (address.site, address.device, boot, *_to_row(each)[:3], *stamp)
            for address, boot, each, stamp in told
        ],
    )


def read(
    connection: sqlite3.Connection,
    address: Address,
    from_ms: int,
    to_ms: int,
    fresh: Iterable[Watching] = (),
) -> list[Boot]:
    """Return what `domain.coverage.Record` needs to tell of a device's period.

    fresh: what the device's newest heartbeats told, written or not.
    """
    place = {"site": address.site, "device": address.device}
    boots = _boots(connection, place | {"from_ms": from_ms, "to_ms": to_ms})
    rows = connection.execute(
        "SELECT boot_id, from_ms, to_ms, device_link, sure, stamped_ms, epoch_ms FROM watching"
        " WHERE site = :site AND device = :device",
        place,
    )
    kept = [
        Watching(address, boot, _interval((*row[:3], None)), Stamp(bool(row[3]), *row[4:]))
        for boot, *row in rows
    ]
    for each in [*kept, *fresh]:
        boot = boots.get(each.boot) or Boot(each.boot, each.stamp)
        stamp = max(boot.stamp, each.stamp)
        boots[each.boot] = Boot(boot.id, stamp, boot.told, (*boot.watching, each.interval))
    return list(boots.values())


def _boots(connection: sqlite3.Connection, which: dict[str, str | int]) -> dict[str, Boot]:
    chosen = connection.execute(
        "SELECT id, boot_id, sure, stamped_ms, epoch_ms FROM boots"  # noqa: S608 - our own text
        f" WHERE id IN ({_CHOSEN})",
        which,
    ).fetchall()
    told: defaultdict[int, list[Interval]] = defaultdict(list)
    numbers = to_json([number for number, *_ in chosen]).decode()
    for number, *row in connection.execute(_ALL_INTERVALS, (numbers,)):
        told[number].append(_interval(row))
    return {
        boot: Boot(boot, Stamp(bool(sure), stamped, epoch), tuple(told[number]))
        for number, boot, sure, stamped, epoch in chosen
    }


def forget_all(connection: sqlite3.Connection) -> None:
    """Delete what follows from the event log, to make it again."""
    connection.execute("DELETE FROM observed")
    connection.execute("DELETE FROM boots")


def _interval(row: Sequence[Any]) -> Interval:
    from_ms, to_ms, link, until = row
    return Interval(from_ms, to_ms, _LINKS[link], _ENDS[until])


def _to_row(each: Interval) -> _Row:
    return each.from_ms, each.to_ms, each.link.value, each.until and each.until.value
