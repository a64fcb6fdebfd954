"""The whole of /metrics."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.codec import encode
from mqtt_schemas.messages import Phase, TurnNow
from mqtt_schemas.topics import Channel, device_topic
from orchestrator import last_backup
from orchestrator.metrics import FAMILIES, RESULTS, Metrics, Service
from orchestrator.store.counters import CLOSED, Counted
from orchestrator.store.database import Database
from tests.orchestrator.histories import (
    BOOT,
    DEVICES,
    MORNING,
    PRINTER,
    STATION,
    History,
    checkpoint,
    connection_id,
    ended,
    link,
    log_id,
    started,
    status,
)
from tests.orchestrator.test_ingest import Setting
from tests.parts import require


class Scene:
    """An ingest that has taken all kinds of things, and its metrics."""

    def __init__(self, database: Database) -> None:
        self.setting = Setting(database)
        self.metrics = Metrics(
            devices=DEVICES,
            twins=self.setting.twins,
            ingest=self.setting.ingest,
            database=database,
            wall_ms=self.setting.clock.wall_ms,
            monotonic=self.setting.clock.monotonic,
            service=Service(
                version="0.1.0",
                broker_connected=lambda: True,
                other_orchestrators=lambda: 0,
                plan_conflicts=lambda: 2,
                alarms=lambda: (),
                observed_today=lambda: {PRINTER: 0.75},
            ),
            target_groups=("lapset",),
        )

    async def play(self) -> None:
        """Let something of each kind happen."""
        receive = self.setting.ingest.receive
        history = History().add(
            started("session-4711", party=2), ended("session-4711", categories={"game": 1})
        )
        history.add_bad().add(ended("s2", figures={"filament_mm": 3}))
        async with self.setting.running():
            receive(device_topic(PRINTER, Channel.LINK), encode(link()))
            receive(
                device_topic(PRINTER, Channel.STATUS),
                encode(
                    status(
                        session=checkpoint("session-4711"),
                        turn=TurnNow(id="turn-4711", phase=Phase.OPEN),
                        readings={"nozzle_celsius": 20.0},
                    )
                ),
            )
            receive(device_topic(PRINTER, Channel.STATUS), b"{")
            receive("laitevuoro/v1/main/stranger/up/link", encode(link()))
            self.setting.send(history)
            await self.setting.ack()

    async def text(self, accept: str = "") -> str:
        """Return what is served."""
        body, _ = await self.metrics.render(accept)
        return body.decode()


@pytest.fixture
async def scene(database: Database) -> Scene:
    """Return a scene that was played."""
    scene = Scene(database)
    await scene.play()
    return scene


async def test_promtool_finds_nothing_to_correct(scene: Scene) -> None:
    """Names, units, types and help are by Prometheus' conventions."""
    promtool = require(shutil.which("promtool"), "promtool is not installed")
    checked = await asyncio.to_thread(
        lambda text: subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        ),
        await scene.text(),
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


async def test_what_is_served_is_what_is_listed(scene: Scene) -> None:
    """Every family is there with its help and type, and none besides but the process's own."""
    lines = (await scene.text()).splitlines()
    served = {
        line.removeprefix("# HELP ")
        for line in lines
        if line.startswith("# HELP") and "process_" not in line
    }
    assert served == {f"{family.name} {family.help}" for family in FAMILIES}
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


async def test_samples_carry_the_labels_that_are_listed(scene: Scene) -> None:
    """No label more, none less."""
    listed = {family.name: set(family.labels) for family in FAMILIES}
    for metric in scene.metrics.collect():
        for sample in metric.samples:
            name = next(
                each for each in (sample.name, sample.name.rsplit("_", 1)[0]) if each in listed
            )
            assert set(sample.labels) - {"le"} == listed[name], name


async def test_nothing_of_a_session_is_a_label(scene: Scene) -> None:
    """No id of a session, a turn, a log or a connection."""
    text = await scene.text()
    assert 'laitevuoro_sessions_total{device="printer-1"' in text
    for secret in ("session-4711", "turn-4711", log_id(1), connection_id(1), BOOT):
        assert secret not in text


async def test_what_became_of_messages_is_counted(scene: Scene) -> None:
    """From zero for each device and result, so that an alarm sees the first fork."""
    text = await scene.text()
    for result in RESULTS:
        number = {"accepted": "3.0", "set_aside": "1.0"}.get(result, "0.0")
        line = (
            f'laitevuoro_events_total{{device="printer-1",result="{result}",site="main"}} {number}'
        )
        assert line in text
    assert (
        'laitevuoro_refused_payloads_total{device="printer-1",fault="not_json",site="main"} 1.0'
        in text
    )
    assert 'laitevuoro_refused_payloads_total{device="",fault="foreign",site=""} 1.0' in text


async def test_the_service_tells_of_itself(scene: Scene) -> None:
    """Its connection, its database, its commits."""
    text = await scene.text()
    for line in (
        'laitevuoro_build_info{version="0.1.0"} 1.0',
        "laitevuoro_broker_connected 1.0",
        "laitevuoro_other_orchestrators 0.0",
        "laitevuoro_plan_conflicts_total 2.0",
        "laitevuoro_database_healthy 1.0",
        "laitevuoro_backup_timestamp_seconds 0.0",
        "laitevuoro_commit_failures_total 0.0",
        "laitevuoro_backlog_messages 0.0",
    ):
        assert line in text.splitlines()
    count = scene.setting.database.latencies.count
    assert count > 0
    assert f"laitevuoro_commit_duration_seconds_count {count}.0" in text


async def test_the_time_of_the_last_backup_is_told(scene: Scene) -> None:
    """So that an alarm can tell of one that was not made."""
    last_backup.note(scene.setting.database.path.parent, utc_from_ms(MORNING))
    assert "laitevuoro_backup_timestamp_seconds 1.795599e+09" in await scene.text()


async def test_sessions_that_were_closed_by_us_are_counted_from_zero(scene: Scene) -> None:
    """By reason, for each device."""
    scene.setting.ingest.counts[Counted(CLOSED, "silence", "main", "printer-1")] += 2
    text = await scene.text()
    for reason, number in (("silence", "2.0"), ("new_log", "0.0")):
        labels = f'device="printer-1",reason="{reason}",site="main"'
        assert f"laitevuoro_closed_sessions_total{{{labels}}} {number}" in text


async def test_a_restart_resets_no_counter(database: Database, scene: Scene) -> None:
    """Another process over the same database goes on where this one was."""
    again = Scene(database)
    await again.setting.ingest.load()
    old, new = await scene.text(), await again.text()
    for name in ("laitevuoro_sessions_total", "laitevuoro_session_active", "laitevuoro_events"):
        before, after = (
            [line for line in text.splitlines() if line.startswith(name)] for text in (old, new)
        )
        assert before == after


async def test_openmetrics_is_served_to_those_who_ask(scene: Scene) -> None:
    """By the Accept header, as Prometheus does."""
    body, content_type = await scene.metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


async def test_a_device_out_of_reach_is_there_from_the_start(scene: Scene) -> None:
    """An alarm on a device that never came needs its series."""
    assert f'laitevuoro_agent_up{{device="{STATION.device}",site="main"}} 0.0' in await scene.text()
