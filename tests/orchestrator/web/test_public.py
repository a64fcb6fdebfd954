"""What may be read over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mqtt_schemas.base import DeviceState
from mqtt_schemas.messages import Phase, Presence, TurnNow
from orchestrator import last_backup
from orchestrator.booking_service import Order
from orchestrator.delivery import Delivery
from tests.orchestrator.fakes import NOW, status
from tests.orchestrator.parts import PRINTER, House, client, house

HOUR = timedelta(hours=1)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[House]:
    """Return the parts of an orchestrator."""
    with house(tmp_path) as made:
        yield made


async def get(running: House, path: str, code: int = 200) -> object:
    """Return the JSON at a path."""
    async with client(running.parts.public) as reader:
        answer = await reader.get(path)
    assert answer.status_code == code
    found: object = answer.json()
    return found


async def test_a_device_that_was_never_heard_of_says_so(running: House) -> None:
    """Every field is there, and nothing is made up."""
    await running.parts.dispatch.start()
    devices = await get(running, "/api/v1/devices")
    assert isinstance(devices, list)
    assert [device["device"] for device in devices] == ["pc-1", "printer-1"]
    assert devices[1] == {
        "site": "paja",
        "device": "printer-1",
        "kind": "printer",
        "name": "Printer 1",
        "link": "never",
        "device_link": None,
        "state": None,
        "turn": None,
        "next_turn": None,
        "seconds_left": None,
        "blocked": None,
        "to_be_cleared": False,
        "problems": [],
        "plan_in_force": False,
        "sessions_today": 0,
        "active_seconds_today": 0.0,
    }


async def test_a_device_shows_its_turn_and_the_next(running: House) -> None:
    """The running one by what the device says, times by the plan."""
    parts = running.parts
    await parts.dispatch.start()
    now_, next_ = [
        (
            await parts.services.bookings.add(Order("printer-1", start, start + HOUR, "nuoret"))
        ).booking
        for start in (NOW, NOW + 2 * HOUR)
    ]
    plan = await parts.dispatch.refresh(PRINTER)
    running.clock.pass_by(600)
    message = status(plan).model_copy(
        update={
            "state": DeviceState.IN_USE,
            "turn": TurnNow(id=now_.id, phase=Phase.OPEN),
            "problems": ("no_sight",),
            "blocked": "does_not_end",
        }
    )
    running.report(message)
    devices = await get(running, "/api/v1/devices")
    assert isinstance(devices, list)
    seen = devices[1]
    assert (seen["link"], seen["state"], seen["device_link"]) == ("online", "in_use", "connected")
    assert seen["turn"] == {
        "id": now_.id,
        "phase": "open",
        "starts_at": "2026-11-25T12:00:00.000Z",
        "ends_at": "2026-11-25T13:00:00.000Z",
    }
    assert (seen["next_turn"]["id"], seen["next_turn"]["phase"]) == (next_.id, None)
    assert seen["seconds_left"] == 3000
    assert seen["plan_in_force"] is True
    assert (seen["problems"], seen["blocked"]) == (["no_sight"], "does_not_end")


@pytest.mark.parametrize(
    "told", [{"state": DeviceState.TO_BE_CLEARED}, {"to_be_cleared": "5f1c9a3e"}]
)
async def test_a_device_with_a_part_on_it_is_to_be_cleared(
    running: House, told: dict[str, object]
) -> None:
    """By what the printer shows, or by what its agent remembers of the last print."""
    await running.parts.dispatch.start()
    running.report(status().model_copy(update=told))
    devices = await get(running, "/api/v1/devices")
    assert isinstance(devices, list)
    assert [device["to_be_cleared"] for device in devices] == [False, True]


async def test_a_device_that_went_silent_is_offline(running: House) -> None:
    """What it last reported stays; its turn is not claimed to go on."""
    parts = running.parts
    await parts.dispatch.start()
    turn = (
        await parts.services.bookings.add(Order("printer-1", NOW, NOW + HOUR, "nuoret"))
    ).booking
    plan = await parts.dispatch.refresh(PRINTER)
    now = TurnNow(id=turn.id, phase=Phase.OPEN)
    running.report(status(plan).model_copy(update={"turn": now}))
    running.clock.pass_by(46)
    devices = await get(running, "/api/v1/devices")
    assert isinstance(devices, list)
    assert (devices[1]["link"], devices[1]["state"]) == ("offline", "free")
    assert (devices[1]["turn"], devices[1]["seconds_left"]) == (None, None)
    assert devices[1]["plan_in_force"] is False


async def test_totals_hold_every_device_and_what_became_of_messages(running: House) -> None:
    """Zeros too: a device without use is not a device that is missing."""
    totals = await get(running, "/api/v1/totals")
    assert isinstance(totals, dict)
    assert totals["devices"]["paja/printer-1"] == {
        "kind": "printer",
        "sessions": 0,
        "active_seconds": 0.0,
        "idle_seconds": 0.0,
        "ended_by_turn": 0,
        "outside_sessions": 0,
        "outside_seconds": 0.0,
        "staff_entered": {"sessions": 0, "active_seconds": 0.0},
        "by_target_group": {},
    }
    assert totals["events"] == {"accepted": 0, "duplicates": 0, "set_aside": 0, "rejected": 0}


async def test_health_is_degraded_without_a_broker(running: House) -> None:
    """In words and by the status code, for people and for load balancers."""
    running.report(status())
    health = await get(running, "/healthz", 503)
    assert health == {
        "status": "degraded",
        "broker": {
            "connected": False,
            "problem": "not connected yet",
            "other_orchestrators": [],
        },
        "database": {"healthy": True, "last_backup": None},
        "devices": {"total": 2, "online": 1, "plan_in_force": 0, "attended": 0},
        "feeds": [],
    }
    running.parts.bus.connected = True
    health = await get(running, "/healthz")
    assert isinstance(health, dict)
    assert health["status"] == "ok"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version="),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_metrics_come_in_the_form_that_is_asked_for(
    running: House, accept: str, content_type: str
) -> None:
    """Text, or OpenMetrics with its end mark."""
    async with client(running.parts.public) as reader:
        answer = await reader.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(content_type)
    assert "laitevuoro_plan_conflicts_total 0" in answer.text
    assert answer.text.endswith("# EOF\n") == ("openmetrics" in content_type)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/bookings"), ("GET", "/api/v1/bookings"), ("DELETE", "/metrics")],
)
async def test_nothing_can_be_changed_here(running: House, method: str, path: str) -> None:
    """Nor bookings read: they are on the Unix socket. The refusal is a sentence."""
    async with client(running.parts.public) as reader:
        answer = await reader.request(method, path)
    assert answer.status_code in {404, 405}
    assert set(answer.json()) == {"error"}


async def test_a_booking_without_a_device_online_waits(running: House) -> None:
    """The parts are connected with each other."""
    await running.parts.dispatch.start()
    change = await running.parts.services.bookings.add(
        Order("printer-1", NOW, NOW + HOUR, "nuoret")
    )
    assert change.delivery is Delivery.OFFLINE


async def test_health_tells_of_the_last_backup_and_of_other_orchestrators(running: House) -> None:
    """A second orchestrator of the same sites is a fault; no backup yet is none."""
    bus = running.parts.bus
    bus.connected, bus.problem = True, None
    last_backup.note(running.config.orchestrator.state_dir, NOW)
    health = await get(running, "/healthz")
    assert isinstance(health, dict)
    assert health["status"] == "ok"
    assert health["database"]["last_backup"] == "2026-11-25T12:00:00.000Z"
    presence = Presence(state="online", at=NOW, sites=("paja",))
    bus._rivals.see("laitevuoro/v1/orchestrator/spare", presence, retained=False)
    health = await get(running, "/healthz", code=503)
    assert isinstance(health, dict)
    assert health["broker"]["other_orchestrators"] == ["laitevuoro/v1/orchestrator/spare"]
