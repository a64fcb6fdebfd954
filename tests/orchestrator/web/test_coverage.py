"""Coverage over HTTP, and of today, on the real parts of an orchestrator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.events import WatchEnd
from mqtt_schemas.messages import Watching
from orchestrator.store.intake import take_in
from tests.orchestrator.fakes import NOW, status
from tests.orchestrator.histories import BOOT, History
from tests.orchestrator.parts import PRINTER, House, client, house
from tests.orchestrator.store.test_coverage import observed

HOUR = 3_600_000
#: Boot time 0 of the printer's machine: the day's begin in Helsinki.
BEGAN = datetime(2026, 11, 24, 22, tzinfo=UTC)
NAME = "laitevuoro_device_observed_ratio{"
MINE = {"device": "printer-1"}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[House]:
    """Return the parts of an orchestrator, and a morning: two hours seen, one not, nine seen."""
    with house(tmp_path) as made:
        epoch = ms_from_utc(BEGAN)
        history = History(PRINTER).add(
            observed(0, 2 * HOUR, epoch_ms=epoch, until=WatchEnd.GAP),
            observed(3 * HOUR, 12 * HOUR, epoch_ms=epoch, until=WatchEnd.HOUR),
        )
        zone = ZoneInfo("Europe/Helsinki")
        take = partial(take_in, batches=[history.batch()], now_ms=epoch, zone=zone)
        await made.database.write(take)
        yield made


async def get(running: House, asked: dict[str, str], code: int = 200) -> Any:  # noqa: ANN401 - JSON
    """Return the answer."""
    async with client(running.parts.public) as reader:
        answer = await reader.get("/api/v1/coverage", params=asked)
    assert answer.status_code == code, answer.text
    return answer.json()


def span(first: datetime, last: datetime) -> dict[str, str]:
    """Return a period as it is asked for."""
    return {"from": first.isoformat(), "to": last.isoformat()}


async def test_a_device_tells_its_share_and_why_the_rest_was_not_seen(running: House) -> None:
    """Up to now at the latest."""
    found = await get(running, MINE | span(BEGAN, NOW + timedelta(days=1)))
    assert found["starts_at"] == "2026-11-24T22:00:00.000Z"
    assert found["ends_at"] == "2026-11-25T12:00:00.000Z"
    [device] = found["devices"]
    assert device["gaps"] == [
        {
            "starts_at": "2026-11-25T00:00:00.000Z",
            "ends_at": "2026-11-25T01:00:00.000Z",
            "reason": "suspended",
        },
        {
            "starts_at": "2026-11-25T10:00:00.000Z",
            "ends_at": "2026-11-25T12:00:00.000Z",
            "reason": "orchestrator_off",
        },
    ]
    whole = {key: found[key] for key in ("share", "asked_seconds", "missing_seconds")}
    assert whole == {
        "share": 11 / 14,
        "asked_seconds": 14 * 3600,
        "missing_seconds": {"suspended": 3600, "orchestrator_off": 7200},
    }
    assert {key: device[key] for key in whole} == whole


async def test_days_and_devices_add_up(running: House) -> None:
    """One that was never seen is missing, and says so."""
    begins = BEGAN - timedelta(days=1)
    found = await get(running, {"by": "day"} | span(begins, NOW))
    assert [device["device"] for device in found["devices"]] == ["pc-1", "printer-1"]
    assert found["asked_seconds"] == 2 * 38 * 3600
    assert found["devices"][0]["missing_seconds"] == {"never_seen": 38 * 3600}
    parts = found["devices"][1]["parts"]
    assert [(part["name"], part["observed_seconds"]) for part in parts] == [
        ("2026-11-24", 0),
        ("2026-11-25", 11 * 3600),
    ]
    assert [part["asked_seconds"] for part in found["parts"]] == [48 * 3600, 28 * 3600]


async def test_the_newest_heartbeat_counts(running: House) -> None:
    """Provisionally: no event has told of it."""
    message = status()
    clock = message.clock.model_copy(update={"boot_ms": 14 * HOUR, "boot_id": BOOT})
    watching = Watching(from_ms=12 * HOUR, to_ms=14 * HOUR)
    running.report(message.model_copy(update={"clock": clock, "watching": watching}))
    found = await get(running, MINE | span(BEGAN, NOW))
    assert found["missing_seconds"] == {"suspended": 3600}
    assert found["provisional_seconds"] == 7200


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        (span(NOW, BEGAN), 422, "The period ends before it begins."),
        (span(NOW + timedelta(hours=1), NOW + timedelta(hours=2)), 422, "not begun yet"),
        (span(NOW - timedelta(days=4000), NOW), 422, "longer than ten years"),
        ({"from": "2026-11-25", "to": "2026-11-26T00:00:00Z"}, 422, "from: "),
        ({"from": "1900-01-01T00:00:00Z", "to": "2026-11-26T00:00:00Z"}, 422, "1970 to 9999"),
        ({"to": "2026-11-26T00:00:00Z"}, 422, "from: "),
        ({**span(BEGAN, NOW), "by": "week"}, 422, "by: "),
        ({**span(BEGAN, NOW), "device": "printer-2"}, 404, "did you mean 'printer-1'?"),
    ],
)
async def test_what_cant_be_told_is_refused_in_a_sentence(
    running: House, asked: dict[str, str], code: int, sentence: str
) -> None:
    """Impossible periods, unknown devices."""
    refused = await get(running, asked, code)
    assert set(refused) == {"error"}
    assert sentence in refused["error"]
    assert refused["error"].endswith(("?", "."))


async def test_today_is_looked_at_up_to_a_minute_ago(running: House) -> None:
    """A device that was never seen has no share: nobody can miss it."""
    coverages = running.parts.coverages
    assert coverages.today == {}
    await coverages.refresh()
    shares = {address.device: share for address, share in coverages.today.items()}
    assert shares == {"printer-1": 11 * HOUR / (14 * HOUR - 60_000)}
    async with client(running.parts.public) as reader:
        text = (await reader.get("/metrics")).text
    [line] = [each for each in text.splitlines() if each.startswith(NAME)]
    assert 'device="printer-1"' in line
    assert float(line.split()[-1]) == shares["printer-1"]


async def test_a_day_that_has_just_begun_has_no_share(running: House) -> None:
    """Nobody is woken at midnight because nothing has been heard of the first second yet."""
    running.clock.pass_by((BEGAN + timedelta(days=1, seconds=59) - NOW).total_seconds())
    await running.parts.coverages.refresh()
    assert running.parts.coverages.today == {}


async def test_an_agent_that_has_just_come_is_not_taken_for_one_that_is_off(
    running: House,
) -> None:
    """It was heard: what it sees now it will tell."""
    running.parts.bus.connected = True
    await running.parts.attendant.load()
    running.report(status())
    running.clock.pass_by(10)
    found = await get(running, MINE | span(NOW, NOW + timedelta(hours=1)))
    assert found["missing_seconds"] == {"not_told": 10}
    running.clock.pass_by(40)
    found = await get(running, MINE | span(NOW, NOW + timedelta(hours=1)))
    assert found["missing_seconds"] == {"agent_off": 50}
