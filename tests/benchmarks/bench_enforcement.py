"""How punctual turns end, how fast staff's word arrives, and what a change of hours costs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import httpx

from agents.devices.scripted.journal import Ordered
from mqtt_schemas.base import parse_time
from mqtt_schemas.events import OrderOutcome, Step
from mqtt_schemas.topics import Address, Channel, device_topic, down_filter
from orchestrator.places import ADMIN_SOCKET
from tests.benchmarks.bench_status import ask_time
from tests.benchmarks.registry import Result, benchmark
from tests.e2e.brokers import MAIN, SITE, Broker
from tests.e2e.library import Library, Spec, until

VISIT = "[[visit]]\nafter = 0.05\ndoes = [{ active = 1 }]\nstays = true\n"
DEVICES, TURNS = 5, 40
#: Seconds of a turn, and from one to the next.
LENGTH, APART = 1.5, 2.0
ENDS = 100
REPLANNED = 1000
#: What the log says of a plan that was made anew.
PLANNED = b'"event": "plan"'
_DONE = OrderOutcome.DONE


@benchmark
def lateness_of_planned_ends() -> Iterator[Result]:
    """Measure from a turn's planned end to the order carried out, by the device's own journal."""
    with _library([f"d-{n}" for n in range(DEVICES)]) as library, _desk(library) as desk:
        first = datetime.now(UTC) + timedelta(seconds=DEVICES * TURNS * 0.05 + 2)
        turns = {
            _book(desk, device, first + timedelta(seconds=number * APART + shift), LENGTH): device
            for number in range(TURNS)
            for shift, device in ((n * APART / DEVICES, f"d-{n}") for n in range(DEVICES))
        }
        last = first + timedelta(seconds=(TURNS + 1) * APART)
        time.sleep(max(0.0, (last - datetime.now(UTC)).total_seconds()))
        ends = {turn: _ends_ms(desk, device, turn) for turn, device in turns.items()}
        late = [
            order.at_ms - ends[order.turn]
            for device in library.specs
            for order in _first_ends(library, device)
            if order.turn in ends
        ]
    assert len(late) == len(turns), f"{len(late)} of {len(turns)} turns were ended by an order"
    yield from _percentiles("lateness of a planned end at the device", late, p99=100)


@benchmark
def staff_ends_a_turn() -> Iterator[Result]:
    """Measure from the call of the API to the order carried out, and the bare way over MQTT."""
    with _library(["d-0"]) as library, _desk(library) as desk:
        took = [_end_now(library, desk) for _ in range(ENDS)]
        library.stop()
        bare = asyncio.run(_round_trips(library.broker))
    yield from _percentiles(
        "staff's end now: from the call to the order done", took, p50=40, p99=250
    )
    yield from _percentiles("the bare way of a message over MQTT", bare, p50=40, p99=250)


@benchmark
def replan_of_a_thousand_devices() -> Iterator[Result]:
    """Measure the orchestrator's CPU time to plan all anew after a change of hours, intake on."""
    with _library([f"d-{n}" for n in range(REPLANNED)], agents=0) as library:
        seconds, elapsed = asyncio.run(_replan(library))
        sys.stderr.write(f"all plans were at the broker after {elapsed:.2f} s\n")
    yield Result(
        name=f"seconds of one core to re-plan {REPLANNED:,} devices after a change of hours",
        value=seconds,
        unit="s",
        limit=1.0,
        at_most=1.0,
    )


def _percentiles(
    what: str, figures: Sequence[float], *, p99: float, p50: float | None = None
) -> Iterator[Result]:
    cuts = quantiles(figures, n=100, method="inclusive")
    for percent, limit in ((50, p50), (99, p99)):
        yield Result(
            name=f"p{percent} of {what}",
            value=cuts[percent - 1],
            unit="ms",
            limit=p99 if limit is None else limit,
            at_most=1.0,
        )


@contextmanager
def _library(devices: Sequence[str], agents: int | None = None) -> Iterator[Library]:
    with tempfile.TemporaryDirectory() as scratch:
        broker = Broker("mosquitto", Path(scratch) / "broker")
        broker.admit()
        broker.start()
        specs = [Spec(device, script=VISIT) for device in devices]
        library = Library(broker, Path(scratch), specs)
        try:
            if agents is None:
                library.start()
            else:
                library.write()
                library.start_orchestrator()
            yield library
        finally:
            library.stop()
            broker.stop()


@contextmanager
def _desk(library: Library) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(library.folder / "state" / ADMIN_SOCKET))
    with httpx.Client(transport=transport, base_url="http://desk/api/v1", timeout=30) as client:
        yield client


def _book(desk: httpx.Client, device: str, starts_at: datetime, seconds: float) -> str:
    order = {
        "device": device,
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(seconds=seconds)).isoformat(),
        "target_group": "nuoret",
    }
    answer = desk.post("/bookings", json=order)
    assert answer.is_success, answer.text
    return str(answer.json()["booking"]["id"])


def _ends_ms(desk: httpx.Client, device: str, turn: str) -> float:
    """Return when a turn was to end, in boot time."""
    span = {"ends_after": "1970-01-01T00:00:00Z", "starts_before": "9000-01-01T00:00:00Z"}
    found = desk.get("/bookings", params={"device": device, **span}).json()
    ends_at = next(parse_time(each["ends_at"]) for each in found if each["id"] == turn)
    boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6
    return boot_ms + (ends_at - datetime.now(UTC)).total_seconds() * 1000


def _first_ends(library: Library, device: str) -> Iterator[Ordered]:
    seen: set[str | None] = set()
    for line in library.journal(device):
        if isinstance(line, Ordered) and line.step is Step.END and line.outcome is _DONE:
            if line.turn not in seen:
                yield line
            seen.add(line.turn)


def _end_now(library: Library, desk: httpx.Client) -> float:
    """Let somebody use the device, end the turn; return the milliseconds that it took."""
    turn = _book(desk, "d-0", datetime.now(UTC), 60)
    until("somebody uses it", lambda: (library.device("d-0")["turn"] or {}).get("id") == turn)
    library.state("d-0", "in_use")
    began_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6
    answer = desk.patch(f"/bookings/{turn}", json={"ends_at": datetime.now(UTC).isoformat()})
    assert answer.is_success, answer.text
    ended = until(
        "it was ended",
        lambda: next((each for each in _first_ends(library, "d-0") if each.turn == turn), None),
    )
    return ended.at_ms - began_ms


async def _round_trips(broker: Broker) -> list[float]:
    """Return the milliseconds of a message from one client to another, by the same broker."""
    address = Address(SITE, "d-0")
    topic = device_topic(address, Channel.PLAN)
    took = []
    async with broker.client(MAIN) as sender, broker.client(address) as receiver:
        await receiver.subscribe(topic, qos=1)
        messages = receiver.messages
        for number in range(ENDS):
            began = time.perf_counter()
            await sender.publish(topic, str(number), qos=1)
            async for message in messages:
                if message.payload == str(number).encode():
                    break
            took.append((time.perf_counter() - began) * 1000)
    return took


async def _replan(library: Library) -> tuple[float, float]:
    """Import other hours; return CPU and wall seconds until every device's plan is out."""
    hours = library.folder / "hours.json"
    days = [(datetime.now(UTC) + timedelta(days=n)).date().isoformat() for n in range(-2, 9)]
    times = [{"from": "09:00", "to": "19:00", "status": 1}]
    schedules = [{"date": day, "closed": False, "times": times} for day in days]
    hours.write_text(json.dumps({"data": {"schedules": schedules}}))
    await _planned(library, REPLANNED)
    pid = library.orchestrator.pid
    cpu, began = _cpu_seconds(pid), time.perf_counter()
    slowest = asyncio.create_task(_slowest_answer(library.broker))
    words = ("hours", "import", str(hours), "--site", SITE)
    await asyncio.to_thread(library.command, *words)
    await _planned(library, 2 * REPLANNED)
    elapsed = time.perf_counter() - began
    slowest.cancel()
    return _cpu_seconds(pid) - cpu, elapsed


async def _planned(library: Library, plans: int) -> None:
    """Wait until so many plans were made, by the log, and the orchestrator rests again."""
    log, pid = library.orchestrator.log, library.orchestrator.pid
    async with asyncio.timeout(120):
        while log.read_bytes().count(PLANNED) < plans:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        before = -1.0
        while (spent := _cpu_seconds(pid)) - before > 0.03:
            before = spent
            await asyncio.sleep(0.3)


async def _slowest_answer(broker: Broker) -> None:
    """Ask for the time again and again, as a device; say how long the slowest answer took."""
    address, slowest = Address(SITE, "d-0"), 0.0
    try:
        async with broker.client(address) as asker:
            await asker.subscribe(down_filter(address), qos=1)
            while True:
                began = time.perf_counter()
                await ask_time(asker, address)
                slowest = max(slowest, time.perf_counter() - began)
                await asyncio.sleep(0.02)
    finally:
        sys.stderr.write(f"the slowest answer meanwhile took {slowest:.3f} s\n")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
