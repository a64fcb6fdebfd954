"""Alarms of a running orchestrator: seen, logged, served and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mqtt_schemas.base import Basis
from mqtt_schemas.messages import Checkpoint, Status
from orchestrator.domain.alarms import ENDING, TAKING_UP, Kind
from orchestrator.store.intake import take_in
from tests.orchestrator.fakes import status
from tests.orchestrator.histories import History, ended, started
from tests.orchestrator.parts import PRINTER, House, client, house


@pytest.fixture
def running(tmp_path: Path) -> Iterator[House]:
    """Return the parts of an orchestrator."""
    with house(tmp_path) as made:
        yield made


def outside(seconds: float) -> Status:
    """Return the status of a device that is used though it is closed."""
    used = Checkpoint(
        session="s",
        turn=None,
        basis=Basis.OUTSIDE,
        at_ms=0,
        active_ms=round(seconds * 1000),
        idle_ms=0,
    )
    return status().model_copy(update={"session": used})


async def test_a_device_that_does_not_obey_is_told_of_once_until_it_does(running: House) -> None:
    """In the log of the service when it comes and when it goes, not at every look between."""
    running.report(status().model_copy(update={"blocked": "does_not_lock"}))
    with capture_logs() as logged:
        for _ in range(3):
            await running.parts.alarms.look()
            running.clock.pass_by(1)
        running.report(status())
        await running.parts.alarms.look()
    told = [(entry["event"], entry["alarm"], entry["device"]) for entry in logged]
    assert told == [
        ("alarm", "not_obeyed", "paja/printer-1"),
        ("alarm_over", "not_obeyed", "paja/printer-1"),
    ]


async def test_alarms_are_read_over_http_and_measured(running: House) -> None:
    """The most urgent first, each with a sentence for the desk; its metric says the same."""
    running.report(status().model_copy(update={"blocked": "does_not_lock"}))
    async with client(running.parts.public) as reader:
        [alarm] = (await reader.get("/api/v1/alarms")).json()
        metrics = (await reader.get("/metrics")).text
    assert alarm == {
        "site": "paja",
        "device": "printer-1",
        "name": "Printer 1",
        "alarm": "not_obeyed",
        "severity": "critical",
        "since": "2026-11-25T12:00:00.000Z",
        "turn": None,
        "reason": "does_not_lock",
        "count": None,
        "message": "Printer 1 does not end a use that is over.",
    }
    labels = 'alarm="not_obeyed",device="printer-1",severity="critical",site="paja"'
    assert f"laitevuoro_alarm{{{labels}}} 1.0" in metrics


async def test_use_outside_every_turn_is_seen_counted_and_alarmed(running: House) -> None:
    """While it goes on, and for the rest of the day once its session is over."""
    running.report(outside(ENDING.total_seconds() + 1))
    [now] = await running.parts.alarms.look()
    assert now.kind is Kind.USE_OUTSIDE
    history = History(address=PRINTER).add(
        started(basis=Basis.OUTSIDE, at_ms=running.clock.wall_ms() - 60_000),
        ended(basis=Basis.OUTSIDE, at_ms=running.clock.wall_ms()),
    )
    await running.database.write(
        lambda rows: take_in(
            rows,
            batches=[history.batch()],
            now_ms=running.clock.wall_ms(),
            zone=running.config.zone,
        )
    )
    running.report(status())
    [later] = await running.parts.alarms.look()
    assert (later.kind, later.count) == (Kind.USED_OUTSIDE, 1)
    running.clock.pass_by(86_400)
    assert await running.parts.alarms.look() == ()


async def test_a_plan_that_nobody_carries_out_is_an_alarm_after_a_while(running: House) -> None:
    """The agent lives and reports another plan, or none."""
    await running.parts.dispatch.start()
    running.report(status())
    assert await running.parts.alarms.look() == ()
    running.clock.pass_by(TAKING_UP.total_seconds())
    running.report(status())
    [alarm] = await running.parts.alarms.look()
    assert alarm.kind is Kind.PLAN_NOT_IN_FORCE
