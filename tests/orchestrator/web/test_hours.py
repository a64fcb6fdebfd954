"""Opening hours over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.orchestrator.parts import client, house

HOURS = "/api/v1/hours/paja"
DAY = {
    "date": "2026-12-24",
    "closed": False,
    "info": "Joulu",
    "times": [{"from": "10:00", "to": "12:00", "status": 1}],
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the application for changes."""
    with house(tmp_path) as made:
        await made.parts.dispatch.start()
        async with client(made.parts.admin) as connected:
            yield connected


async def test_hours_are_imported_and_read(desk: httpx.AsyncClient) -> None:
    """Local days, with their spans by the clock on the wall."""
    shown = {
        "day": "2026-12-24",
        "spans": [{"from": "10:00", "to": "12:00", "staffed": True}],
        "source": "import",
        "note": "Joulu",
        "holiday": "Jouluaatto",
    }
    body = json.dumps({"data": {"schedules": [DAY]}})
    answer = await desk.post(f"{HOURS}/import", content=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "done": True,
        "added": 1,
        "changed": 0,
        "removed": 0,
        "same": 0,
        "outside": 0,
        "fault_count": 0,
        "faults": [],
        "on_holidays": [shown],
        "stranded_count": 0,
        "stranded": [],
        "message": "1 day added, 0 changed, 0 taken back; 0 as before.",
    }
    span = {"first": "2026-12-24", "last": "2026-12-24"}
    assert (await desk.get(HOURS, params=span)).json() == [shown]


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "sentence"),
    [
        ("GET", "x", {"first": "2026-12-24", "last": "2026-12-24"}, 404, "There is no site 'x'"),
        ("GET", "paja", {"first": "soon", "last": "2026-12-24"}, 422, "first: Input should be"),
        ("GET", "paja", {"first": "2026-12-24", "last": "2026-12-01"}, 422, "The last day, 2026"),
        ("POST", "paja/import", {"format": "pdf"}, 422, "format: Input should be 'kirkanta' or"),
        ("POST", "paja/import", {"library": "../1"}, 422, "library: String should match"),
        ("POST", "paja/import", {}, 422, "The file is neither an answer of Kirkanta nor"),
    ],
)
async def test_what_can_not_be_is_refused_in_a_sentence(
    desk: httpx.AsyncClient,
    method: str,
    path: str,
    params: dict[str, str],
    status: int,
    sentence: str,
) -> None:
    """With the status that belongs to it."""
    answer = await desk.request(method, f"/api/v1/hours/{path}", params=params)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(sentence)
