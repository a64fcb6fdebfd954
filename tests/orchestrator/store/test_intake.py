"""Taking events in: exactly once, in sequence, with everything that follows from them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.canonical import chain
from mqtt_schemas.messages import Ack
from orchestrator.domain.sessions import SessionState
from orchestrator.domain.usage import Totals, by_device, net
from orchestrator.store import counters, sessions, totals
from orchestrator.store.counters import EVENTS, by_result
from orchestrator.store.intake import Batch, Question, Taken, take_in
from tests.orchestrator.histories import (
    MINUTE,
    MORNING,
    PRINTER,
    STATION,
    History,
    checkpoint,
    ended,
    group_set,
    log_id,
    started,
)
from tests.orchestrator.store.tables import empty_tables

HELSINKI = ZoneInfo("Europe/Helsinki")


class Store:
    """A database in memory, and what intake makes of it."""

    def __init__(self) -> None:
        self.rows = empty_tables()

    def take(self, *batches: Batch, questions: tuple[Question, ...] = ()) -> Taken:
        """Take batches in, in one transaction."""
        self.rows.execute("BEGIN")
        taken = take_in(
            self.rows, batches=batches, questions=questions, now_ms=MORNING, zone=HELSINKI
        )
        self.rows.execute("COMMIT")
        return taken

    def totals(self) -> Totals:
        """Return what counts."""
        return net(totals.read(self.rows))

    def counted(self) -> Counter[str]:
        """Return what became of events."""
        return by_result(counters.read(self.rows), EVENTS)

    def raw(self) -> list[str]:
        """Return the event log."""
        return [row[0] for row in self.rows.execute("SELECT raw FROM events ORDER BY id")]


@pytest.fixture
def store() -> Iterator[Store]:
    """Return an empty store."""
    store = Store()
    yield store
    store.rows.close()


def _history(sessions_: int = 2) -> History:
    history = History()
    for number in range(sessions_):
        history.add(started(f"s{number}"), ended(f"s{number}", group="lapset"))
    return history


def _ack(taken: Taken, history: History) -> Ack:
    return _ours(taken.acks[history.address, history.log])


def _ours(ack: Ack) -> Ack:
    """Return an acknowledgement without the random name of the test's database."""
    assert ack.database is not None
    return ack.model_copy(update={"database": None})


def test_events_in_sequence_are_committed_counted_and_acknowledged(store: Store) -> None:
    """The acknowledgement names the newest one and its chain value; the bytes are kept."""
    history = _history()
    taken = store.take(history.batch())
    assert _ack(taken, history) == Ack(log=history.log, seq=4, chain=history.tip)
    assert store.raw() == [event.decode() for event in history.events]
    assert by_device(store.totals())[PRINTER].sessions == 2
    assert store.counted() == {"accepted": 4}
    assert taken.totals == totals.read(store.rows)
    assert taken.tips == {PRINTER: (history.log, 4)}


def test_repetitions_are_acknowledged_and_not_counted(store: Store) -> None:
    """In another transaction, in the same one, and in one batch with new events."""
    history = _history()
    store.take(history.batch(1, 2), history.batch(1, 3))
    taken = store.take(history.batch(2, 4))
    assert _ack(taken, history).seq == 4
    assert by_device(store.totals())[PRINTER].sessions == 2
    assert store.counted() == {"accepted": 4, "duplicate": 4}


def test_a_gap_is_not_accepted(store: Store) -> None:
    """The acknowledgement repeats the high water, from where the sender goes on."""
    history = _history()
    store.take(history.batch(1, 1))
    taken = store.take(history.batch(3, 4))
    assert _ack(taken, history) == Ack(log=history.log, seq=1, chain=chain(history.events[0]))
    assert store.counted() == {"accepted": 1, "gap": 2}
    assert len(store.raw()) == 1


def test_a_gap_at_the_begin_of_a_log_leaves_nothing_behind(store: Store) -> None:
    """A log of which nothing is accepted is no log, and opens no new one for its device."""
    history = _history()
    taken = store.take(history.batch(2, 4))
    assert _ack(taken, history) == Ack(log=history.log, seq=0, chain=None)
    assert store.rows.execute("SELECT count(*) FROM logs").fetchone() == (0,)


def test_a_fork_is_recorded_and_not_counted(store: Store) -> None:
    """A copy of the disk goes on by itself: its events have taken seqs, or a foreign prev."""
    history = _history()
    copy = history.copy(2).add(started("x"), ended("x"), started("y"))
    store.take(history.batch())
    for _ in range(2):
        taken = store.take(copy.batch(3, 5))
        assert _ack(taken, history) == Ack(log=history.log, seq=4, chain=history.tip)
    taken = store.take(copy.batch(5, 5))
    assert _ack(taken, history).seq == 4
    assert by_device(store.totals())[PRINTER].sessions == 2
    assert store.counted() == {"accepted": 4, "fork": 7}
    assert store.rows.execute("SELECT device, seq, chain FROM forks ORDER BY seq").fetchall() == [
        ("printer-1", 3, chain(copy.events[2])),
        ("printer-1", 5, chain(copy.events[4])),
    ]


def test_a_fork_within_one_transaction_is_seen(store: Store) -> None:
    """What waits to be written is held against what follows as well."""
    history = _history(1)
    copy = history.copy(1).add(ended("s0", active=1))
    store.take(history.batch(), copy.batch(2))
    assert store.counted() == {"accepted": 2, "fork": 1}


def test_what_a_forked_device_logs_anew_is_counted_once(store: Store) -> None:
    """It does not know that we have had them: sessions are known by their ids."""
    history = _history()
    store.take(history.batch())
    anew = History(log=log_id(2)).add(ended("s1", group="lapset"), started("z"), ended("z"))
    store.take(anew.batch())
    assert by_device(store.totals())[PRINTER].sessions == 3
    assert by_device(store.totals())[PRINTER].active_ms == 3 * 20 * MINUTE


def test_a_bad_event_is_set_aside_and_blocks_nobody(store: Store) -> None:
    """It takes its seq, with its bytes and the reason; what follows is counted."""
    history = History().add(started("s0")).add_bad().add(ended("s0"))
    taken = store.take(history.batch())
    assert _ack(taken, history).seq == 3
    assert store.counted() == {"accepted": 2, "set_aside": 1}
    rows = store.rows.execute("SELECT seq, raw, reason FROM events WHERE reason IS NOT NULL")
    assert rows.fetchall() == [
        (2, history.events[1].decode(), "type: no such event in this version")
    ]
    assert by_device(store.totals())[PRINTER].sessions == 1


def test_an_event_that_can_not_be_true_is_set_aside(store: Store) -> None:
    """A session of a thousand years is in no total."""
    store.take(History().add(ended(active=2**53 - 1)).batch())
    assert store.counted() == {"set_aside": 1}
    assert store.totals() == {}


def test_what_a_device_no_longer_has_is_a_named_loss(store: Store) -> None:
    """Intake goes on from the oldest event it keeps; the missing ones are named."""
    history = _history(4)
    store.take(history.batch(1, 2))
    taken = store.take(history.batch(5, 8, first_kept=5))
    assert _ack(taken, history).seq == 8
    assert store.counted() == {"accepted": 6, "loss": 2}
    losses = store.rows.execute("SELECT from_seq, to_seq, noticed_ms FROM losses").fetchall()
    assert losses == [(3, 4, MORNING)]
    assert by_device(store.totals())[PRINTER].sessions == 3


def test_a_database_that_begins_anew_loses_what_devices_no_longer_have(store: Store) -> None:
    """A log that is not known can begin with a loss as well."""
    history = _history()
    store.take(history.batch(3, 4, first_kept=3))
    assert store.rows.execute("SELECT from_seq, to_seq FROM losses").fetchall() == [(1, 2)]
    assert by_device(store.totals())[PRINTER].sessions == 1


def test_a_new_log_closes_what_the_old_one_left_open(store: Store) -> None:
    """With outcome unknown, at the last checkpoint that was seen, before anything new."""
    store.take(History().add(started("s1", group="lapset")).batch())
    new = History(log=log_id(2)).add(started("s2"), ended("s2"))
    store.take(new.batch(checkpoint=checkpoint("s1", active=3 * MINUTE)))
    closed = sessions.load(store.rows, PRINTER, "s1")
    assert closed is not None
    assert (closed.state, closed.outcome) == (SessionState.CLOSED, Outcome.UNKNOWN)
    assert closed.active_ms == 3 * MINUTE
    usage = by_device(store.totals())[PRINTER]
    assert (usage.sessions, usage.active_ms) == (2, 23 * MINUTE)


def test_another_device_s_log_closes_nothing(store: Store) -> None:
    """Even one that carries the same UUID, from a cloned disk: logs belong to devices."""
    store.take(History().add(started("s1")).batch())
    store.take(History(STATION).add(started("s1"), ended("s1")).batch())
    open_session = sessions.load(store.rows, PRINTER, "s1")
    assert open_session is not None
    assert open_session.state is SessionState.OPEN
    assert by_device(store.totals())[STATION].sessions == 1


def test_a_loss_closes_what_was_open_and_the_end_that_comes_is_believed(store: Store) -> None:
    """Its end may have been lost; if not, the device's word replaces ours."""
    history = History().add(started("s1"), group_set("s1"), group_set("s1"), ended("s1"))
    store.take(history.batch(1, 1))
    store.take(history.batch(3, 3, first_kept=3))
    closed = sessions.load(store.rows, PRINTER, "s1")
    assert closed is not None
    assert closed.state is SessionState.CLOSED
    store.take(history.batch(4))
    usage = by_device(store.totals())[PRINTER]
    assert (usage.sessions, usage.active_ms) == (1, 20 * MINUTE)


def test_a_question_is_answered_with_the_high_water(store: Store) -> None:
    """Of a log that is known, and of one that is not."""
    history = _history()
    store.take(history.batch())
    asked = (Question(PRINTER, history.log), Question(STATION, log_id(9)))
    acks = store.take(questions=asked).acks
    assert _ours(acks[PRINTER, history.log]) == Ack(log=history.log, seq=4, chain=history.tip)
    assert _ours(acks[STATION, log_id(9)]) == Ack(log=log_id(9), seq=0, chain=None)


def test_a_question_in_the_same_transaction_is_answered_last(store: Store) -> None:
    """With what was just committed."""
    history = _history()
    taken = store.take(history.batch(), questions=(Question(PRINTER, history.log),))
    assert _ack(taken, history).seq == 4


def _mixed() -> History:
    return History().add(
        started("a", group="lapset"),
        started("b"),
        group_set("a", "nuoret", 3),
        ended("a", categories={"game": 5}),
        ended("b", basis=Basis.OUTSIDE),
        group_set("b", "lapset"),
        started("c", party=2),
        ended("c", outcome=Outcome.TURN_OVER),
    )


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_any_delivery_with_resends_counts_the_same(seed: int, deliveries: int) -> None:
    """Batches come cut, repeated, dropped and out of order; at last everything is resent."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable order, no secret
    history = _mixed()
    once, often = Store(), Store()
    once.take(history.batch())
    for _ in range(deliveries):
        first = chance.randint(1, 8)
        often.take(*[history.batch(first, chance.randint(first, 8))] * chance.randint(1, 2))
    often.take(history.batch())
    assert often.raw() == once.raw()
    assert totals.read(often.rows) == totals.read(once.rows)
    assert sessions.everything(often.rows) == sessions.everything(once.rows)
    for store in (once, often):
        store.rows.close()
