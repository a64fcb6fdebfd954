"""One device's agent as a whole: a fake device, clock and link; a real outbox; virtual time."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agents.clock import Clock
from agents.granting import MOST_TRIES
from agents.link import Receive, Serve
from agents.model import SETTLED_MS, Answer, Observation, Order
from agents.model import CheckIn as Typed
from agents.outbox import Outbox
from agents.runtime import OBSERVE_TIMEOUT, ORDER_TIMEOUT, Runtime
from agents.sending import HEARTBEAT
from agents.status import TRIES_USED_UP
from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Outcome, utc_from_ms
from mqtt_schemas.canonical import chain
from mqtt_schemas.codec import sealed
from mqtt_schemas.events import OrderOutcome, Step
from mqtt_schemas.messages import Ack, Checkpoint, Phase, PlanInForce, Status, TimeAnswer, TurnNow
from mqtt_schemas.plan import AtEnd, CheckIn, HashedCode, Notice, OutsideTurns, Plan, Turn
from mqtt_schemas.topics import Channel
from tests.agents.fakes import MORNING_MS, OTHER_BOOT, FakeDevice, FakeLink, LoopClock
from tests.agents.virtual_time import virtual_time

T = TypeVar("T")
OPEN = OutsideTurns.OPEN


def turn(name: str, starts: int, ends: int, *warn_before: int, **more: Any) -> Turn:  # noqa: ANN401 - a turn's own fields
    """Return a turn, in seconds after the morning that the clocks begin at."""
    return Turn(
        id=name,
        starts_at=utc_from_ms(MORNING_MS + starts * 1000),
        ends_at=utc_from_ms(MORNING_MS + ends * 1000),
        warn_before=warn_before,
        at_end=more.pop("at_end", AtEnd.END),
        **more,
    )


def plan(
    *turns: Turn,
    revision: int = 1,
    outside: OutsideTurns = OutsideTurns.CLOSED,
    notices: Sequence[Notice] = (),
) -> Plan:
    """Return a sealed plan."""
    return sealed(
        Plan(
            issuer="main",
            revision=revision,
            digest="0" * 64,
            issued_at=utc_from_ms(MORNING_MS),
            valid_until=utc_from_ms(MORNING_MS + 4 * 86_400_000),
            after_expiry=OutsideTurns.CLOSED,
            outside_turns=outside,
            turns=turns,
            notices=tuple(notices),
        )
    )


class Agent:
    """A runtime under way and what is around it."""

    def __init__(self, path: Path, clock: Clock, device: FakeDevice, link: FakeLink) -> None:
        self.path = path
        self.clock = clock
        self.device = device
        self.link = link
        self.outbox = Outbox.open(path, clock=clock)
        ids = itertools.count(1)
        self.runtime = Runtime(
            device=device,
            outbox=self.outbox,
            link=self.link,
            clock=clock,
            new_id=lambda: f"{path.stem}-{next(ids)}",
            check=_no_code_is_right,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events on disk, the intervals of watching left out."""
        raws: list[bytes] = []
        while batch := self.outbox.batch(len(raws)).events:
            raws += batch
        events = [json.loads(raw) for raw in raws]
        return [event for event in events if event["type"] != "observed"]

    @property
    def kinds(self) -> list[str]:
        """The types of the events."""
        return [event["type"] for event in self.events]

    @property
    def steps(self) -> list[Step]:
        """The steps of the orders that the device was given."""
        return [order.step for order in self.device.orders]

    def status(self) -> Status:
        """Return the newest status."""
        return self.link.statuses()[-1]

    def told_plan(self) -> PlanInForce:
        """Return the plan that the newest status tells."""
        return _there(self.status().plan)

    def told_turn(self) -> TurnNow:
        """Return the turn that the newest status tells."""
        return _there(self.status().turn)

    def told_session(self) -> Checkpoint:
        """Return the open session that the newest status tells."""
        return _there(self.status().session)

    def as_left_by_a_kill(self) -> Path:
        """Return a copy of the files as they are on disk now."""
        target = self.path.with_name(f"{self.path.stem}x.db")
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", f"{target}{suffix}")
        return target

    def disk(self, *, full: bool) -> None:
        """Have the disk take nothing, or everything again."""
        self.outbox._connection.execute(f"PRAGMA query_only = {'ON' if full else 'OFF'}")


async def _no_code_is_right(_words: str, _codes: tuple[HashedCode, ...]) -> bool | None:
    return False


def _there(part: T | None) -> T:
    assert part is not None
    return part


@asynccontextmanager
async def agent(
    path: Path,
    device: FakeDevice | None = None,
    clock: Clock | None = None,
    link: FakeLink | None = None,
) -> AsyncIterator[Agent]:
    """Run an agent for as long as the block lasts."""
    clock = clock or LoopClock()
    made = Agent(path, clock, device or FakeDevice(clock), link or FakeLink())
    task = asyncio.create_task(made.runtime.run())
    try:
        await asyncio.sleep(0.01)
        yield made
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        made.outbox.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of an outbox."""
    return tmp_path / "a.db"


# --- the plan


@virtual_time
async def test_a_plan_is_in_force_as_soon_as_it_comes(path: Path) -> None:
    """The status says so at once, and the device is opened."""
    async with agent(path) as a:
        assert a.steps == [Step.CLOSE]
        await asyncio.sleep(3)
        taken = plan(outside=OPEN, revision=3)
        a.link.receive(taken)
        await asyncio.sleep(0.01)
        assert a.steps == [Step.CLOSE, Step.OPEN]
        assert (a.told_plan().revision, a.told_plan().digest) == (3, taken.digest)


@virtual_time
async def test_a_late_plan_changes_nothing(path: Path) -> None:
    """Nor does a repeated one: the broker may deliver them in any order."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN, revision=3))
        for late in (plan(revision=2), plan(revision=3)):
            a.link.receive(late)
        await asyncio.sleep(5)
        assert a.steps == [Step.CLOSE, Step.OPEN]
        assert a.told_plan().revision == 3


@virtual_time
async def test_a_plan_outlives_the_agent(path: Path) -> None:
    """After a restart it is in force again, with no broker to ask."""
    taken = plan(turn("t", 0, 100), revision=3)
    async with agent(path) as a:
        a.link.receive(taken)
        left = a.as_left_by_a_kill()
    async with agent(left) as b:
        await asyncio.sleep(1)
        assert b.steps == [Step.OPEN]
        assert b.told_plan().digest == taken.digest


@virtual_time
async def test_a_turn_opens_warns_and_ends_at_its_moments(path: Path) -> None:
    """Alone: the plan's boundaries are waited for, not looked for."""
    async with agent(path) as a:
        given: list[tuple[float, Step, str | None]] = []
        carry_out = a.device.carry_out

        async def noting(order: Order) -> Answer:
            given.append((round(asyncio.get_running_loop().time(), 2), order.step, order.turn))
            return await carry_out(order)

        a.device.carry_out = noting  # type: ignore[method-assign] # to note when
        a.link.receive(plan(turn("t", 10, 100, 60, 30, grace=5)))
        await asyncio.sleep(20)
        a.device.show("u")
        await asyncio.sleep(100)
        assert given == [
            (10.0, Step.OPEN, "t"),
            (40.0, Step.WARN, "t"),
            (70.0, Step.WARN, "t"),
            (105.0, Step.CLOSE, None),
            (105.0, Step.END, "t"),
            (105.0, Step.NOTICE, "t"),
        ]
        assert a.kinds == ["turn_opened", "started", *["order_result"] * 4, "ended"]
        (ended,) = [event for event in a.events if event["type"] == "ended"]
        assert (ended["turn"], ended["outcome"], ended["basis"]) == ("t", "turn_over", "turn")
        assert 84_900 <= ended["active_ms"] <= 85_100
        assert 4900 <= ended["overrun_ms"] <= 5100


@virtual_time
async def test_use_is_counted_to_the_millisecond(path: Path) -> None:
    """From the look that first showed it to the one that no longer did."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        await asyncio.sleep(7.123)
        a.device.show("u")
        await asyncio.sleep(1000.5)
        a.device.show("u", DeviceState.PAUSED)
        await asyncio.sleep(200.25)
        a.device.show(None)
        await asyncio.sleep(1)
        started, ended = a.events[-2:]
        assert (started["type"], ended["type"]) == ("started", "ended")
        assert (ended["active_ms"], ended["idle_ms"]) == (1_000_500, 200_250)
        assert (ended["unobserved_ms"], ended["outcome"]) == (0, "customer")
        assert ended["boot_ms"] - started["boot_ms"] == 1_200_750


# --- orders


@virtual_time
async def test_an_orders_answer_is_recorded(path: Path) -> None:
    """With the turn, the step, and the reason why it failed; levels only where they fail."""
    async with agent(path) as a:
        a.device.answers[Step.WARN] = Answer(OrderOutcome.UNSUPPORTED, "no_helper")
        a.link.receive(plan(turn("t", 0, 100, 60)))
        a.device.show("u")
        await asyncio.sleep(60)
        (result,) = [event for event in a.events if event["type"] == "order_result"]
        assert (result["turn"], result["step"]) == ("t", "warn")
        assert (result["outcome"], result["reason"]) == ("unsupported", "no_helper")


@virtual_time
async def test_a_failure_that_goes_on_is_one_event(path: Path) -> None:
    """A device that is off all night is told to be closed again and again; the log is not."""
    clock = LoopClock()
    device = FakeDevice(clock)
    device.answers[Step.CLOSE] = Answer(OrderOutcome.FAILED, "disconnected")
    async with agent(path, device, clock) as a:
        before = a.outbox._connection.total_changes
        await asyncio.sleep(3600)
        assert len(a.steps) > 500
        assert a.outbox._connection.total_changes - before <= 3600 / 28 + 2  # the checkpoints
        assert [(e["step"], e["reason"]) for e in a.events] == [("close", "disconnected")]
        device.answers[Step.CLOSE] = Answer(OrderOutcome.FAILED, "no_answer")
        await asyncio.sleep(60)
        del device.answers[Step.CLOSE]
        await asyncio.sleep(60)
        assert [e["reason"] for e in a.events] == ["disconnected", "no_answer"]
        a.link.receive(plan(outside=OPEN))
        await asyncio.sleep(1)
        device.answers[Step.CLOSE] = Answer(OrderOutcome.FAILED, "no_answer")
        a.link.receive(plan(revision=2))
        await asyncio.sleep(60)
        assert [e["reason"] for e in a.events] == ["disconnected", "no_answer", "no_answer"]


@virtual_time
async def test_blocked_use_does_not_fill_the_log(path: Path) -> None:
    """An end that is tried every half minute for an hour is told once by each right."""
    async with agent(path) as a:
        a.device.answers[Step.END] = Answer(OrderOutcome.FAILED, "does_not_end")
        a.link.receive(plan(turn("a", 0, 10)))
        a.device.show("u")
        await asyncio.sleep(3600)
        assert a.steps.count(Step.END) > 100
        ends = [e for e in a.events if e["type"] == "order_result" and e["step"] == "end"]
        assert [(e["turn"], e["reason"]) for e in ends] == [
            ("a", "does_not_end"),
            (None, "does_not_end"),
        ]


@virtual_time
async def test_what_an_order_did_is_looked_at_at_once(path: Path) -> None:
    """Also at a device that tells of no change by itself."""
    clock = LoopClock()
    device = FakeDevice(clock)

    async def never() -> None:
        await asyncio.Event().wait()

    device.changed = never  # type: ignore[method-assign] # only looking tells
    device.interval = 60
    device.use, device.state = "u", DeviceState.IN_USE
    async with agent(path, device, clock) as a:
        a.link.receive(plan(turn("t", 0, 10)))
        await asyncio.sleep(10.5)
        assert a.kinds[-1] == "ended"
        assert a.status().state is DeviceState.FREE


@virtual_time
async def test_an_order_without_an_answer_has_failed(path: Path) -> None:
    """A driver that hangs holds up nothing else for longer."""
    clock = LoopClock()
    device = FakeDevice(clock)
    device.order_gate.clear()
    async with agent(path, device, clock) as a:
        await asyncio.sleep(ORDER_TIMEOUT + 1)
        (result,) = a.events
        assert (result["step"], result["outcome"]) == ("close", "failed")
        assert result["reason"] == "no_answer"


@virtual_time
async def test_an_end_does_not_hit_the_next_use(path: Path) -> None:
    """An order that waited behind another one is dropped when its use is over."""
    async with agent(path) as a:
        a.link.receive(plan(turn("a", 0, 10), turn("b", 12, 100)))
        a.device.show("first")
        await asyncio.sleep(5)
        a.device.orders.clear()
        a.device.order_gate.clear()
        await asyncio.sleep(6)  # the turn is over; the first order of its end hangs
        assert a.steps == [Step.CLOSE]
        a.device.show(None)
        await asyncio.sleep(2)
        a.device.show("second")
        await asyncio.sleep(1)
        a.device.order_gate.set()
        await asyncio.sleep(30)
        assert Step.END not in a.steps
        assert a.device.use == "second"
        assert [e["turn"] for e in a.events if e["type"] == "started"] == ["a", "b"]


@virtual_time
async def test_a_code_that_was_guessed_at_is_said_at_once(path: Path) -> None:
    """Somebody stands there whom only staff can let in."""
    async with agent(path) as a:
        needed = CheckIn(within=600, code=HashedCode(salt="0" * 32, hash="0" * 64))
        a.link.receive(plan(turn("a", 0, 1000, check_in=needed)))
        await asyncio.sleep(3)
        for _ in range(MOST_TRIES):
            assert a.status().problems == ()
            await a.runtime.ask(Typed("susi kivi joki"))
            await asyncio.sleep(0.01)
        assert a.status().problems == (TRIES_USED_UP,)


@virtual_time
async def test_a_use_that_does_not_end_is_blocked_and_said_so(path: Path) -> None:
    """It belongs to no later turn; the status tells why."""
    async with agent(path) as a:
        a.device.obeys = False
        a.link.receive(plan(turn("a", 0, 10), turn("b", 60, 100)))
        a.device.show("u")
        await asyncio.sleep(70)
        assert a.status().blocked == "does_not_end"
        started = [event for event in a.events if event["type"] == "started"]
        assert [event["basis"] for event in started] == [Basis.TURN, Basis.BLOCKED]
        a.device.show(None)
        await asyncio.sleep(1)
        assert a.status().blocked is None
        assert (a.told_turn().id, a.told_turn().phase) == ("b", Phase.OPEN)


# --- a device that hangs


@virtual_time
async def test_a_device_that_hangs_is_out_of_reach(path: Path) -> None:
    """Its session stays, its time is unobserved, and the status says so until it is back."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(60)
        a.device.silent = True
        await asyncio.sleep(OBSERVE_TIMEOUT + 6)
        assert a.status().device_link is DeviceLink.DISCONNECTED
        assert a.status().problems == ("device_silent",)
        await asyncio.sleep(600)
        a.device.silent = False
        await asyncio.sleep(OBSERVE_TIMEOUT + 6)
        assert a.status().device_link is DeviceLink.CONNECTED
        assert a.status().problems == ()
        a.device.show(None)
        await asyncio.sleep(1)
        (ended,) = [event for event in a.events if event["type"] == "ended"]
        assert ended["unobserved_ms"] > 580_000
        assert ended["active_ms"] < 120_000
        watched = ended["active_ms"] + ended["unobserved_ms"]
        assert watched == ended["boot_ms"] - a.events[0]["boot_ms"]
        assert a.kinds.count("started") == 1


@virtual_time
async def test_what_hangs_is_not_counted_from_the_look_on_that_hangs(path: Path) -> None:
    """The use may have ended while the agent waited for an answer."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(60)
        a.device.silent = True
        a.device.show("u")  # has it looked at now
        await asyncio.sleep(OBSERVE_TIMEOUT + 1)
        assert a.told_session().active_ms == pytest.approx(60_000, abs=100)


@virtual_time
async def test_a_goodbye_that_takes_long_is_not_counted(path: Path) -> None:
    """What is saved at the end reaches as far as the device was watched."""

    class SlowToLeave(FakeLink):
        async def run(self, serve: Serve, receive: Receive) -> None:
            try:
                await super().run(serve, receive)
            finally:
                await asyncio.sleep(2)

    async with agent(path, link=SlowToLeave()) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(5)
        ended_ms = a.clock.boot_ms()
    left = Outbox.open(path, clock=a.clock)
    saved = json.loads(left.load("saved") or "")
    left.close()
    assert a.clock.boot_ms() == ended_ms + 2000
    assert saved["moment"]["boot_ms"] == ended_ms
    assert saved["watch"]["to_ms"] == ended_ms - SETTLED_MS
    assert saved["session"]["active_ms"] == pytest.approx(5000 - SETTLED_MS, abs=100)


@virtual_time
async def test_a_device_that_hangs_after_a_restart_loses_no_session(path: Path) -> None:
    """What was open before is neither ended nor confirmed by nothing."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(60)
        left = a.as_left_by_a_kill()
    clock = LoopClock()
    device = FakeDevice(clock)
    device.use, device.state, device.silent = "u", DeviceState.IN_USE, True
    async with agent(left, device, clock) as b:
        await asyncio.sleep(100)
        assert b.status().problems == ("device_silent",)
        assert b.kinds == ["started"]
        device.silent = False
        await asyncio.sleep(30)
        assert b.kinds.count("started") == 1
        assert b.told_session().session == "a-1"
        assert b.told_session().unobserved_ms > 80_000


@virtual_time
async def test_a_burst_of_changes_is_one_look(path: Path) -> None:
    """A driver that says `changed` all the time must not keep a core busy."""
    async with agent(path) as a:

        async def always() -> None:
            await asyncio.sleep(0)

        a.device.changed = always  # type: ignore[method-assign] # a driver with a fault
        a.device.show(None)
        before = a.device.looks
        await asyncio.sleep(10)
        assert 10 <= a.device.looks - before <= 210


# --- a disk that takes nothing


@virtual_time
async def test_events_wait_for_a_disk_that_takes_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The status and one line of the log say so; later nothing is missing or told twice."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        await asyncio.sleep(1)
        a.disk(full=True)
        for number in range(20):
            a.device.show(f"u{number}")
            await asyncio.sleep(30)
            a.device.show(None)
            await asyncio.sleep(30)
        assert a.status().problems == ("outbox_unwritable",)
        assert a.status().outbox.last == 0
        assert a.link.connection.on(Channel.EVENTS) == []
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 1
        a.disk(full=False)
        await asyncio.sleep(2)
        assert a.status().problems == ()
        assert a.kinds == ["started", "ended"] * 20
        ended = [event for event in a.events if event["type"] == "ended"]
        assert {event["active_ms"] for event in ended} == {30_000}
        (batch,) = a.link.connection.on(Channel.EVENTS)[:1]
        assert batch.seqs == list(range(1, 41))


@virtual_time
async def test_a_plan_that_came_while_the_disk_was_full_is_written_later(path: Path) -> None:
    """It is in force meanwhile; later it also outlives the agent."""
    taken = plan(turn("t", 0, 1000), revision=7)
    async with agent(path) as a:
        a.disk(full=True)
        a.link.receive(taken)
        await asyncio.sleep(1)
        assert a.steps[-1] is Step.OPEN
        a.disk(full=False)
        await asyncio.sleep(2)
        left = a.as_left_by_a_kill()
    async with agent(left) as b:
        await asyncio.sleep(1)
        assert b.told_plan().revision == 7


@virtual_time
async def test_memory_is_bounded_while_the_disk_is_full(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Past it the oldest events are given up, and that is said."""
    monkeypatch.setattr("agents.runtime.MOST_UNSAVED", 10)
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        await asyncio.sleep(1)
        a.disk(full=True)
        for number in range(20):
            a.device.show(f"u{number}")
            await asyncio.sleep(2)
        a.disk(full=False)
        await asyncio.sleep(2)
        assert a.kinds == ["ended", "started"] * 5
        assert a.status().problems == ("events_lost",)
        assert caplog.text.count("given up") == 1


@virtual_time
async def test_a_stop_saves_what_it_can(path: Path) -> None:
    """Also where a try has just failed."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(10)
        a.disk(full=True)
        a.device.show(None)
        await asyncio.sleep(0.5)
        a.disk(full=False)
    with_all = Outbox.open(path, clock=LoopClock())
    kinds = [json.loads(raw)["type"] for raw in with_all.batch(0).events]
    with_all.close()
    assert kinds[:2] == ["started", "ended"]


@virtual_time
async def test_what_follows_from_an_event_is_never_saved_without_it(path: Path) -> None:
    """After a save that failed comes another one, of a plan alone, and then a kill."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(10)
        a.disk(full=True)
        a.device.show(None)
        await asyncio.sleep(0.5)
        a.disk(full=False)
        a.link.receive(plan(outside=OPEN, revision=2))
        left = a.as_left_by_a_kill()
    async with agent(left) as b:
        await asyncio.sleep(1)
        assert b.kinds == ["started", "ended"]
        assert b.told_plan().revision == 2


# --- a restart


@virtual_time
async def test_a_restart_in_mid_turn_repeats_nothing(path: Path) -> None:
    """No second start, no second warning; the time between is unobserved."""
    async with agent(path) as a:
        a.link.receive(plan(turn("t", 0, 200, 150, 20)))
        a.device.show("u")
        await asyncio.sleep(100)
        left = a.as_left_by_a_kill()
        shown = (a.device.use, a.device.state)
    await asyncio.sleep(10)
    clock = LoopClock()
    device = FakeDevice(clock)
    device.use, device.state = shown
    async with agent(left, device, clock) as b:
        await asyncio.sleep(65)
        assert b.steps == [Step.OPEN]
        assert b.kinds.count("started") == b.kinds.count("turn_opened") == 1
        await asyncio.sleep(40)
        assert b.steps == [Step.OPEN, Step.WARN, Step.CLOSE, Step.END, Step.NOTICE]
        (ended,) = [event for event in b.events if event["type"] == "ended"]
        assert ended["session"] == "a-1"
        accounted = ended["active_ms"] + ended["idle_ms"] + ended["unobserved_ms"]
        assert abs(accounted - 200_000) < 100
        assert 10_000 <= ended["unobserved_ms"] <= 10_000 + 30_000 + 100


@virtual_time
async def test_a_session_of_another_boot_ends_at_its_checkpoint(path: Path) -> None:
    """The power was cut: the next start says so, within 30 s of what was true."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(100)
        left = a.as_left_by_a_kill()
    async with agent(left, clock=LoopClock(boot_id=OTHER_BOOT, boot=5000)) as b:
        await asyncio.sleep(1)
        (ended,) = [event for event in b.events if event["type"] == "ended"]
        assert (ended["outcome"], ended["at_checkpoint"]) == (Outcome.POWER_LOSS, True)
        assert 70_000 <= ended["active_ms"] <= 100_000


@virtual_time
async def test_a_stop_leaves_the_session_open_and_up_to_date(path: Path) -> None:
    """A restart for an upgrade loses only what is not sure yet, and while no agent ran."""
    clock = LoopClock()
    device = FakeDevice(clock)
    async with agent(path, device, clock) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(29)
    assert device.log == ["start", "stop"]
    await asyncio.sleep(5)
    async with agent(path, device, clock) as b:
        await asyncio.sleep(10)
        device.show(None)
        await asyncio.sleep(1)
        (ended,) = [event for event in b.events if event["type"] == "ended"]
        assert abs(ended["active_ms"] - 39_000 + SETTLED_MS) < 100
        assert abs(ended["unobserved_ms"] - 5000 - SETTLED_MS) < 100


@virtual_time
async def test_what_another_version_saved_is_left_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The agent starts all the same, and says so."""
    outbox = Outbox.open(path, clock=LoopClock())
    outbox.commit([], {"saved": '{"of": "tomorrow"}', "plan": "{}", "offset": "[]"})
    outbox.close()
    async with agent(path) as a:
        await asyncio.sleep(1)
        assert a.status().plan is None
        assert caplog.text.count("another version") == 3


# --- the bus


@virtual_time
async def test_each_change_wakes_the_sender(path: Path) -> None:
    """Use, turn, phase, problem: people wait for them; a heartbeat would be late."""
    async with agent(path) as a:
        times: list[float] = []
        a.link.receive(plan(turn("t", 20, 60, 30)))
        await asyncio.sleep(21)
        a.device.show("u")
        await asyncio.sleep(12)
        a.device.problems = ("no_helper",)
        a.device.show("u")
        await asyncio.sleep(0.2)
        times = [each.at for each in a.link.connection.on(Channel.STATUS)]
        for change in (20.01, 21.01, 30.01, 33.01):
            assert any(0 <= at - change + 0.02 < 0.1 for at in times), (change, times)
        assert len(times) <= 9


@virtual_time
async def test_the_heartbeat_goes_on_where_nothing_changes(path: Path) -> None:
    """Every 15 s, with the clocks of that moment."""
    async with agent(path) as a:
        await asyncio.sleep(4 * HEARTBEAT + 1)
        told = [status.clock.boot_ms for status in a.link.statuses()]
        assert len(told) == 5
        assert told[-1] > told[0] + 50_000


@virtual_time
async def test_events_go_out_and_an_acknowledgement_is_taken(path: Path) -> None:
    """At once; the status then has nothing old to tell."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(1)
        (batch,) = a.link.connection.on(Channel.EVENTS)
        assert batch.seqs == [1]
        last = chain(a.outbox.batch(0).events[0])
        a.link.receive(Ack(log=a.outbox.log, seq=1, chain=last))
        await asyncio.sleep(60)
        assert a.status().outbox.oldest_age_ms is None
        assert len(a.link.connection.on(Channel.EVENTS)) == 1


@virtual_time
async def test_a_status_tells_of_the_last_acknowledgement_not_of_each(path: Path) -> None:
    """A backlog of thousands is acknowledged in many steps."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        for use in ("u", None, "v", None):
            a.device.show(use)
            await asyncio.sleep(1)
        raws = a.outbox.batch(0).events
        assert len(raws) == 4
        told = []
        for seq in (2, 3, 4):
            before = len(a.link.statuses())
            a.link.receive(Ack(log=a.outbox.log, seq=seq, chain=chain(raws[seq - 1])))
            await asyncio.sleep(0.01)
            told.append(len(a.link.statuses()) - before)
        assert told == [0, 0, 1]


@virtual_time
async def test_a_fork_is_logged_and_sent_anew(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The status carries the new log at once."""
    async with agent(path) as a:
        a.link.receive(plan(outside=OPEN))
        a.device.show("u")
        await asyncio.sleep(1)
        old = a.outbox.log
        a.link.receive(Ack(log=old, seq=9, chain="0" * 64))
        await asyncio.sleep(0.01)
        assert a.status().outbox.log != old
        assert "two histories" in caplog.text
        assert a.link.connection.on(Channel.EVENTS)[-1].seqs == [1]


@virtual_time
async def test_turns_go_by_the_orchestrators_time(path: Path) -> None:
    """The wall clock is an hour slow: the first exchange puts it right, and a restart keeps it."""
    clock = LoopClock(wall=MORNING_MS - 3_600_000)
    async with agent(path, clock=clock) as a:
        a.link.receive(plan(turn("t", 0, 1000)))
        await asyncio.sleep(1)
        assert a.steps == [Step.CLOSE]
        asked = json.loads(a.link.connection.on(Channel.TIME_REQUEST)[0].payload)
        now = utc_from_ms(MORNING_MS + 1000)
        a.link.receive(TimeAnswer(nonce=asked["nonce"], received=now, sent=now))
        await asyncio.sleep(0.01)
        assert a.steps == [Step.CLOSE, Step.OPEN]
        left = a.as_left_by_a_kill()
    async with agent(left, clock=clock) as b:
        await asyncio.sleep(1)
        assert b.steps == [Step.OPEN]
        assert abs((b.status().clock.offset_ms or 0) - 3_600_000) < 2000


# --- a driver with a fault


@virtual_time
async def test_a_drivers_fault_ends_the_agent_with_all_saved(path: Path) -> None:
    """It comes out as it is, for whoever starts it anew; the device is let go."""
    clock = LoopClock()
    device = FakeDevice(clock)
    a = Agent(path, clock, device, FakeLink())
    running = asyncio.create_task(a.runtime.run())
    await asyncio.sleep(0.01)
    a.link.receive(plan(outside=OPEN))
    device.show("u")
    await asyncio.sleep(10)

    async def fault() -> Sequence[Observation]:
        raise ZeroDivisionError

    device.observe = fault  # type: ignore[method-assign] # a driver with a fault
    device.show("u")
    await asyncio.wait([running])
    error = running.exception()
    assert isinstance(error, ExceptionGroup)
    assert error.subgroup(ZeroDivisionError) is not None
    assert device.log == ["start", "stop"]
    assert a.outbox.load("saved") is not None
    saved = json.loads(a.outbox.load("saved") or "")
    assert saved["session"]["active_ms"] >= 9900 - SETTLED_MS
    a.outbox.close()


@virtual_time
async def test_a_device_that_cant_be_started_is_let_go(path: Path) -> None:
    """What its start had opened is closed."""
    clock = LoopClock()
    device = FakeDevice(clock)

    async def fault() -> None:
        device.log.append("start")
        raise ZeroDivisionError

    device.start = fault  # type: ignore[method-assign] # a driver with a fault
    a = Agent(path, clock, device, FakeLink())
    with pytest.raises(ZeroDivisionError):
        await a.runtime.run()
    assert device.log == ["start", "stop"]
    a.outbox.close()
