"""Reading what was counted out of a database that the orchestrator made."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from mqtt_schemas.base import Basis, DeviceLink, Outcome
from mqtt_schemas.events import Observed
from orchestrator.rehearsal import counted
from orchestrator.rehearsal.compare import Sums
from orchestrator.rehearsal.counted import Record
from orchestrator.rehearsal.intervals import Interval
from orchestrator.store.database import Database
from orchestrator.store.intake import Batch, take_in
from tests.orchestrator.histories import (
    MINUTE,
    MORNING,
    PRINTER,
    STATION,
    History,
    checkpoint,
    common,
    ended,
    log_id,
    started,
)

#: Boot time at MORNING (histories.common).
BOOTED = 600 * MINUTE


async def read(tmp_path: Path, *batches: Batch) -> Record:
    """Take batches in as the orchestrator does, and read what is counted."""
    with closing(Database.open(tmp_path / "laitevuoro.db")) as database:
        for batch in batches:
            work = partial(take_in, batches=[batch], now_ms=MORNING, zone=ZoneInfo("UTC"))
            await database.write(work)
    return counted.read(tmp_path / "laitevuoro.db")


def observed(from_ms: int, to_ms: int, link: DeviceLink = DeviceLink.CONNECTED) -> Observed:
    """Return an interval that was watched."""
    return Observed(**common(None, MORNING), from_ms=from_ms, to_ms=to_ms, device_link=link)


async def test_sessions_are_laid_into_boot_time(tmp_path: Path) -> None:
    """From begin to end, with what was counted of it, device by device."""
    of_printer = History().add(started(), ended(unobserved_ms=5))
    of_station = History(STATION, log_id(2)).add(started("s9"), ended("s9", active=1, idle=2))
    record = await read(tmp_path, of_printer.batch(), of_station.batch())
    (one,) = record.devices[PRINTER.device].sessions
    assert (one.session, one.from_ms) == ("s1", BOOTED)
    assert (one.active_ms, one.idle_ms) == (20 * MINUTE, 10 * MINUTE)
    assert one.to_ms == BOOTED + 30 * MINUTE + 5
    assert one.right == ("turn", None)
    assert not one.cut_short
    assert record.devices[PRINTER.device].totals == Sums(1, 20 * MINUTE, 10 * MINUTE)
    assert record.devices[STATION.device].totals == Sums(1, 1, 2)
    assert record.events == 4


async def test_a_session_whose_begin_was_lost_is_reckoned_back_from_its_end(tmp_path: Path) -> None:
    """Its end is complete in itself."""
    record = await read(tmp_path, History().add(ended()).batch())
    (one,) = record.devices[PRINTER.device].sessions
    assert (one.from_ms, one.to_ms) == (BOOTED, BOOTED + 30 * MINUTE)


async def test_what_is_not_counted_is_left_out(tmp_path: Path) -> None:
    """Use outside every right, and a session that goes on."""
    outside = ended("s2", basis=Basis.OUTSIDE)
    record = await read(tmp_path, History().add(outside, started("s3")).batch())
    assert record.devices[PRINTER.device].sessions == []
    assert record.devices[PRINTER.device].totals == Sums()


async def test_an_end_that_is_not_the_true_one_is_told_as_such(tmp_path: Path) -> None:
    """A checkpoint's, or that of a device that went out of reach."""
    history = History().add(
        ended("s1", at_checkpoint=True), ended("s2", outcome=Outcome.UNKNOWN), ended("s3")
    )
    record = await read(tmp_path, history.batch())
    cut = {each.session: each.cut_short for each in record.devices[PRINTER.device].sessions}
    assert cut == {"s1": True, "s2": True, "s3": False}


async def test_a_session_that_the_orchestrator_closed_is_counted_as_it_is(tmp_path: Path) -> None:
    """A new log closes what the old one left open, at its checkpoint."""
    old, new = History().add(started()), History(log=log_id(2)).add(started("s2"))
    seen = checkpoint(active=MINUTE, idle=0)
    record = await read(tmp_path, old.batch(), new.batch(checkpoint=seen))
    (one,) = record.devices[PRINTER.device].sessions
    assert (one.session, one.from_ms, one.to_ms) == ("s1", BOOTED, BOOTED + MINUTE)
    assert one.cut_short


async def test_the_device_was_observed_where_the_agent_says_that_it_reached_it(
    tmp_path: Path,
) -> None:
    """Intervals that overlap are told once; out of reach is not observed."""
    history = History().add(
        observed(10, 20), observed(15, 30), observed(40, 50, DeviceLink.DISCONNECTED)
    )
    record = await read(tmp_path, history.batch())
    assert record.devices[PRINTER.device].seen == (Interval(10, 30),)


async def test_a_named_loss_has_the_time_between_its_neighbours(tmp_path: Path) -> None:
    """And the number of its events."""
    history = History().add(
        started("s1", MORNING), ended("s1"), started("s2"), ended("s2", MORNING + 90 * MINUTE)
    )
    first, rest = history.batch(1, 1), history.batch(4, first_kept=4)
    record = await read(tmp_path, first, rest)
    assert record.named_losses == 2
    assert record.devices[PRINTER.device].losses == [Interval(BOOTED, BOOTED + 90 * MINUTE)]


async def test_an_event_that_nobody_understands_is_no_obstacle(tmp_path: Path) -> None:
    """It is set aside, and is an event all the same."""
    record = await read(tmp_path, History().add_bad().add(ended()).batch())
    assert record.events == 2
    assert len(record.devices[PRINTER.device].sessions) == 1
