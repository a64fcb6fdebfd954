"""What an agent sends while it is connected: status, and events until acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.link import LinkLost
from agents.outbox import Outbox, Verdict
from agents.sending import FIRST_RESEND, HEARTBEAT, LAST_RESEND, WINDOW, send_events, send_status
from mqtt_schemas.base import DeviceLink, DeviceState, utc_from_ms
from mqtt_schemas.canonical import chain
from mqtt_schemas.messages import Ack, AgentClock, OutboxState, Status
from mqtt_schemas.topics import Channel
from tests.agents.fakes import BOOT, FakeClock, FakeConnection, body
from tests.agents.virtual_time import virtual_time

LOG = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Sender:
    """`send_events` under way, and what an agent does to it."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.connection = FakeConnection()
        self.changed = asyncio.Event()

    @property
    def batches(self) -> list[list[int]]:
        """The seqs of each batch that was published."""
        return [each.seqs for each in self.connection.on(Channel.EVENTS)]

    @property
    def times(self) -> list[float]:
        """When each batch was published."""
        return [each.at for each in self.connection.on(Channel.EVENTS)]

    def commit(self, *numbers: int) -> None:
        """Append events and wake the sender."""
        self.outbox.commit([body(number) for number in numbers], {})
        self.changed.set()

    def acknowledge(self, seq: int) -> Verdict:
        """Take an acknowledgement and wake the sender."""
        told = chain(self.outbox.batch(seq - 1).events[0]) if seq else None
        verdict = self.outbox.acknowledge(Ack(log=self.outbox.log, seq=seq, chain=told))
        self.changed.set()
        return verdict


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Give a new outbox."""
    made = Outbox.open(tmp_path / "outbox.db", clock=FakeClock())
    yield made
    made.close()


@asynccontextmanager
async def sending(outbox: Outbox) -> AsyncIterator[Sender]:
    """Send from an outbox for as long as the block lasts."""
    sender = Sender(outbox)
    task = asyncio.create_task(send_events(sender.connection, outbox, sender.changed))
    try:
        await asyncio.sleep(0.01)
        yield sender
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


@virtual_time
async def test_an_event_goes_out_when_it_is_committed(outbox: Outbox) -> None:
    """At once, with QoS 1, not retained, oldest first."""
    async with sending(outbox) as sender:
        assert sender.batches == []
        await asyncio.sleep(100)
        sender.commit(1, 2)
        await asyncio.sleep(0.01)
        assert sender.batches == [[1, 2]]
        (published,) = sender.connection.published
        assert (published.qos, published.retain) == (1, False)


@virtual_time
async def test_what_was_not_acknowledged_before_goes_out_first(outbox: Outbox) -> None:
    """A new connection begins after the last acknowledged event."""
    outbox.commit([body(number) for number in range(1, 6)], {})
    outbox.acknowledge(Ack(log=outbox.log, seq=2, chain=chain(outbox.batch(1).events[0])))
    async with sending(outbox) as sender:
        assert sender.batches == [[3, 4, 5]]


@virtual_time
async def test_nothing_is_sent_where_all_is_acknowledged(outbox: Outbox) -> None:
    """However long it takes."""
    async with sending(outbox) as sender:
        sender.commit(1)
        await asyncio.sleep(0.01)
        sender.acknowledge(1)
        await asyncio.sleep(86_400)
        assert sender.batches == [[1]]


@virtual_time
async def test_no_more_than_a_window_is_under_way(outbox: Outbox) -> None:
    """The next batch waits for an acknowledgement."""
    outbox.commit([body(number) for number in range(1, WINDOW + 121)], {})
    async with sending(outbox) as sender:
        assert sender.batches[-1][-1] == WINDOW
        sender.acknowledge(50)
        await asyncio.sleep(0.01)
        assert sender.batches[-1][-1] == WINDOW + 50
        sender.acknowledge(WINDOW)
        await asyncio.sleep(0.01)
        sent = [seq for batch in sender.batches for seq in batch]
        assert sent == list(range(1, WINDOW + 121))


@virtual_time
async def test_what_is_not_acknowledged_goes_out_again_ever_more_rarely(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker may have dropped or denied it though it said PUBACK; the log says so once."""
    async with sending(outbox) as sender:
        sender.commit(1)
        await asyncio.sleep(300)
        waits = [round(b - a) for a, b in zip(sender.times, sender.times[1:], strict=False)]
        assert waits == [5, 10, 20, 40, 60, 60, 60]
        assert waits[0] == FIRST_RESEND
        assert waits[-1] == LAST_RESEND
        assert set(map(tuple, sender.batches)) == {(1,)}
        assert len(caplog.records) == 1


@virtual_time
async def test_later_events_do_not_put_off_the_resending(outbox: Outbox) -> None:
    """Else a batch that was lost would wait for a pause in the use of the device."""
    async with sending(outbox) as sender:
        for number in range(1, 13):
            sender.commit(number)
            await asyncio.sleep(1)
        again = [each.at for each in sender.connection.published[1:] if each.seqs[0] == 1]
        assert again
        assert again[0] <= FIRST_RESEND + 1


@virtual_time
async def test_an_acknowledgement_brings_the_pace_back(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    """What still lacks one is sent again after the first wait; no sooner."""
    async with sending(outbox) as sender:
        sender.commit(1, 2)
        await asyncio.sleep(40)
        del sender.connection.published[:]
        sender.acknowledge(1)
        await asyncio.sleep(FIRST_RESEND - 0.1)
        assert sender.batches == []
        await asyncio.sleep(0.2)
        assert sender.batches == [[2]]
        assert caplog.records == []


@virtual_time
async def test_a_restored_orchestrator_gets_the_rest_at_once(outbox: Outbox) -> None:
    """A rewind does not wait for the next resending."""
    async with sending(outbox) as sender:
        sender.commit(1, 2, 3)
        await asyncio.sleep(0.01)
        sender.acknowledge(3)
        await asyncio.sleep(100)
        assert sender.acknowledge(1) is Verdict.REWOUND
        await asyncio.sleep(0.01)
        assert sender.batches == [[1, 2, 3], [2, 3]]


@virtual_time
async def test_a_rewind_below_what_is_kept_sends_each_event_once(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seqs decide where the next batch goes on, not how many were sent."""
    monkeypatch.setattr("agents.outbox.MOST_KEPT", 120)
    async with sending(outbox) as sender:
        for first in range(1, 201, 100):
            sender.commit(*range(first, first + 100))
            await asyncio.sleep(0.01)
            sender.acknowledge(first + 99)
        await asyncio.sleep(0.01)
        del sender.connection.published[:]
        outbox.acknowledge(Ack(log=outbox.log, seq=0, chain=None))
        sender.changed.set()
        await asyncio.sleep(0.01)
        assert [seq for batch in sender.batches for seq in batch] == list(range(81, 201))


@pytest.mark.parametrize("acknowledged", [0, 1])
@virtual_time
async def test_after_a_fork_the_new_log_is_sent_from_its_beginning(
    outbox: Outbox, acknowledged: int
) -> None:
    """Under its own name, at once, with all that is kept."""
    async with sending(outbox) as sender:
        sender.commit(1, 2, 3)
        await asyncio.sleep(0.01)
        sender.acknowledge(acknowledged)
        await asyncio.sleep(0.01)
        old = outbox.log
        outbox.acknowledge(Ack(log=old, seq=3, chain="0" * 64))
        sender.changed.set()
        await asyncio.sleep(0.01)
        newest = sender.connection.published[-1]
        assert newest.seqs == [1, 2, 3]
        assert outbox.log.encode() in newest.payload
        assert old.encode() not in newest.payload


@virtual_time
async def test_a_lost_connection_ends_the_sending(outbox: Outbox) -> None:
    """The link makes a new one, and begins after the last acknowledged event."""
    connection = FakeConnection()
    connection.gone = True
    outbox.commit([body(1)], {})
    with pytest.raises(LinkLost):
        await send_events(connection, outbox, asyncio.Event())


def status(connection: str) -> Status:
    """Return a status."""
    return Status(
        connection=connection,
        device_link=DeviceLink.CONNECTED,
        state=DeviceState.FREE,
        clock=AgentClock(
            wall=utc_from_ms(0), boot_id=BOOT, boot_ms=0, offset_ms=None, offset_age_ms=None
        ),
        outbox=OutboxState(log=LOG, first_kept=0, last=0, oldest_age_ms=None),
    )


@virtual_time
async def test_the_status_is_a_heartbeat_and_tells_each_change() -> None:
    """Now, every 15 s, and at once when something changed; retained, with this connection's id."""
    connection, changed = FakeConnection(), asyncio.Event()
    changed.set()  # by what happened before the connection: the first status tells it
    task = asyncio.create_task(send_status(connection, status, changed))
    await asyncio.sleep(2 * HEARTBEAT + 5)
    changed.set()
    await asyncio.sleep(HEARTBEAT + 1)
    task.cancel()
    await asyncio.wait([task])
    assert [each.at for each in connection.published] == [0, 15, 30, 35, 50]
    assert {(each.channel, each.qos, each.retain) for each in connection.published} == {
        (Channel.STATUS, 1, True)
    }
    assert all(connection.id.encode() in each.payload for each in connection.published)


@virtual_time
async def test_a_status_that_cant_be_sent_ends_the_connection() -> None:
    """The heartbeat is the check of whether the connection is alive."""
    connection = FakeConnection()
    connection.gone = True
    with pytest.raises(LinkLost):
        await send_status(connection, status, asyncio.Event())
