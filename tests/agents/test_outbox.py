"""The outbox: events on disk until they are acknowledged end to end. Real SQLite files."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agents.outbox import KEEP_MS, Outbox, OutboxBroken, OutboxUnwritable, Verdict
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import batch_bytes, decode, incoming
from mqtt_schemas.messages import MAX_EVENTS, Ack, Events
from mqtt_schemas.topics import Channel, device_topic
from tests.agents.fakes import ADDRESS, OTHER_BOOT, FakeClock, body
from tests.failing_writes import failing_writes

FOREIGN_LOG = "ffffffff-ffff-ffff-ffff-ffffffffffff"
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> FakeClock:
    """Give clocks that stand still."""
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of an outbox."""
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path, clock: FakeClock) -> Iterator[Outbox]:
    """Give a new outbox."""
    made = Outbox.open(path, clock=clock)
    yield made
    made.close()


def commit(outbox: Outbox, *numbers: int) -> None:
    """Append events that can be told apart by their number."""
    outbox.commit([body(number) for number in numbers], {"newest": str(numbers[-1:])})


def kept(outbox: Outbox) -> list[bytes]:
    """Return all kept events, read as the sender reads them."""
    raws: list[bytes] = []
    after = 0
    while (batch := outbox.batch(after)).events:
        assert len(batch.events) <= MAX_EVENTS
        raws += batch.events
        after = batch.last
    return raws


def numbers(raws: Sequence[bytes]) -> list[int]:
    """Return which events these are."""
    return [json.loads(raw)["seconds"] for raw in raws]


def ack(outbox: Outbox, seq: int) -> Ack:
    """Return an orchestrator's word that it has committed what the outbox has up to `seq`."""
    if seq == 0:
        return Ack(log=outbox.log, seq=0, chain=None)
    return Ack(log=outbox.log, seq=seq, chain=chain(outbox.batch(seq - 1).events[0]))


def cut(outbox_path: Path, target: Path) -> Path:
    """Return a copy of the files as a power cut would leave them now."""
    target.mkdir()
    for file in outbox_path.parent.glob(f"{outbox_path.name}*"):
        shutil.copy(file, target)
    return target / outbox_path.name


def limit(outbox: Outbox, pages: int | None) -> None:
    """Let the file grow by so many pages and no more, as a full disk would; None: at will."""
    (size,) = outbox._connection.execute("PRAGMA page_count").fetchone()
    most = 2**30 if pages is None else size + pages
    outbox._connection.execute(f"PRAGMA max_page_count = {most}")


# --- writing


def test_every_commit_is_synced(outbox: Outbox) -> None:
    """FULL (2): NORMAL lost committed rows at a power cut."""
    assert outbox._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_events_count_from_one_and_chain_to_the_log(outbox: Outbox) -> None:
    """`prev` of the first is the hash of the log, of each other that of the event before."""
    commit(outbox, 10, 20, 30)
    prev = first_link(outbox.log)
    for number, raw in enumerate(kept(outbox), 1):
        event = json.loads(raw)
        assert (event["seq"], event["prev"]) == (number, prev)
        prev = chain(raw)
    assert outbox.last == 3


def test_what_is_sent_is_what_was_stored_to_the_byte(outbox: Outbox) -> None:
    """The receiver computes the same chain values from the batch."""
    commit(outbox, *range(1, 4))
    payload = batch_bytes(outbox.log, outbox.batch(0).events)
    message = decode(device_topic(ADDRESS, Channel.EVENTS), payload).message
    assert isinstance(message, Events)
    assert [incoming(raw).raw for raw in message.events] == kept(outbox)


def test_a_batch_holds_fifty_events(outbox: Outbox) -> None:
    """And tells where the next one goes on."""
    commit(outbox, *range(1, 121))
    sizes, after = [], 0
    for _ in range(4):
        batch = outbox.batch(after)
        sizes.append((batch.last, len(batch.events)))
        after = batch.last
    assert sizes == [(50, 50), (100, 50), (120, 20), (120, 0)]


def test_state_is_kept_with_the_events(outbox: Outbox, path: Path, clock: FakeClock) -> None:
    """The newest of each key, after a restart too; None for what was never saved."""
    outbox.commit([body(1)], {"plan": "a", "saved": "b"})
    outbox.commit([], {"plan": "c"})
    log = outbox.log
    outbox.close()
    again = Outbox.open(path, clock=clock)
    assert (again.load("plan"), again.load("saved"), again.load("never")) == ("c", "b", None)
    assert (again.log, again.last) == (log, 1)
    again.close()


def test_a_full_disk_leaves_nothing_half_written(outbox: Outbox) -> None:
    """The commit fails as a whole; when there is room again the same commit goes through."""
    commit(outbox, 1)
    limit(outbox, 3)
    many = [body(number) for number in range(2, 200)]
    for _ in range(2):
        with pytest.raises(OutboxUnwritable, match=r"outbox\.db: database or disk is full"):
            outbox.commit(many, {"newest": "lost"})
    assert (outbox.last, numbers(kept(outbox)), outbox.load("newest")) == (1, [1], "(1,)")
    limit(outbox, None)
    outbox.commit(many, {"newest": "kept"})
    assert numbers(kept(outbox)) == list(range(1, 200))
    assert outbox.load("newest") == "kept"


def test_a_write_error_leaves_nothing_half_written(outbox: Outbox) -> None:
    """A failing disk is told as a full one is, and the same commit goes through afterwards."""
    commit(outbox, 1)
    many = [body(number) for number in range(2, 50)]
    with failing_writes(outbox.path), pytest.raises(OutboxUnwritable, match="disk I/O error"):
        outbox.commit(many, {"newest": "lost"})
    assert (outbox.last, numbers(kept(outbox)), outbox.load("newest")) == (1, [1], "(1,)")
    outbox.commit(many, {"newest": "kept"})
    assert numbers(kept(outbox)) == list(range(1, 50))


def test_an_acknowledgement_that_cant_be_written_is_not_taken(outbox: Outbox) -> None:
    """The fork as a whole, its new log included."""
    commit(outbox, *range(1, 300))
    log = outbox.log
    outbox._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(OutboxUnwritable):
        outbox.acknowledge(ack(outbox, 5))
    with pytest.raises(OutboxUnwritable):
        outbox.acknowledge(Ack(log=log, seq=500, chain="0" * 64))
    assert (outbox.log, outbox.acknowledged, outbox.last) == (log, 0, 299)
    outbox._connection.execute("PRAGMA query_only = OFF")
    assert numbers(kept(outbox)) == list(range(1, 300))


@settings(max_examples=30)
@given(share=st.floats(0, 1), commits=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_a_power_cut_leaves_a_whole_number_of_commits(share: float, commits: list[int]) -> None:
    """Wherever it tears the file that is being written, events and state still agree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        outbox = Outbox.open(path, clock=FakeClock())
        states: list[tuple[int, str | None]] = [(0, None)]
        for number, size in enumerate(commits):
            outbox.commit([body(number)] * size, {"commit": str(number)})
            states.append((outbox.last, str(number)))
        left = cut(path, Path(folder) / "cut")
        wal = left.with_name("outbox.db-wal")
        written = wal.read_bytes()
        wal.write_bytes(written[: round(len(written) * share)])
        outbox.close()
        again = Outbox.open(left, clock=FakeClock())
        assert (again.last, again.load("commit")) in states
        assert len(kept(again)) == again.last
        if share == 1:
            assert (again.last, again.load("commit")) == states[-1]
        again.close()


# --- acknowledging


def test_an_acknowledgement_advances(outbox: Outbox, path: Path, clock: FakeClock) -> None:
    """And holds after a restart; said again it changes nothing."""
    commit(outbox, 1, 2, 3)
    assert outbox.acknowledge(ack(outbox, 2)) is Verdict.ADVANCED
    assert outbox.acknowledge(ack(outbox, 2)) is Verdict.IGNORED
    outbox.close()
    again = Outbox.open(path, clock=clock)
    assert again.acknowledged == 2
    again.close()


def test_a_restored_orchestrator_gets_the_rest_again(outbox: Outbox) -> None:
    """Its lower acknowledgement rewinds, down to nothing at all."""
    commit(outbox, 1, 2, 3)
    outbox.acknowledge(ack(outbox, 3))
    assert outbox.acknowledge(ack(outbox, 1)) is Verdict.REWOUND
    assert outbox.acknowledged == 1
    assert outbox.acknowledge(ack(outbox, 0)) is Verdict.REWOUND
    assert numbers(outbox.batch(outbox.acknowledged).events) == [1, 2, 3]


def test_another_logs_acknowledgement_says_nothing(outbox: Outbox) -> None:
    """It is of a log from before a fork, or of the other of two clones."""
    commit(outbox, 1)
    for seq in (0, 1, 9):
        foreign = Ack(log=FOREIGN_LOG, seq=seq, chain="0" * 64)
        assert outbox.acknowledge(foreign) is Verdict.IGNORED


def test_an_acknowledgement_without_its_chain_says_nothing(outbox: Outbox) -> None:
    """The contract gives one with every seq but 0: it is no reason to suspect a clone."""
    commit(outbox, 1)
    assert outbox.acknowledge(Ack(log=outbox.log, seq=1, chain=None)) is Verdict.IGNORED
    assert outbox.acknowledged == 0


def test_a_cloned_disk_forks(outbox: Outbox, path: Path, tmp_path: Path, clock: FakeClock) -> None:
    """The second of two histories logs all that it keeps anew, bodies unchanged."""
    commit(outbox, 1, 2)
    outbox.acknowledge(ack(outbox, 1))
    clone = Outbox.open(cut(path, tmp_path / "clone"), clock=clock)
    commit(outbox, 3)
    commit(clone, 30, 40)
    log, before = clone.log, kept(clone)
    assert clone.acknowledge(ack(outbox, 2)) is Verdict.ADVANCED
    assert clone.acknowledge(ack(outbox, 3)) is Verdict.FORKED
    assert clone.log != log
    assert (clone.acknowledged, clone.last) == (0, 4)
    assert numbers(kept(clone)) == [1, 2, 30, 40]
    assert _bodies(kept(clone)) == _bodies(before)
    _assert_chained(clone)
    assert clone.acknowledge(ack(outbox, 3)) is Verdict.IGNORED
    clone.close()


def test_an_old_copy_of_the_file_forks(
    outbox: Outbox, path: Path, tmp_path: Path, clock: FakeClock
) -> None:
    """The orchestrator has more of its log than the copy ever had."""
    commit(outbox, 1, 2)
    outbox.acknowledge(ack(outbox, 2))
    restored = Outbox.open(cut(path, tmp_path / "restored"), clock=clock)
    commit(outbox, 3, 4)
    assert restored.acknowledge(ack(outbox, 4)) is Verdict.FORKED
    assert numbers(kept(restored)) == [1, 2]
    commit(restored, 5)
    _assert_chained(restored)
    restored.close()


def test_a_fork_keeps_what_was_acknowledged_under_the_old_name(
    outbox: Outbox, path: Path, tmp_path: Path, clock: FakeClock
) -> None:
    """An orchestrator that is restored afterwards asks for nothing by a name that has gone."""
    commit(outbox, 1, 2, 3)
    restored = Outbox.open(cut(path, tmp_path / "restored"), clock=clock)
    commit(outbox, 4)
    commit(restored, 40)
    assert restored.acknowledge(ack(outbox, 3)) is Verdict.ADVANCED
    assert restored.acknowledge(ack(outbox, 4)) is Verdict.FORKED
    assert numbers(restored.batch(0).events) == [1, 2, 3, 40]
    restored.close()


# --- keeping


def test_acknowledged_events_are_kept_for_a_backups_time(outbox: Outbox, clock: FakeClock) -> None:
    """8 days; then they are forgotten with the next acknowledgement, the newest never."""
    commit(outbox, 1, 2)
    clock.pass_(KEEP_MS - 1)
    commit(outbox, 3)
    outbox.acknowledge(ack(outbox, 2))
    assert numbers(kept(outbox)) == [1, 2, 3]
    clock.pass_(2)
    outbox.acknowledge(ack(outbox, 3))
    assert numbers(kept(outbox)) == [3]
    clock.pass_(2 * KEEP_MS)
    commit(outbox, 4)
    outbox.acknowledge(ack(outbox, 4))
    assert numbers(kept(outbox)) == [4]
    assert outbox.state().first_kept == 4


def test_an_acknowledgement_costs_the_same_however_much_is_kept(outbox: Outbox) -> None:
    """An agent keeps up to 100,000 events; it doesn't look at each of them each time."""

    def steps(seq: int) -> int:
        told, count = ack(outbox, seq), itertools.count()
        outbox._connection.set_progress_handler(lambda: next(count) < 0, 1)
        outbox.acknowledge(told)
        outbox._connection.set_progress_handler(None, 1)
        return next(count)

    commit(outbox, *range(1, 21))
    few = steps(10)
    commit(outbox, *range(21, 1001))
    outbox.acknowledge(ack(outbox, 900))
    assert steps(910) < 2 * few


def test_what_was_not_acknowledged_is_kept_for_ever(outbox: Outbox, clock: FakeClock) -> None:
    """However old it is."""
    commit(outbox, 1, 2, 3)
    clock.pass_(100 * DAY_MS)
    outbox.acknowledge(ack(outbox, 1))
    assert numbers(kept(outbox)) == [2, 3]


def test_a_wall_clock_that_ran_ahead_leaves_no_hole(outbox: Outbox, clock: FakeClock) -> None:
    """Events are forgotten from the oldest on; a hole would be taken for a loss."""
    commit(outbox, 1)
    clock.wall += 10 * 365 * DAY_MS
    commit(outbox, 2)
    clock.wall -= 10 * 365 * DAY_MS
    commit(outbox, 3, 4)
    clock.pass_(KEEP_MS + 1)
    outbox.acknowledge(ack(outbox, 4))
    assert numbers(kept(outbox)) == [2, 3, 4]


def test_what_is_kept_is_bounded(
    outbox: Outbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a wall clock that ran ahead for long does not fill the disk."""
    monkeypatch.setattr("agents.outbox.MOST_KEPT", 5)
    clock.wall += 10 * 365 * DAY_MS
    commit(outbox, *range(1, 21))
    outbox.acknowledge(ack(outbox, 20))
    assert numbers(kept(outbox)) == [16, 17, 18, 19, 20]


def test_a_rewind_below_what_is_kept_goes_on_from_the_oldest(
    outbox: Outbox, clock: FakeClock
) -> None:
    """The status tells which that is; the orchestrator names the loss."""
    commit(outbox, 1, 2)
    clock.pass_(KEEP_MS + 1)
    commit(outbox, 3, 4)
    outbox.acknowledge(ack(outbox, 4))
    assert outbox.acknowledge(Ack(log=outbox.log, seq=1, chain="0" * 64)) is Verdict.REWOUND
    batch = outbox.batch(outbox.acknowledged)
    assert (outbox.state().first_kept, numbers(batch.events), batch.last) == (3, [3, 4], 4)


# --- what the status tells


def test_the_oldest_events_age_is_of_boot_time(outbox: Outbox, clock: FakeClock) -> None:
    """A stepped wall clock does not age it; after another boot the wall clock is all there is."""
    assert outbox.state().oldest_age_ms is None
    commit(outbox, 1)
    clock.pass_(5000)
    clock.wall += DAY_MS
    assert outbox.state().oldest_age_ms == 5000
    clock.boot_id, clock.boot = OTHER_BOOT, 100
    clock.wall -= DAY_MS
    assert outbox.state().oldest_age_ms == 5000
    clock.wall -= DAY_MS
    assert outbox.state().oldest_age_ms == 0
    outbox.acknowledge(ack(outbox, 1))
    assert outbox.state().oldest_age_ms is None


# --- opening


def test_a_file_of_something_else_is_broken(path: Path, clock: FakeClock) -> None:
    """It is named, so that it can be set aside."""
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(OutboxBroken, match=r"outbox\.db"):
        Outbox.open(path, clock=clock)


def test_a_database_of_another_shape_is_broken(path: Path, clock: FakeClock) -> None:
    """An older or newer version's tables must not be half used."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE log (something TEXT)")
    other.close()
    with pytest.raises(OutboxBroken, match=r"outbox\.db"):
        Outbox.open(path, clock=clock)


def test_damaged_pages_are_seen_at_the_opening(path: Path, clock: FakeClock) -> None:
    """Before anything is counted from them."""
    outbox = Outbox.open(path, clock=clock)
    commit(outbox, *range(1, 500))
    outbox.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 5 * 4096] = b"\xa5" * (2 * 4096)
    path.write_bytes(content)
    with pytest.raises(OutboxBroken, match=r"outbox\.db"):
        Outbox.open(path, clock=clock)


@pytest.mark.parametrize("word", [b"boot_ms", b"sqlite_autoindex", b"value TEXT"])
def test_damage_in_a_name_is_seen_at_the_opening(path: Path, clock: FakeClock, word: bytes) -> None:
    """SQLite's own check looks at no names, and tells of some of them in broken UTF-8."""
    outbox = Outbox.open(path, clock=clock)
    commit(outbox, 1)
    outbox.close()
    content = path.read_bytes()
    assert word in content
    path.write_bytes(content.replace(word, bytes([word[0] ^ 0xFF]) + word[1:]))
    with pytest.raises(OutboxBroken, match=r"outbox\.db"):
        Outbox.open(path, clock=clock)


def test_damage_that_is_met_while_running_is_told(
    outbox: Outbox, path: Path, clock: FakeClock
) -> None:
    """As the same exception, for the same treatment: a new start that sets the file aside."""
    outbox._connection.execute("DROP TABLE event")
    with pytest.raises(OutboxBroken, match=r"outbox\.db"):
        outbox.state()


def test_a_second_agent_is_kept_out(outbox: Outbox, path: Path, clock: FakeClock) -> None:
    """Two would each count on from a tip of their own. It is no broken file."""
    commit(outbox, 1)
    with pytest.raises(OutboxUnwritable, match="locked"):
        Outbox.open(path, clock=clock)
    commit(outbox, 2)
    assert outbox.last == 2


def test_a_folder_that_is_not_there_is_no_broken_file(path: Path, clock: FakeClock) -> None:
    """Nothing is to be set aside; the sentence names the place."""
    with pytest.raises(OutboxUnwritable, match=r"nowhere/outbox\.db: unable to open"):
        Outbox.open(path.parent / "nowhere" / "outbox.db", clock=clock)


# --- against a model


def _bodies(raws: Sequence[bytes]) -> list[dict[str, object]]:
    place = {"seq": None, "prev": None}
    return [{**json.loads(raw), **place} for raw in raws]


def _assert_chained(outbox: Outbox) -> None:
    raws = kept(outbox)
    seqs = [json.loads(raw)["seq"] for raw in raws]
    assert seqs == list(range(outbox.last - len(raws) + 1, outbox.last + 1))
    prev = first_link(outbox.log) if seqs[:1] == [1] else None
    for raw in raws:
        assert prev is None or json.loads(raw)["prev"] == prev
        prev = chain(raw)


@dataclass
class Model:
    """What an outbox should hold: (seq, number, wall time of the commit) of each kept event."""

    events: list[tuple[int, int, int]] = field(default_factory=list)
    last: int = 0
    acknowledged: int = 0
    state: dict[str, str] = field(default_factory=dict)

    def commit(self, numbers: Sequence[int], wall_ms: int) -> None:
        """Append."""
        for number in numbers:
            self.last += 1
            self.events.append((self.last, number, wall_ms))

    def acknowledge(self, seq: int, wall_ms: int) -> None:
        """Move, and forget what is old, from the oldest on."""
        if seq == self.acknowledged:
            return
        self.acknowledged = seq
        while self.events:
            first, _, at = self.events[0]
            if first > seq or first == self.last or at >= wall_ms - KEEP_MS:
                break
            del self.events[0]

    def fork(self) -> None:
        """Count anew what is kept."""
        self.events = [(seq, *event[1:]) for seq, event in enumerate(self.events, 1)]
        self.last, self.acknowledged = len(self.events), 0


class OutboxMachine(RuleBasedStateMachine):
    """Any order of commits, acknowledgements, failures, cuts and forks."""

    @initialize()
    def begin(self) -> None:
        """Make an outbox."""
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "outbox.db"
        self.clock = FakeClock()
        self.outbox = Outbox.open(self.path, clock=self.clock)
        self.model = Model()
        self.count = 0
        self.full = False

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.outbox.close()
        shutil.rmtree(self.folder)

    @rule(size=st.integers(0, 60))
    def commit(self, size: int) -> None:
        """Commit, on a disk that may be full."""
        numbers = range(self.count, self.count + size)
        state = {"newest": str(self.count)}
        try:
            self.outbox.commit([body(number) for number in numbers], state)
        except OutboxUnwritable:
            assert self.full
            return
        self.count += size
        self.model.commit(numbers, self.clock.wall)
        self.model.state.update(state)

    @rule(pages=st.integers(0, 3))
    def fill_the_disk(self, pages: int) -> None:
        """Leave hardly any room."""
        limit(self.outbox, pages)
        self.full = True

    @rule()
    def make_room(self) -> None:
        """Leave room."""
        limit(self.outbox, None)
        self.full = False

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        """Take an acknowledgement of what the outbox has, forward or back."""
        seq = round(self.outbox.last * share)
        raws = self.outbox.batch(seq - 1).events if seq else []
        is_kept = bool(raws) and json.loads(raws[0])["seq"] == seq
        told = chain(raws[0]) if is_kept else "0" * 64
        before = self.model.acknowledged
        verdict = self.outbox.acknowledge(Ack(log=self.outbox.log, seq=seq, chain=told))
        assert verdict is (
            Verdict.IGNORED
            if seq == before
            else Verdict.ADVANCED
            if seq > before
            else Verdict.REWOUND
        )
        self.model.acknowledge(seq, self.clock.wall)

    @rule(beyond=st.booleans())
    def fork(self, beyond: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        """Take an acknowledgement of another history."""
        log = self.outbox.log
        seq = self.outbox.last + 1 if beyond else max(1, self.outbox.last)
        verdict = self.outbox.acknowledge(Ack(log=log, seq=seq, chain="0" * 64))
        assert verdict is Verdict.FORKED
        assert self.outbox.log != log
        self.model.fork()

    @rule(milliseconds=st.integers(0, 2 * KEEP_MS))
    def pass_time(self, milliseconds: int) -> None:
        """Let days pass."""
        self.clock.pass_(milliseconds)

    @rule(milliseconds=st.integers(-KEEP_MS, KEEP_MS))
    def step_the_wall_clock(self, milliseconds: int) -> None:
        """Set the wall clock."""
        self.clock.wall += milliseconds

    @rule(name=st.uuids().map(str))
    def cut_the_power(self, name: str) -> None:
        """Go on with the files as they are on disk now, without having closed them."""
        left = cut(self.path, self.folder / name)
        log = self.outbox.log
        self.outbox.close()
        self.path = left
        self.outbox = Outbox.open(left, clock=self.clock)
        self.full = False
        assert self.outbox.log == log

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """Nothing lost, doubled or moved."""
        if not hasattr(self, "outbox"):
            return
        raws = kept(self.outbox)
        assert numbers(raws) == [number for _, number, _ in self.model.events]
        assert (self.outbox.last, self.outbox.acknowledged) == (
            self.model.last,
            self.model.acknowledged,
        )
        assert self.outbox.load("newest") == self.model.state.get("newest")
        told = self.outbox.state()
        first = self.model.events[0][0] if self.model.events else 0
        assert (told.first_kept, told.last, told.log) == (first, self.model.last, self.outbox.log)
        assert (told.oldest_age_ms is None) == (self.model.acknowledged == self.model.last)
        _assert_chained(self.outbox)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=25, stateful_step_count=30)


OURS = "3f6c1a52-8d40-4b7e-9a11-5c2e7d9b6f08"
THEIRS = "00000000-0000-4000-8000-000000000002"


def word(outbox: Outbox, seq: int, database: str | None) -> Ack:
    """Return one of two orchestrators' word."""
    return ack(outbox, seq).model_copy(update={"database": database})


def test_what_another_orchestrator_has_is_kept_for_ours(outbox: Outbox, clock: FakeClock) -> None:
    """While ours is away for weeks, an acknowledgement of another's database deletes nothing."""
    commit(outbox, 1, 2, 3, 4)
    outbox.acknowledge(word(outbox, 2, OURS))
    outbox.acknowledge(word(outbox, 4, THEIRS))
    clock.pass_(20 * DAY_MS)
    commit(outbox, 5, 6)
    assert outbox.acknowledge(word(outbox, 6, THEIRS)) is Verdict.ADVANCED
    assert numbers(kept(outbox)) == [3, 4, 5, 6]
    assert outbox.acknowledge(word(outbox, 2, OURS)) is Verdict.REWOUND
    assert numbers(outbox.batch(outbox.acknowledged).events) == [3, 4, 5, 6]
    assert outbox.acknowledge(word(outbox, 6, OURS)) is Verdict.ADVANCED


def test_an_orchestrator_that_never_returns_is_forgotten(outbox: Outbox, clock: FakeClock) -> None:
    """A server that was replaced by another must not make outboxes grow for ever."""
    commit(outbox, 1, 2)
    outbox.acknowledge(word(outbox, 1, OURS))
    clock.pass_(31 * DAY_MS)
    commit(outbox, 3)
    outbox.acknowledge(word(outbox, 3, THEIRS))
    assert numbers(kept(outbox)) == [3]


def test_marks_outlive_a_restart(outbox: Outbox, path: Path, clock: FakeClock) -> None:
    """An equal word of another database is remembered too, though it changes nothing else."""
    commit(outbox, 1, 2, 3)
    outbox.acknowledge(word(outbox, 1, OURS))
    assert outbox.acknowledge(word(outbox, 1, THEIRS)) is Verdict.IGNORED
    outbox.acknowledge(word(outbox, 3, THEIRS))
    outbox.close()
    clock.pass_(9 * DAY_MS)
    again = Outbox.open(path, clock=clock)
    commit(again, 4)
    again.acknowledge(word(again, 4, THEIRS))
    assert numbers(kept(again)) == [2, 3, 4]
    again.close()


@pytest.mark.parametrize("database", [OURS, None])
def test_a_fork_tells_each_orchestrator_what_it_lacks(outbox: Outbox, database: str | None) -> None:
    """What only the other one has acknowledged is logged anew too."""
    commit(outbox, 1, 2, 3)
    outbox.acknowledge(word(outbox, 1, OURS))
    outbox.acknowledge(word(outbox, 3, THEIRS))
    elsewhere = word(outbox, 3, database).model_copy(update={"seq": 9})
    assert outbox.acknowledge(elsewhere) is Verdict.FORKED
    assert numbers(outbox.batch(0).events) == [1, 2, 3]
    outbox.acknowledge(word(outbox, 3, THEIRS))
    assert outbox.acknowledge(word(outbox, 0, OURS)) is Verdict.REWOUND


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE event SET raw = CAST(replace(raw, 'seconds', 'secondz') AS BLOB) WHERE seq = 2",
        "UPDATE event SET chain = 'x' || substr(chain, 2) WHERE seq = 2",
    ],
)
def test_a_byte_that_changed_within_an_event_is_seen(
    path: Path, clock: FakeClock, damage: str
) -> None:
    """SQLite does not see it, and the orchestrator would never take such a batch."""
    outbox = Outbox.open(path, clock=clock)
    commit(outbox, 1, 2, 3)
    outbox.close()
    with sqlite3.connect(path) as rows:
        assert rows.execute(damage).rowcount == 1
    rows.close()
    with pytest.raises(OutboxBroken, match="event 2 is damaged"):
        Outbox.open(path, clock=clock)


def test_a_log_with_a_damaged_name_is_broken(path: Path, clock: FakeClock) -> None:
    """No message with it would be taken."""
    Outbox.open(path, clock=clock).close()
    with sqlite3.connect(path) as rows:
        rows.execute("UPDATE log SET uuid = 'x' || substr(uuid, 2)")
    rows.close()
    with pytest.raises(OutboxBroken, match="name is damaged"):
        Outbox.open(path, clock=clock)
