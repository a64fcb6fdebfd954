"""Intervals as rows: joined, dated, replaced, made again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import DeviceLink, utc_from_ms
from mqtt_schemas.events import Observed, WatchEnd
from orchestrator.domain.coverage import (
    CONNECTED,
    DISCONNECTED,
    Attendance,
    Boot,
    Interval,
    Record,
    Stamp,
    interval_of,
    normalise,
    stamp_of,
)
from orchestrator.domain.spans import Span
from orchestrator.store.coverage import CoverageLedger, Watching, read, watch
from orchestrator.store.intake import take_in
from orchestrator.store.rebuild import rebuild
from tests.orchestrator.histories import BOOT, MORNING, PRINTER, STATION, History, log_id
from tests.orchestrator.store.tables import empty_tables

HELSINKI = ZoneInfo("Europe/Helsinki")
HOUR = 3_600_000
OTHER_BOOT = "8c9e6679-7425-40de-944b-e07fc1f90ae7"


def observed(
    from_ms: int,
    to_ms: int,
    link: DeviceLink = CONNECTED,
    *,
    boot: str = BOOT,
    epoch_ms: int = MORNING,
    offset_ms: int | None = 0,
    until: WatchEnd | None = None,
) -> Observed:
    """Return an interval as an agent tells it, in a boot that began at `epoch_ms`."""
    return Observed(
        rule="printer/1",
        wall=utc_from_ms(epoch_ms + to_ms),
        boot_id=boot,
        boot_ms=to_ms,
        offset_ms=offset_ms,
        from_ms=from_ms,
        to_ms=to_ms,
        device_link=link,
        until=until,
    )


def write(rows: sqlite3.Connection, *events: Observed) -> None:
    """Write events in one transaction."""
    ledger = CoverageLedger(rows)
    for event in events:
        ledger.take(PRINTER, event)
    ledger.write()


def everything(rows: sqlite3.Connection) -> dict[str, Boot]:
    """Return all that is known of the printer."""
    return {boot.id: boot for boot in read(rows, PRINTER, 0, 2**62)}


def stored(rows: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return all rows that follow from the log, without their numbers."""
    found = rows.execute(
        "SELECT site, device, boot_id, sure, stamped_ms, epoch_ms, begins_ms, ends_ms,"
        " from_ms, to_ms, device_link, until FROM boots JOIN observed ON boot = boots.id"
        " ORDER BY site, device, boot_id, from_ms"
    )
    return list(found)


def test_a_year_of_hours_is_one_row(rows: sqlite3.Connection) -> None:
    """Adjacent intervals are joined as they come."""
    for hour in range(366 * 24):
        write(rows, observed(hour * HOUR, (hour + 1) * HOUR, until=WatchEnd.HOUR))
    [row] = stored(rows)
    assert row[8:] == (0, 366 * 24 * HOUR, "connected", "hour")
    assert row[6:8] == (MORNING, MORNING + 366 * 24 * HOUR)


_events = st.builds(
    lambda span, link, until, boot, offset: observed(
        span[0], span[1], link, until=until, boot=boot, offset_ms=offset
    ),
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted),
    st.sampled_from(DeviceLink),
    st.none() | st.sampled_from(WatchEnd),
    st.sampled_from([BOOT, OTHER_BOOT]),
    st.none() | st.integers(-5, 5),
)


@given(st.lists(st.lists(_events, max_size=4), max_size=4))
def test_whatever_the_transactions_the_rows_are_what_the_rules_say(
    transactions: list[list[Observed]],
) -> None:
    """In pieces, twice, in another order: the same intervals, dated by the best stamp."""
    rows = empty_tables()
    for events in [*transactions, *reversed(transactions)]:
        write(rows, *events)
    told = [event for events in transactions for event in events]
    for name, boot in everything(rows).items():
        mine = [event for event in told if event.boot_id == name]
        assert list(boot.told) == normalise(map(interval_of, mine))
        assert boot.stamp == max(map(stamp_of, mine))
    assert set(everything(rows)) == {event.boot_id for event in told}
    rows.close()


def test_a_comparison_of_clocks_dates_the_whole_boot(rows: sqlite3.Connection) -> None:
    """What was dated by a wrong wall clock moves to its place, in length and order as it was."""
    write(rows, observed(0, 10, epoch_ms=0, offset_ms=None), observed(20, 30, DISCONNECTED))
    assert rows.execute("SELECT sure, begins_ms, ends_ms FROM boots").fetchall() == [
        (1, MORNING, MORNING + 30)
    ]
    write(rows, observed(30, 40, epoch_ms=5, offset_ms=None))
    assert rows.execute("SELECT sure, begins_ms, ends_ms FROM boots").fetchall() == [
        (1, MORNING, MORNING + 40)
    ]


def _told(to_ms: int, *, from_ms: int = 10) -> Watching:
    stamp = Stamp(True, to_ms, MORNING)  # noqa: FBT003 - a tuple's field
    return Watching(PRINTER, BOOT, Interval(from_ms, to_ms, CONNECTED), stamp)


def test_heartbeats_stand_until_the_event_comes(rows: sqlite3.Connection) -> None:
    """One row for each interval that goes on; an older heartbeat changes nothing."""
    watch(rows, [_told(20)])
    watch(rows, [_told(40)])
    watch(rows, [_told(30)])
    assert everything(rows)[BOOT].watching == (Interval(10, 40, CONNECTED),)
    write(rows, observed(10, 38))
    boot = everything(rows)[BOOT]
    assert (boot.told, boot.watching) == ((Interval(10, 38, CONNECTED),), ())
    watch(rows, [_told(50, from_ms=38)])
    assert everything(rows)[BOOT].provisional() == [Interval(38, 50, CONNECTED)]


def test_the_newest_heartbeat_counts_before_it_is_written(rows: sqlite3.Connection) -> None:
    """And dates its boot, if it knows better."""
    write(rows, observed(0, 10, epoch_ms=0, offset_ms=None))
    [boot] = read(rows, PRINTER, 0, 2**62, [_told(50)])
    assert boot.provisional() == [Interval(10, 50, CONNECTED)]
    assert boot.stamp == (True, 50, MORNING)


def test_devices_are_apart(rows: sqlite3.Connection) -> None:
    """Two agents of one machine share its boot id."""
    write(rows, observed(0, 10))
    assert read(rows, STATION, 0, 2**62) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 80), st.booleans(), st.lists(_events, min_size=1, max_size=3)),
        max_size=6,
    ),
    st.integers(0, 120),
    st.integers(0, 120),
    st.none() | st.tuples(st.integers(0, 5), st.integers(0, 30)),
)
def test_what_is_read_for_a_period_tells_as_much_as_everything(
    boots: Sequence[tuple[int, bool, list[Observed]]],
    from_ms: int,
    to_ms: int,
    heard: tuple[int, int] | None,
) -> None:
    """The boots that are left out explain nothing of it."""
    rows = empty_tables()
    for number, (epoch_ms, sure, events) in enumerate(boots):
        name = f"{number:08d}-7425-40de-944b-e07fc1f90ae7"
        moved = {"boot_id": name, "offset_ms": 0 if sure else None}
        for event in events:
            wall = utc_from_ms(epoch_ms + event.boot_ms)
            write(rows, event.model_copy(update={**moved, "wall": wall}))
    fresh = []
    if heard is not None:
        name = f"{heard[0]:08d}-7425-40de-944b-e07fc1f90ae7"
        interval = Interval(heard[1], 30, CONNECTED)
        fresh = [Watching(PRINTER, name, interval, Stamp(False, 0, 40))]  # noqa: FBT003 - a tuple's field
        watch(rows, fresh)
    seen = Attendance(orchestrator=[Span(0, 60)], broker=[Span(20, 90)])
    numbers = rows.execute("SELECT boot_id FROM boots").fetchall()
    whole = read(rows, PRINTER, -(2**61), 2**61)
    assert {boot.id for boot in whole} >= {name for (name,) in numbers}
    part = read(rows, PRINTER, from_ms, to_ms)
    expected = Record(whole, seen).coverage(from_ms, to_ms)
    assert Record(part, seen).coverage(from_ms, to_ms) == expected
    rows.close()


def test_what_is_rebuilt_is_as_before(rows: sqlite3.Connection) -> None:
    """From the event log alone; what only heartbeats told is left as it is."""
    first = History().add(observed(0, 10, until=WatchEnd.GAP), observed(20, 30), observed(30, 40))
    second = History(log=log_id(2)).add(observed(40, 50, DISCONNECTED, boot=OTHER_BOOT))
    for history in (first, second):
        take_in(rows, batches=[history.batch()], now_ms=MORNING, zone=HELSINKI)
    watch(rows, [_told(90, from_ms=40)])
    before, known = stored(rows), everything(rows)
    assert len(before) == 3
    rows.execute("UPDATE observed SET to_ms = to_ms + 1")
    rebuild(rows, HELSINKI)
    assert stored(rows) == before
    assert everything(rows) == known


def test_an_interval_that_cant_be_true_is_set_aside(rows: sqlite3.Connection) -> None:
    """It takes its seq, and nothing follows from it."""
    bad = observed(0, 10).model_copy(update={"from_ms": 11})
    history = History().add(bad, observed(0, 10))
    taken = take_in(rows, batches=[history.batch()], now_ms=MORNING, zone=HELSINKI)
    [ack] = taken.acks.values()
    assert ack.seq == 2
    [(reason,)] = rows.execute("SELECT reason FROM events WHERE seq = 1").fetchall()
    assert reason == "from_ms: the interval ends before it begins"
    assert len(stored(rows)) == 1
