"""The device: how looks, events and orders come together, with OctoPrint played by a script."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.devices.octoprint import device as module
from agents.devices.octoprint.client import KeyRefused, NotPossible, OctoPrintError, Unreachable
from agents.devices.octoprint.device import OctoPrintDevice
from agents.devices.octoprint.payloads import Phase, Reading
from agents.devices.octoprint.push import Deliver
from agents.model import Answer, Order
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from tests.agents.devices.octoprint.answers import event, look

FILE = "b6fd8d46.gcode"
DONE = Answer(OrderOutcome.DONE)

Look = Reading | OctoPrintError | Callable[[], Reading]


class FakeClient:
    """Answers looks out of a list, the last one for ever, and keeps what it was told."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self.looks = list(looks)
        self.looked = 0
        self.under_way = asyncio.Event()
        self.told: list[str] = []
        self.refuses: OctoPrintError | None = None

    async def look(self) -> Reading:
        """Give the next look."""
        self.looked += 1
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if callable(answer):
            answer = answer()
        self.under_way.set()
        await asyncio.sleep(0)  # what was delivered meanwhile comes in first
        if isinstance(answer, OctoPrintError):
            raise answer
        return answer

    async def cancel(self) -> None:
        """Hear it."""
        self._hear("cancel")

    async def pause(self) -> None:
        """Hear it."""
        self._hear("pause")

    async def show(self, line: str) -> None:
        """Hear it."""
        self._hear(line)

    def close(self) -> None:
        """Have nothing to let go of."""

    def _hear(self, what: str) -> None:
        self.told.append(what)
        if self.refuses is not None:
            raise self.refuses


class FakePush:
    """A push socket that tells what the test says."""

    def __init__(self, *, connected: bool) -> None:
        self.connected = connected
        self.deliver: Deliver = lambda *_: None

    def start(self, deliver: Deliver) -> None:
        """Keep whom to tell."""
        self.deliver = deliver

    def stop(self) -> None:
        """Stop nothing."""


class Setup:
    """A device with its fakes, and a clock that the test moves."""

    def __init__(self, *looks: Look, connected: bool = False, memory: Path | None = None) -> None:
        self.now_ms = 1000
        self.client = FakeClient(looks)
        self.push = FakePush(connected=connected)
        self.device = OctoPrintDevice(
            client=self.client,
            push=self.push,
            boot_ms=lambda: self.now_ms,
            language="fi",
            patience_ms=30_000,
            memory=memory,
        )

    async def hear(self, name: str) -> None:
        """Let an event of the recorded print come in."""
        self.push.deliver(self.now_ms, event(name, path=FILE))
        await asyncio.sleep(0)


async def test_a_change_is_told_until_it_was_looked_at() -> None:
    """`changed` waits for an event and `observe` tells it with its own stamp."""
    setup = Setup(look("none"), look("printing"))
    await setup.device.start()
    await setup.device.observe()
    waiting = asyncio.create_task(setup.device.changed())
    await asyncio.sleep(0)
    assert not waiting.done()
    setup.now_ms = 1500
    await setup.hear("started")
    async with asyncio.timeout(1):
        await waiting
    setup.now_ms = 2000
    started, now = await setup.device.observe()
    assert (started.at_ms, now.at_ms) == (1500, 2000)
    assert started.use == now.use is not None


async def test_a_look_that_an_event_overtook_is_taken_again() -> None:
    """It was asked before the print began, and must not end it."""
    setup = Setup(look("none"), connected=True)
    await setup.device.start()
    await setup.device.observe()

    def overtaken() -> Reading:
        setup.push.deliver(setup.now_ms, event("started", path=FILE))
        return look("none")

    setup.client.looks = [overtaken, look("printing")]
    told = await setup.device.observe()
    assert [one.ended for one in told] == [None] * len(told)
    assert told[-1].use is not None


async def test_a_look_that_a_pause_overtook_does_not_undo_it() -> None:
    """Though it shows the same print."""
    setup = Setup(look("printing"), connected=True)
    await setup.device.start()
    await setup.hear("started")
    await setup.device.observe()

    def overtaken() -> Reading:
        setup.push.deliver(setup.now_ms, event("paused", path=FILE))
        return look("printing")

    setup.client.looks = [overtaken, look("paused")]
    told = await setup.device.observe()
    assert {one.state for one in told} == {DeviceState.PAUSED}


async def test_a_look_that_shows_an_end_waits_for_the_event_that_explains_it() -> None:
    """The event knows best how and when it ended."""
    setup = Setup(look("printing"), connected=True)
    await setup.device.start()
    await setup.hear("started")
    await setup.device.observe()
    setup.client.under_way.clear()
    setup.client.looks = [replace(look("cancelled"), file=look("printing").file)]
    observing = asyncio.create_task(setup.device.observe())
    await setup.client.under_way.wait()
    setup.client.under_way.clear()
    await asyncio.sleep(0.01)  # it has its answer, and waits
    assert not setup.client.under_way.is_set()
    setup.now_ms = 1234
    await setup.hear("done")
    told = await observing
    ends = [(one.at_ms, one.ended.outcome) for one in told if one.ended]
    assert ends == [(1234, Outcome.CUSTOMER)]
    assert told[-1].state is DeviceState.TO_BE_CLEARED


async def test_where_no_event_comes_the_look_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The push socket only adds."""
    monkeypatch.setattr(module, "EXPLAINED_WITHIN", 0.01)
    setup = Setup(look("none"), look("printing"), connected=True)
    await setup.device.observe()
    (seen,) = await setup.device.observe()
    assert seen.use is not None


async def test_a_push_socket_that_stays_away_is_a_problem_after_a_while() -> None:
    """Not one that has just begun to connect."""
    setup = Setup(look("none"))
    await setup.device.start()
    (first,) = await setup.device.observe()
    setup.now_ms += module.PUSH_MISSED_MS + 1
    (later,) = await setup.device.observe()
    setup.push.connected = True
    (back,) = await setup.device.observe()
    assert [one.problems for one in (first, later, back)] == [(), ("push_unavailable",), ()]


async def test_a_problem_is_logged_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A printer that is off all night fills no disk."""
    caplog.set_level(logging.INFO, "agents.devices.octoprint")
    away = Unreachable("ConnectionError")
    setup = Setup(look("none"), away, away, away, look("none"))
    for _ in range(6):
        await setup.device.observe()
    assert [record.message for record in caplog.records] == [
        "octoprint_unreachable: ConnectionError",
        "OctoPrint answers again",
    ]


async def test_a_look_that_takes_too_long_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """`observe` is bounded in time, whatever the client does."""
    monkeypatch.setattr(module, "OBSERVE_LIMIT", 0.01)
    setup = Setup(look("none"))

    async def never() -> Reading:
        await asyncio.get_running_loop().create_future()
        return look("none")

    monkeypatch.setattr(setup.client, "look", never)
    (seen,) = await setup.device.observe()
    assert seen.device_link is DeviceLink.DISCONNECTED
    assert seen.problems == ("octoprint_unreachable",)


@pytest.mark.parametrize(
    ("step", "told", "way"),
    [(Step.END, "cancel", Phase.IDLE), (Step.PAUSE, "pause", Phase.PAUSED)],
)
async def test_an_order_is_given_again_until_it_took_effect(
    step: Step, told: str, way: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OctoPrint may answer 204 and do nothing; while it is on its way, it is left alone."""
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    on_its_way = replace(look("printing"), toward=way)
    end = look("none") if step is Step.END else look("paused")
    setup = Setup(look("printing"), look("printing"), on_its_way, on_its_way, end)
    assert await setup.device.carry_out(Order(step)) == DONE
    assert setup.client.told == [told, told]


@pytest.mark.parametrize(
    ("step", "reason"), [(Step.END, "does_not_cancel"), (Step.PAUSE, "does_not_pause")]
)
async def test_a_print_that_does_not_obey_is_a_failure_in_time(
    step: Step, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent decides what then."""
    monkeypatch.setattr(module, "CARRY_OUT_LIMIT", 0.1)
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    setup = Setup(look("printing"))
    assert await setup.device.carry_out(Order(step)) == Answer(OrderOutcome.FAILED, reason)


async def test_an_order_waits_for_an_octoprint_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be back in time; a refused key is told at once."""
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    away = Unreachable("ConnectionError")
    setup = Setup(away, look("printing"), away, look("none"))
    assert await setup.device.carry_out(Order(Step.END)) == DONE
    setup = Setup(KeyRefused("403"))
    answer = await setup.device.carry_out(Order(Step.END))
    assert answer == Answer(OrderOutcome.FAILED, "octoprint_key_refused")


async def test_a_cancel_that_comes_too_late_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """OctoPrint answers 409 where nothing prints any more."""
    monkeypatch.setattr(module, "AGAIN_AFTER", 0.01)
    setup = Setup(look("printing"), look("done"))
    setup.client.refuses = NotPossible("409")
    assert await setup.device.carry_out(Order(Step.END)) == DONE
    told = await setup.device.observe()
    assert [one.ended.outcome for one in told if one.ended] == [Outcome.CUSTOMER]


async def test_the_end_of_a_cancelled_print_is_put_down_to_the_turn() -> None:
    """What the order's own looks saw is told with the next observation."""
    cancelled = replace(look("cancelled"), file=look("printing").file)
    setup = Setup(look("printing"), look("printing"), cancelled)
    await setup.device.observe()
    assert await setup.device.carry_out(Order(Step.END)) == DONE
    async with asyncio.timeout(1):
        await setup.device.changed()
    told = await setup.device.observe()
    assert [one.ended.outcome for one in told if one.ended] == [Outcome.TURN_OVER]


@pytest.mark.parametrize("step", [Step.OPEN, Step.CLOSE])
async def test_a_level_asks_nothing_of_the_printer(step: Step) -> None:
    """It has no lock: the agent ends what begins while closed."""
    setup = Setup(look("none"))
    assert await setup.device.carry_out(Order(step)) == DONE
    assert (setup.client.looked, setup.client.told) == (0, [])


async def test_a_printer_can_not_be_locked() -> None:
    """Said, not tried."""
    answer = await Setup(look("none")).device.carry_out(Order(Step.LOCK))
    assert answer == Answer(OrderOutcome.UNSUPPORTED, "no_lock")


@pytest.mark.parametrize(
    ("order", "line"),
    [
        (Order(Step.WARN, seconds_left=300, phrase="turn_ends_in"), "Jaljella 5 min"),
        (Order(Step.WARN, seconds_left=30), "Jaljella 30 s"),
        (Order(Step.NOTICE, phrase="turn_over"), "Vuoro paattynyt"),
        (Order(Step.NOTICE, phrase="turn_ends_in", arguments={"seconds": 60}), "Jaljella 1 min"),
    ],
)
async def test_words_are_brief_and_ascii(order: Order, line: str) -> None:
    """Printers' displays are small and know no dots."""
    setup = Setup(look("none"))
    assert await setup.device.carry_out(order) == DONE
    assert setup.client.told == [line]


@pytest.mark.parametrize("phrase", [None, "free_cake"])
async def test_an_unknown_phrase_is_not_shown(phrase: str | None) -> None:
    """A newer orchestrator may know more of them."""
    answer = await Setup(look("none")).device.carry_out(Order(Step.NOTICE, phrase=phrase))
    assert answer == Answer(OrderOutcome.UNSUPPORTED, "unknown_phrase")


async def test_stopping_keeps_the_print_in_mind(tmp_path: Path) -> None:
    """With the time that it has printed, so that another one is told apart."""
    memory = tmp_path / "print.json"
    setup = Setup(look("printing"), memory=memory)
    (before,) = await setup.device.observe()
    setup.client.looks = [look("printing", printTime=77)]
    await setup.device.observe()
    await setup.device.stop()
    assert "77000" in memory.read_text()
    (after,) = await Setup(look("printing", printTime=80), memory=memory).device.observe()
    assert after.use == before.use
    _, other = await Setup(look("printing", printTime=5), memory=memory).device.observe()
    assert other.use != before.use
