"""From the bus to the twin or the store, and the acknowledgement back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas import codec
from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import encode
from mqtt_schemas.messages import Ack, OutboxState, Presence, TimeAnswer, TimeRequest
from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic
from orchestrator import ingest as module
from orchestrator import refusals
from orchestrator.backlog import MOST_TOGETHER
from orchestrator.domain.usage import by_device, without_hours
from orchestrator.ingest import Ingest
from orchestrator.store import counters, refused, totals
from orchestrator.store.counters import EVENTS, REFUSED, by_result
from orchestrator.store.database import Database
from orchestrator.twins import Twins
from tests.orchestrator.histories import (
    DEVICES,
    MINUTE,
    MORNING,
    PRINTER,
    STATION,
    Clock,
    History,
    checkpoint,
    connection_id,
    ended,
    link,
    log_id,
    started,
    status,
)
from tests.orchestrator.outbound import Message, Sent

HELSINKI = ZoneInfo("Europe/Helsinki")
STATUS = device_topic(PRINTER, Channel.STATUS)
LINK = device_topic(PRINTER, Channel.LINK)
TIME = device_topic(PRINTER, Channel.TIME_REQUEST)
EVENTS_TOPIC = device_topic(PRINTER, Channel.EVENTS)


class Setting:
    """An ingest over a real database, with what it publishes and tells."""

    def __init__(self, database: Database, before: Callable[[], None] = lambda: None) -> None:
        self.database = database
        self.clock = Clock()
        self.sent = Sent(before)
        self.twins = Twins(DEVICES)
        self.told: list[Address] = []
        self.ingest = Ingest(
            database=database,
            twins=self.twins,
            devices=DEVICES,
            publish=self.sent.publish,
            wall_ms=self.clock.wall_ms,
            monotonic=self.clock.monotonic,
            on_status=self.told.append,
            zone=HELSINKI,
        )

    def send(self, history: History, first: int = 1, last: int | None = None) -> None:
        """Send events of a history."""
        self.ingest.receive(history.topic, history.payload(first, last))

    def report(self, outbox: OutboxState | None = None, **rest: object) -> None:
        """Send the printer's heartbeat."""
        message = status(outbox=outbox, **rest)  # type: ignore[arg-type]  # fields of Status
        self.ingest.receive(STATUS, encode(message))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it meanwhile."""
        task = asyncio.ensure_future(self.ingest.run())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    async def ack(self) -> Ack:
        """Wait for the next acknowledgement."""
        return _ack(await self.sent.next())

    async def sessions(self) -> int:
        """Return how many sessions of the printer are counted."""
        return by_device(await self.database.read(totals.read), DEVICES)[PRINTER].sessions

    async def counted(self, what: str = EVENTS) -> dict[str, int]:
        """Return the counters as they are committed."""
        return by_result(await self.database.read(counters.read), what)


@pytest.fixture
def setting(database: Database) -> Setting:
    """Return an ingest that is not running yet."""
    return Setting(database)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(refusals, "PAUSE_SECONDS", 0.01)


def _ack(message: Message) -> Ack:
    ack = codec.decode(message.topic, message.payload).message
    assert isinstance(ack, Ack)
    return ack


def _history(sessions: int = 2, address: Address = PRINTER) -> History:
    history = History(address)
    for number in range(sessions):
        history.add(started(f"s{number}"), ended(f"s{number}"))
    return history


async def test_a_status_is_applied_at_once(setting: Setting) -> None:
    """Without the store, and whoever waits for it is told."""
    setting.ingest.receive(LINK, encode(link()))
    setting.report()
    twin = setting.twins.of(PRINTER)
    assert (twin.status, twin.link, twin.heard) == (status(), link(), MORNING / 1000)
    assert setting.told == [PRINTER]


async def test_a_retained_status_is_told_but_no_sign_of_life(setting: Setting) -> None:
    """Dispatch looks at what is in force; alive the device is not."""
    setting.ingest.receive(STATUS, encode(status()), retained=True)
    assert not setting.twins.of(PRINTER).online(setting.clock.monotonic())
    assert setting.told == [PRINTER]


async def test_a_second_agents_status_is_not_told(setting: Setting) -> None:
    """Nothing follows from it but a count."""
    setting.report()
    setting.report(connection=2)
    assert setting.told == [PRINTER]
    assert setting.twins.of(PRINTER).conflicts == 1


async def test_deleted_retained_messages_are_forgotten(setting: Setting) -> None:
    """An empty payload on these channels means that."""
    setting.ingest.receive(LINK, encode(link()))
    setting.report()
    setting.ingest.receive(STATUS, b"", retained=True)
    setting.ingest.receive(LINK, b"", retained=True)
    assert (setting.twins.of(PRINTER).status, setting.twins.of(PRINTER).link) == (None, None)


async def test_events_are_acknowledged_once_they_are_committed(database: Database) -> None:
    """When an acknowledgement goes out, another process finds the events on disk."""
    found: list[int] = []

    def look() -> None:
        with sqlite3.connect(database.path) as outside:
            found.append(outside.execute("SELECT count(*) FROM events").fetchone()[0])
        outside.close()

    setting = Setting(database, before=look)
    history = _history()
    async with setting.running():
        setting.send(history, 1, 3)
        assert await setting.ack() == Ack(
            log=history.log,
            seq=3,
            chain=history.copy(3).tip,
            database=setting.database.name,
        )
        setting.send(history, 4)
        assert (await setting.ack()).seq == 4
    assert found == [3, 4]
    assert await setting.sessions() == 2


async def test_what_arrives_together_is_committed_together(setting: Setting) -> None:
    """Many devices' batches in one transaction, one acknowledgement for each log."""
    printer, station = _history(), _history(address=STATION)
    for seq in range(1, 5):
        setting.send(printer, seq, seq)
        setting.send(station, seq, seq)
    before = setting.database.latencies.count
    async with setting.running():
        messages = [await setting.sent.next(), await setting.sent.next()]
    assert setting.database.latencies.count == before + 1
    assert {message.topic: _ack(message).seq for message in messages} == {
        "laitevuoro/v1/main/printer-1/down/ack": 4,
        "laitevuoro/v1/main/vr-1/down/ack": 4,
    }
    assert setting.sent.empty()


async def test_a_failed_commit_acknowledges_nothing_and_heals(setting: Setting) -> None:
    """Disk full: health is red, the device keeps its events, and all is well when there is room."""
    history = _history(20)
    async with setting.running():
        setting.send(history, 1, 1)
        await setting.ack()
        await _allow_pages(setting.database, 1)
        setting.send(history, 2)
        await _until(lambda: not setting.database.healthy)
        assert setting.sent.empty()
        await _allow_pages(setting.database, 1_000_000)
        await _until(lambda: setting.database.healthy)
        assert setting.sent.empty(), "what was not kept is not acknowledged later either"
        setting.send(history, 2)
        assert (await setting.ack()).seq == 40
    assert await setting.sessions() == 20
    assert (await setting.counted("commits"))["failed"] >= 1
    assert await setting.counted() == {"accepted": 40}


async def test_a_lost_acknowledgement_makes_a_repetition(tmp_path: Path) -> None:
    """The orchestrator stops between commit and acknowledgement; another one takes up its work."""
    history = _history()
    first = Database.open(tmp_path / "laitevuoro.db")
    setting = Setting(first)
    async with setting.running():
        setting.send(history)
        await setting.ack()
    first.close()
    second = Database.open(tmp_path / "laitevuoro.db")
    setting = Setting(second)
    async with setting.running():
        setting.send(history)
        assert (await setting.ack()).seq == 4
        assert by_device(setting.ingest.totals)[PRINTER].sessions == 2
        assert by_result(setting.ingest.counts, EVENTS) == {"accepted": 4, "duplicate": 4}
    assert await setting.sessions() == 2
    second.close()


_KILLED = """
import asyncio, os, pathlib, signal, sys
from tests.orchestrator.test_ingest import Setting, _history
from orchestrator.store.database import Database

async def main():
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
    setting = Setting(Database.open(pathlib.Path(sys.argv[1])), before=kill)
    setting.send(_history())
    await setting.ingest.run()

asyncio.run(main())
"""


async def test_a_kill_between_commit_and_acknowledgement_counts_once(tmp_path: Path) -> None:
    """Kill -9 in the very moment: the events are there, and their repetition is one."""
    path = tmp_path / "laitevuoro.db"
    root = Path(__file__).parents[2]
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, path, cwd=root)
    await killed.wait()
    assert killed.returncode == -signal.SIGKILL
    database = Database.open(path)
    setting = Setting(database)
    assert await setting.sessions() == 2
    async with setting.running():
        setting.send(_history())
        assert (await setting.ack()).seq == 4
    assert await setting.sessions() == 2
    assert await setting.counted() == {"accepted": 4, "duplicate": 4}
    database.close()


async def test_what_waits_at_the_end_is_committed(setting: Setting) -> None:
    """A graceful stop loses no event that had arrived, and no refusal."""
    async with setting.running():
        await asyncio.sleep(0.05)
        setting.send(_history())
        setting.ingest.receive(STATUS, b"{")
    assert await setting.sessions() == 2
    assert await setting.counted(REFUSED) == {"not_json": 1}


async def test_a_long_backlog_is_committed_at_the_end_too(setting: Setting) -> None:
    """Also what takes more than one transaction."""
    history = _history(50)
    async with setting.running():
        await asyncio.sleep(0.05)
        for _ in range(MOST_TOGETHER // len(history.payload(1, 50)) + 1):
            setting.send(history, 1, 50)
        setting.send(history, 51)
    assert await setting.sessions() == 50


async def test_the_copies_in_memory_are_those_of_the_database(setting: Setting) -> None:
    """Totals and counters, after commits as after a start."""
    history = _history().add(started("x")).add_bad()
    async with setting.running():
        setting.send(history, 1, 3)
        await setting.ack()
        setting.send(history, 2)
        await setting.ack()
    assert setting.ingest.totals == without_hours(await setting.database.read(totals.read))
    assert setting.ingest.counts == await setting.database.read(counters.read)


@pytest.mark.parametrize(
    ("topic", "payload", "fault", "sentence"),
    [
        (STATUS, b"{", "not_json", "Invalid JSON"),
        (STATUS, b"\xff", "not_json", "Invalid JSON"),
        (STATUS, b"[]", "invalid", "payload:"),
        (STATUS, b'{"v":2}', "version", "v:"),
        (EVENTS_TOPIC, b'{"v":1,"log":"x","events":[]}', "invalid", "log:"),
        (EVENTS_TOPIC, b"", "not_json", "empty"),
        (STATUS, b" " * (codec.MAX_PAYLOAD + 1), "oversized", "bytes are more than"),
        ("laitevuoro/v1/main/unknown/up/status", encode(status()), "foreign", "configuration"),
        ("laitevuoro/v1/elsewhere/printer-1/up/link", encode(link()), "foreign", "configuration"),
        ("laitevuoro/v1/main/printer-1/up/gossip", b"{}", "topic", "no channel"),
        ("somewhere/else", b"{}", "topic", "not under"),
        (
            device_topic(PRINTER, Channel.ACK),
            encode(Ack(log=log_id(1), seq=0, chain=None)),
            "topic",
            "do not publish",
        ),
    ],
)
async def test_what_is_no_message_is_refused_and_blocks_nobody(
    setting: Setting, topic: str, payload: bytes, fault: str, sentence: str
) -> None:
    """Recorded with its reason and counted; the next message is taken as ever."""
    async with setting.running():
        setting.ingest.receive(topic, payload)
        setting.send(_history())
        assert (await setting.ack()).seq == 4
    assert await setting.counted(REFUSED) == {fault: 1}
    (row,) = await setting.database.read(refused.newest)
    assert (row.topic, row.fault, row.size) == (topic, fault, len(payload))
    assert sentence in row.reason


async def test_a_foreign_device_is_counted_under_no_name(setting: Setting) -> None:
    """Its name could be anything, and as many as it likes."""
    async with setting.running():
        for number in range(50):
            setting.ingest.receive(f"laitevuoro/v1/main/x{number}/up/status", encode(status()))
        setting.ingest.receive(STATUS, b"{")
    named = {(each.site, each.device) for each in setting.ingest.counts}
    assert named == {("", ""), ("main", "printer-1")}


async def test_an_event_without_a_place_spoils_only_itself(setting: Setting) -> None:
    """It can take no seq, so it is refused; the others of its batch are taken."""
    history = _history(1)
    payload = codec.batch_bytes(
        history.log, [history.events[0], b'{"type":"ended"}', history.events[1]]
    )
    async with setting.running():
        setting.ingest.receive(EVENTS_TOPIC, payload)
        assert (await setting.ack()).seq == 2
    assert await setting.counted(REFUSED) == {"invalid": 1}
    assert await setting.sessions() == 1


async def test_one_device_s_trouble_in_the_store_is_not_the_others(setting: Setting) -> None:
    """Where our own rules break on its events, the others' are committed without them."""
    await setting.database.write(
        lambda rows: rows.execute(
            """CREATE TRIGGER trouble BEFORE INSERT ON logs WHEN new.device = 'vr-1'
               BEGIN SELECT RAISE (ABORT, 'trouble'); END"""
        )
    )
    setting.send(_history(address=STATION))
    setting.send(_history())
    async with setting.running():
        message = await setting.sent.next()
    assert message.topic == "laitevuoro/v1/main/printer-1/down/ack"
    assert setting.sent.empty()
    assert setting.database.healthy


async def test_what_does_not_fit_is_dropped_and_sent_again(setting: Setting) -> None:
    """A device that floods is held up, not the memory; its events are counted in the end."""
    history = _history()
    size = len(history.payload())
    flood = 2 * 1024 * 1024 // size + 10
    for _ in range(flood):
        setting.send(history)
    async with setting.running():
        while (await setting.ack()).seq != 4:
            pass
    assert (await setting.counted())["dropped"] == 4 * 10
    assert await setting.sessions() == 2


async def test_a_restored_orchestrator_asks_for_what_it_lost(setting: Setting) -> None:
    """The device waits for nothing, yet has more than is committed: it is told where to go on."""
    history = _history()
    async with setting.running():
        setting.send(history, 1, 2)
        await setting.ack()
        setting.report(history.outbox())
        assert (await setting.ack()).seq == 2
        setting.send(history, 3)
        assert (await setting.ack()).seq == 4
        setting.report(history.outbox())
        await setting.database.read(lambda _: None)
        assert setting.sent.empty(), "now they agree"


async def test_an_unknown_log_is_asked_for_from_its_begin(setting: Setting) -> None:
    """The database began anew."""
    history = _history()
    async with setting.running():
        setting.report(history.outbox())
        assert await setting.ack() == Ack(
            log=history.log, seq=0, chain=None, database=setting.database.name
        )


async def test_what_is_on_its_way_is_not_asked_for(setting: Setting) -> None:
    """A status that overtakes its event is no disagreement; one that waits for 5 s is."""
    history = _history()
    async with setting.running():
        setting.send(history)
        assert (await setting.ack()).seq == 4
        more = history.copy(4).add(started("z"))
        setting.report(more.outbox(age_ms=200))
        setting.ingest.receive(TIME, encode(TimeRequest(nonce=connection_id(5))))
        await setting.sent.next()
        await setting.database.settle()
        assert setting.sent.empty()
        setting.report(more.outbox(age_ms=5001))
        assert (await setting.ack()).seq == 4


async def test_a_rolled_back_outbox_is_told(setting: Setting) -> None:
    """It has less than is committed: the acknowledgement lets it see that it forked."""
    history = _history()
    async with setting.running():
        setting.send(history)
        await setting.ack()
        setting.report(history.copy(2).outbox())
        assert (await setting.ack()).seq == 4


async def test_intake_goes_on_after_a_loss(setting: Setting) -> None:
    """The status says what the device still keeps; what is missing before it is named."""
    history = _history(3)
    async with setting.running():
        setting.report(history.outbox(first_kept=3))
        assert (await setting.ack()).seq == 0
        setting.send(history, 3)
        assert (await setting.ack()).seq == 6
    assert await setting.counted() == {"accepted": 4, "loss": 2}


async def test_another_logs_status_says_nothing_of_this_one(setting: Setting) -> None:
    """What a new log keeps first is no loss in the old one."""
    history = _history(3)
    async with setting.running():
        setting.report(OutboxState(log=log_id(9), first_kept=3, last=3, oldest_age_ms=0))
        setting.send(history, 3)
        assert (await setting.ack()).seq == 0
    assert await setting.counted() == {"gap": 4}


async def test_a_machine_that_comes_back_without_its_log_is_closed_from_its_status(
    setting: Setting,
) -> None:
    """The last checkpoint that was seen is what is known of the open session."""
    async with setting.running():
        setting.send(History().add(started("s1")))
        await setting.ack()
        setting.report(session=checkpoint("s1", active=3 * MINUTE))
        new = History(log=log_id(2)).add(started("s2"))
        setting.report(new.outbox())
        setting.send(new)
        await setting.ack()
    usage = by_device(setting.ingest.totals)[PRINTER]
    assert (usage.sessions, usage.active_ms) == (1, 3 * MINUTE)


async def test_the_time_is_told_at_once(setting: Setting) -> None:
    """Without waiting for the store."""
    async with setting.running():
        setting.ingest.receive(TIME, encode(TimeRequest(nonce=connection_id(5))))
        message = await setting.sent.next()
    now = utc_from_ms(MORNING)
    answer = codec.decode(message.topic, message.payload).message
    assert answer == TimeAnswer(nonce=connection_id(5), received=now, sent=now)


async def test_an_orchestrators_presence_is_left_to_the_bus(setting: Setting) -> None:
    """It is nothing of a device."""
    presence = Presence(state="online", at=utc_from_ms(MORNING))
    async with setting.running():
        setting.ingest.receive(instance_topic(Instance("main")), encode(presence), retained=True)
    assert await setting.counted(REFUSED) == {}


async def _allow_pages(database: Database, pages: int) -> None:
    """Let the file grow to so many pages; where it has more, no further."""
    await database.write(lambda rows: rows.execute(f"PRAGMA max_page_count = {pages}").fetchone())


async def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - health is a flag of another thread
            await asyncio.sleep(0.005)
