"""The OctoPrint device against a real OctoPrint with its virtual printer."""

from __future__ import annotations

import asyncio
import secrets
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from agents.clock import SystemClock
from agents.devices import octoprint as driver
from agents.devices.octoprint.device import OctoPrintDevice
from agents.model import Answer, Observation, Order
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step
from orchestrator.demo_octoprint import OctoPrint
from tests.e2e.octoprint import until

# OctoPrint is built by the first test's fixture, where the cache is empty: not in this time.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90, func_only=True)]

DONE = Answer(OrderOutcome.DONE)


class Watcher:
    """Observes a device as the agent's runtime does, and keeps all that it told."""

    def __init__(self, device: OctoPrintDevice) -> None:
        self.device = device
        self.told: list[Observation] = []
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Look at each interval, and when something changed."""
        while True:
            self.told.extend(await self.device.observe())
            self._more.set()
            try:
                async with asyncio.timeout(self.device.interval):
                    await self.device.changed()
            except TimeoutError:
                pass

    async def until(
        self, holds: Callable[[Observation], bool], within: float = 20.0
    ) -> Observation:
        """Return the first observation of those told since the last call for which it holds."""
        async with asyncio.timeout(within):
            seen = 0
            while True:
                for one in self.told[seen:]:
                    seen += 1
                    if holds(one):
                        return one
                self._more.clear()
                await self._more.wait()

    def forget(self) -> None:
        """Let `until` begin anew."""
        self.told.clear()

    def ends(self) -> list[tuple[str, Outcome]]:
        """Return the ends told so far."""
        return [(one.ended.use, one.ended.outcome) for one in self.told if one.ended]

    def states(self) -> list[DeviceState]:
        """Return the states told so far, repetitions left out."""
        states: list[DeviceState] = []
        for one in self.told:
            if states[-1:] != [one.state]:
                states.append(one.state)
        return states


@asynccontextmanager
async def watched(
    server: OctoPrint, *, patience: int = 30, memory: Path | None = None, key: Path | None = None
) -> AsyncIterator[Watcher]:
    """Give a started device of the server, watched, and its printer idle."""
    settings = driver.Settings(
        url=server.url,
        api_key_file=key or server.api_key_file,
        language="en",
        unreachable_after_seconds=patience,
    )
    device = driver.build(settings, SystemClock(), memory)
    await device.start()
    watcher = Watcher(device)
    watching = asyncio.create_task(watcher.run(), name="watcher")
    try:
        await watcher.until(lambda one: one.device_link is DeviceLink.CONNECTED)
        yield watcher
    finally:
        watching.cancel()
        await device.stop()


async def start_print(server: OctoPrint, dwells: int) -> None:
    """Start a print, off the event loop."""
    await asyncio.to_thread(server.start_print, dwells)


async def begun(watcher: Watcher) -> str:
    """Return the use that has begun."""
    seen = await watcher.until(lambda one: one.use is not None)
    assert seen.use is not None
    return seen.use


def ended(one: Observation) -> bool:
    """Tell whether a use ended."""
    return one.ended is not None


async def test_a_print_is_told_from_free_to_to_be_cleared_with_its_figures(
    octoprint: OctoPrint,
) -> None:
    """States in order, one use, its filament by OctoPrint's analysis, its time by our clock."""
    async with watched(octoprint) as watcher:
        watcher.forget()
        await start_print(octoprint, dwells=20)
        use = await begun(watcher)
        end = await watcher.until(ended)
        assert watcher.states()[-2:] == [DeviceState.IN_USE, DeviceState.TO_BE_CLEARED]
        assert watcher.ends() == [(use, Outcome.CUSTOMER)]
        assert end.ended is not None
        assert end.ended.figures["filament_mm"] == 20
        assert end.ended.figures["progress_percent"] == 100
        first = next(one for one in watcher.told if one.use)
        assert end.at_ms - first.at_ms == pytest.approx(end.ended.figures["print_ms"], abs=200)
        assert 3900 < end.ended.figures["print_ms"] < 5500
        assert "nozzle_celsius" in end.readings
        assert end.problems == ()


async def test_a_print_is_told_how_long_it_will_take(octoprint: OctoPrint) -> None:
    """By OctoPrint's analysis, while it prints: what a plan's print_fit is held against."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=60)
        told = await watcher.until(lambda one: "estimated_ms" in one.figures, within=6)
        assert told.figures["estimated_ms"] == pytest.approx(60 * 210, rel=0.2)
        assert told.readings["estimated_seconds"] == round(told.figures["estimated_ms"] / 1000)


async def test_an_event_is_told_at_once(octoprint: OctoPrint) -> None:
    """By the push socket, long before the next look is due."""
    async with watched(octoprint) as watcher:
        await asyncio.to_thread(_until_pushed, watcher.device)
        watcher.device.interval = 60
        await start_print(octoprint, dwells=10)
        await watcher.until(lambda one: one.active, within=3)
        await watcher.until(ended, within=5)


async def test_a_print_is_counted_without_the_push_socket(octoprint: OctoPrint) -> None:
    """By looks alone; that the socket is missing is told as a problem."""
    async with watched(octoprint) as watcher:
        await asyncio.to_thread(_until_pushed, watcher.device)
        await asyncio.to_thread(watcher.device._push.stop)
        watcher.forget()
        await start_print(octoprint, dwells=40)
        use = await begun(watcher)
        end = await watcher.until(ended)
        assert watcher.ends() == [(use, Outcome.CUSTOMER)]
        assert end.ended is not None
        assert end.ended.figures["filament_mm"] == 40
        await watcher.until(lambda one: "push_unavailable" in one.problems)


async def test_a_print_paused_by_its_customer_goes_on_and_is_not_active(
    octoprint: OctoPrint,
) -> None:
    """One use through pause and resume; cancelled by hand, it is the customer's end."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        watcher.forget()
        await asyncio.to_thread(octoprint.command, "/api/job", command="pause", action="pause")
        paused = await watcher.until(lambda one: one.state is DeviceState.PAUSED)
        assert (paused.use, paused.active) == (use, False)
        watcher.forget()
        await asyncio.to_thread(octoprint.command, "/api/job", command="pause", action="resume")
        await watcher.until(lambda one: one.use == use and one.active)
        await asyncio.to_thread(octoprint.command, "/api/job", command="cancel")
        await watcher.until(ended)
        assert watcher.ends() == [(use, Outcome.CUSTOMER)]


async def test_an_order_to_end_cancels_the_print_and_sees_that_it_did(
    octoprint: OctoPrint,
) -> None:
    """Done means that the printer stands; the end is put down to the turn. Twice does no harm."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        async with asyncio.timeout(15):
            assert await watcher.device.carry_out(Order(Step.END, phrase="turn_over")) == DONE
        assert await asyncio.to_thread(octoprint.state) == "Operational"
        end = await watcher.until(ended, within=3)
        assert watcher.ends() == [(use, Outcome.TURN_OVER)]
        assert end.state is DeviceState.FREE
        assert await watcher.device.carry_out(Order(Step.END)) == DONE
        assert await watcher.device.carry_out(Order(Step.PAUSE)) == DONE


async def test_an_order_to_pause_sees_that_the_print_is_paused_and_one_to_end_ends_it(
    octoprint: OctoPrint,
) -> None:
    """A paused print is in hand still."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        assert await watcher.device.carry_out(Order(Step.PAUSE)) == DONE
        assert await asyncio.to_thread(octoprint.state) == "Paused"
        await watcher.until(lambda one: one.state is DeviceState.PAUSED, within=3)
        assert watcher.ends() == []
        assert await watcher.device.carry_out(Order(Step.END)) == DONE
        await watcher.until(ended, within=3)
        assert watcher.ends() == [(use, Outcome.TURN_OVER)]


async def test_orders_to_pause_and_end_at_once_end_the_print(octoprint: OctoPrint) -> None:
    """While OctoPrint is pausing it may drop what it is told: the order is given again."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        await begun(watcher)
        pausing = asyncio.create_task(watcher.device.carry_out(Order(Step.PAUSE)))
        assert await watcher.device.carry_out(Order(Step.END)) == DONE
        assert await pausing == DONE
        assert await asyncio.to_thread(octoprint.state) == "Operational"


async def test_words_are_shown_on_the_printers_display(octoprint: OctoPrint) -> None:
    """M117 reaches the printer: its serial log has it. A printer can't be locked."""
    async with watched(octoprint) as watcher:
        device = watcher.device
        assert await device.carry_out(Order(Step.WARN, seconds_left=300)) == DONE
        assert await device.carry_out(Order(Step.NOTICE, phrase="closed_now")) == DONE
        unknown = await device.carry_out(Order(Step.NOTICE, phrase="free_cake"))
        assert unknown == Answer(OrderOutcome.UNSUPPORTED, "unknown_phrase")
        assert await device.carry_out(Order(Step.LOCK)) == Answer(
            OrderOutcome.UNSUPPORTED, "no_lock"
        )
        log = octoprint.folder / "logs" / "serial.log"
        shown = "M117 Book a turn first"
        await asyncio.to_thread(until, "the line is sent", lambda: shown in log.read_text())
        assert "M117 Time left: 5 min" in log.read_text()


async def test_kill_9_in_a_print_is_a_fault_when_octoprint_is_back(octoprint: OctoPrint) -> None:
    """Disconnected at first; after its restart there is no job: interrupted, never done."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        watcher.forget()
        await asyncio.to_thread(octoprint.kill)
        away = await watcher.until(lambda one: one.device_link is DeviceLink.DISCONNECTED)
        assert (away.use, away.active) == (use, False)
        assert away.problems == ("octoprint_unreachable",)
        await asyncio.to_thread(octoprint.restart)
        end = await watcher.until(ended)
        assert watcher.ends() == [(use, Outcome.DEVICE_FAULT)]
        assert end.at_ms == away.at_ms
        await watcher.until(lambda one: one.state is DeviceState.FREE)
        await asyncio.to_thread(_until_pushed, watcher.device)


async def test_kill_9_in_a_print_is_a_fault_after_a_while_out_of_reach(
    octoprint: OctoPrint,
) -> None:
    """Where OctoPrint stays away, the use ended when it was last seen."""
    async with watched(octoprint, patience=5) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        await asyncio.to_thread(octoprint.kill)
        watcher.forget()
        await watcher.until(ended)
        assert watcher.ends() == [(use, Outcome.DEVICE_FAULT)]
        gone = await watcher.until(lambda one: one.use is None and one.ended is None)
        assert (gone.device_link, gone.state) == (DeviceLink.DISCONNECTED, DeviceState.OFF)
        order = asyncio.create_task(watcher.device.carry_out(Order(Step.WARN, seconds_left=60)))
        assert await order == Answer(OrderOutcome.FAILED, "octoprint_unreachable")


async def test_an_octoprint_that_hangs_is_out_of_reach_within_the_time_of_a_look(
    octoprint: OctoPrint,
) -> None:
    """It accepts the connection and says nothing (SIGSTOP); when it goes on, so does the print."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        octoprint.freeze()
        try:
            watcher.forget()
            await watcher.until(lambda one: one.device_link is DeviceLink.DISCONNECTED, within=8)
        finally:
            octoprint.thaw()
        watcher.forget()
        await watcher.until(lambda one: one.use == use and one.active)
        assert watcher.ends() == []


async def test_a_printer_that_is_switched_off_is_off_and_its_print_a_fault(
    octoprint: OctoPrint,
) -> None:
    """OctoPrint answers 409 for it: the link to OctoPrint is there, the printer is not."""
    async with watched(octoprint) as watcher:
        await start_print(octoprint, dwells=100)
        use = await begun(watcher)
        await asyncio.to_thread(octoprint.command, "/api/connection", command="disconnect")
        off = await watcher.until(lambda one: one.state is DeviceState.OFF)
        assert off.device_link is DeviceLink.CONNECTED
        assert watcher.ends() == [(use, Outcome.DEVICE_FAULT)]
        shown = await watcher.device.carry_out(Order(Step.WARN, seconds_left=60))
        assert shown == Answer(OrderOutcome.FAILED, "printer_not_ready")
        assert await watcher.device.carry_out(Order(Step.END)) == DONE


async def test_a_restarted_agent_knows_the_print_in_hand(
    octoprint: OctoPrint, tmp_path: Path
) -> None:
    """By its memory, which names no file. One that ended meanwhile is told with its end."""
    memory = tmp_path / "print.json"
    async with watched(octoprint, memory=memory) as watcher:
        await start_print(octoprint, dwells=60)
        use = await begun(watcher)
        await watcher.until(lambda one: one.figures.get("progress_percent", 0) > 5)
    assert ".gcode" not in memory.read_text()
    async with watched(octoprint, memory=memory) as watcher:
        assert await begun(watcher) == use
    await asyncio.to_thread(octoprint.command, "/api/job", command="cancel")
    async with watched(octoprint, memory=memory) as watcher:
        await watcher.until(ended)
        assert watcher.ends() == [(use, Outcome.CUSTOMER)]
    assert not memory.exists()


async def test_a_refused_key_is_a_problem_until_a_good_one_is_there(
    octoprint: OctoPrint, tmp_path: Path
) -> None:
    """Revoked at OctoPrint while the push socket streams on; a new key needs no restart."""
    key = tmp_path / "agent.key"
    key.write_text(octoprint.api_key)
    async with watched(octoprint, key=key) as watcher:
        await asyncio.to_thread(_until_pushed, watcher.device)
        await asyncio.to_thread(_revoke, octoprint)
        watcher.forget()
        refused = await watcher.until(lambda one: one.problems != ())
        assert refused.problems == ("octoprint_key_refused",)
        assert refused.device_link is DeviceLink.DISCONNECTED
        ordered = await watcher.device.carry_out(Order(Step.END))
        assert ordered == Answer(OrderOutcome.FAILED, "octoprint_key_refused")
        key.write_text(octoprint.customer_key)
        watcher.forget()
        await watcher.until(lambda one: one.device_link is DeviceLink.CONNECTED)
    # The module's server has lost its agent: the tests after this one get a new one.
    await asyncio.to_thread(octoprint.stop)
    octoprint.api_key = secrets.token_hex(16)
    octoprint.write_configuration()


async def test_nothing_at_the_address_is_out_of_reach(tmp_path: Path) -> None:
    """The agent starts, tells so at once, and stops in good order."""
    key = tmp_path / "agent.key"
    key.write_text("0" * 32)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        device = driver.build(driver.Settings(url=url, api_key_file=key), SystemClock())
        await device.start()
        (seen,) = await device.observe()
        await device.stop()
    assert (seen.device_link, seen.state) == (DeviceLink.DISCONNECTED, DeviceState.OFF)
    assert seen.problems == ("octoprint_unreachable",)


def test_the_keys_are_nobody_elses_to_read(octoprint: OctoPrint) -> None:
    """The demo's key files are its user's alone."""
    for name in ("agent.key", "users.yaml"):
        mode = (octoprint.folder / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def _until_pushed(device: OctoPrintDevice) -> None:
    until("the push socket is open", lambda: device._push.connected)


def _revoke(server: OctoPrint) -> None:
    answer = httpx.delete(
        f"{server.url}/api/access/users/agent/apikey",
        headers={"X-Api-Key": server.api_key},
        trust_env=False,
    )
    answer.raise_for_status()
