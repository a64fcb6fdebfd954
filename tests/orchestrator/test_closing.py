"""Closing what no device will end, with real parts, a real store and clocks that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_schemas.messages import Checkpoint, OutboxState
from mqtt_schemas.topics import Channel, device_topic
from orchestrator.closing import LISTENED_SECONDS, PAUSE_SECONDS
from orchestrator.domain.silence import Reason
from orchestrator.domain.usage import by_device, net
from orchestrator.ingest import Ingest
from orchestrator.places import DATABASE
from orchestrator.store.counters import CLOSED, Counted
from orchestrator.store.database import Database
from tests.orchestrator.fakes import status as heartbeat
from tests.orchestrator.histories import History, checkpoint, ended, log_id, started
from tests.orchestrator.parts import PRINTER, House, house

DAY = 86_400.0


class Desk:
    """A house with a printer, whose agent's history it plays."""

    def __init__(self, made: House) -> None:
        self.house = made
        self.parts = made.parts
        self.parts.bus.connected = True
        self.history = History(PRINTER)

    async def log(self, *bodies: object) -> None:
        """Have the printer log and send events."""
        self.history.add(*bodies)  # type: ignore[arg-type] # bodies of events
        ingest: Ingest = self.parts.ingest
        ingest.receive(device_topic(PRINTER, Channel.EVENTS), self.history.payload())
        await ingest._commit()

    def report(
        self,
        session: Checkpoint | None,
        *,
        outbox: OutboxState | None = None,
        problems: tuple[str, ...] = (),
        retained: bool = False,
    ) -> None:
        """Have the printer's agent send a heartbeat."""
        told = {"session": session, "outbox": outbox or self.history.outbox()}
        self.house.report(
            heartbeat().model_copy(update={**told, "problems": problems}), retained=retained
        )

    async def look(self, after: float = PAUSE_SECONDS) -> None:
        """Let time pass, and look."""
        self.house.clock.pass_by(after)
        await self.parts.closing.look()

    async def listen(self, seconds: float) -> None:
        """Look now, and again after so long."""
        await self.look(0)
        await self.look(seconds)

    def closed(self, reason: Reason) -> int:
        """Return how many sessions were closed so."""
        counted = Counted(CLOSED, reason, PRINTER.site, PRINTER.device)
        return self.parts.ingest.counts[counted]

    def counted(self) -> tuple[int, int]:
        """Return the printer's sessions and active milliseconds."""
        used = by_device(net(self.parts.ingest.totals), [PRINTER])[PRINTER]
        return used.sessions, used.active_ms


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a desk."""
    with house(tmp_path) as made:
        yield Desk(made)


async def test_a_machine_that_never_returns_is_closed_from_its_last_status(desk: Desk) -> None:
    """A day after its last heartbeat; the late end, once it comes, counts instead."""
    await desk.log(started("s1"))
    desk.report(checkpoint("s1", active=7000))
    await desk.look()
    await desk.look(DAY - PAUSE_SECONDS - 1)
    assert desk.closed(Reason.SILENCE) == 0
    await desk.look(PAUSE_SECONDS)
    assert desk.closed(Reason.SILENCE) == 1
    assert desk.counted() == (1, 7000)
    await desk.look()
    await desk.log(ended("s1", active=9000))
    assert desk.counted() == (1, 9000)
    assert desk.closed(Reason.SILENCE) == 1


async def test_what_was_heard_outlives_us_and_the_broker(desk: Desk, tmp_path: Path) -> None:
    """The next process knows the last checkpoint and when it came, with nothing retained."""
    await desk.log(started("s1"))
    desk.report(checkpoint("s1", active=7000))
    await desk.look()
    desk.house.database.close()
    database = Database.open(tmp_path / "state" / DATABASE)
    again = Desk(House(desk.house.config, database))
    again.house.clock.pass_by(DAY)
    await again.parts.ingest.load()
    await again.parts.closing.load()
    await again.listen(LISTENED_SECONDS)
    assert again.counted() == (1, 7000)
    database.close()


async def test_while_nobody_listens_nobody_is_silent(desk: Desk) -> None:
    """After days of our own absence, or the broker's, the devices first get time to return."""
    await desk.log(started("s1"))
    desk.report(checkpoint("s1", active=7000))
    await desk.look()
    desk.parts.bus.connected = False
    await desk.look(3 * DAY)
    desk.parts.bus.connected = True
    await desk.listen(LISTENED_SECONDS - 1)
    desk.report(checkpoint("s1", active=8000))
    await desk.look()
    assert desk.closed(Reason.SILENCE) == 0


async def test_a_retained_status_is_no_sign_of_life(desk: Desk) -> None:
    """But its checkpoint may be newer than what we had kept."""
    await desk.log(started("s1"))
    await desk.look()
    desk.report(checkpoint("s1", active=8000), retained=True)
    await desk.listen(DAY)
    assert desk.counted() == (1, 8000)


async def test_a_session_of_which_its_device_knows_nothing_is_closed(desk: Desk) -> None:
    """Its outbox was set aside, and a new log begun, with nothing in it yet."""
    await desk.log(started("s1"))
    desk.report(checkpoint("s1", active=7000))
    await desk.look()
    empty = OutboxState(log=log_id(2), first_kept=0, last=0, oldest_age_ms=None)
    desk.report(None, outbox=empty)
    await desk.parts.ingest._commit()
    await desk.look()
    assert desk.closed(Reason.UNTOLD) == 0
    desk.report(None, outbox=empty)
    await desk.look()
    assert desk.closed(Reason.UNTOLD) == 1
    assert desk.counted() == (1, 7000)


@pytest.mark.parametrize(
    ("age_ms", "problems"), [(100, ()), (None, ("outbox_unwritable",))], ids=["sent", "unwritten"]
)
async def test_an_end_that_is_still_to_come_is_waited_for(
    desk: Desk, age_ms: int | None, problems: tuple[str, ...]
) -> None:
    """On its way to us, or to the agent's disk."""
    await desk.log(started("s1"))
    for _ in range(3):
        desk.report(None, outbox=desk.history.outbox(age_ms=age_ms), problems=problems)
        await desk.look()
    assert desk.closed(Reason.UNTOLD) == 0


async def test_a_session_that_goes_on_is_left_alone(desk: Desk) -> None:
    """However long."""
    await desk.log(started("s1"))
    for hour in range(0, 50, 5):
        desk.report(checkpoint("s1", active=hour * 3_600_000))
        await desk.look(5 * 3600)
        desk.report(checkpoint("s1", active=hour * 3_600_000))
        await desk.look(0)
    assert desk.counted() == (0, 0)


async def test_with_nothing_open_nothing_is_written(desk: Desk) -> None:
    """A server at rest leaves its disk at rest."""
    await desk.log(started("s1"), ended("s1"))
    desk.report(None)
    before = desk.house.database.latencies.count
    await desk.look()
    assert desk.house.database.latencies.count == before
