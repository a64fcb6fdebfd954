"""Group events over HTTP, with the orchestrator's own parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.orchestrator.parts import client, house

EVENTS = "/api/v1/events"
EVENT = {
    "devices": ["printer-1", "pc-1"],
    "starts_at": "2026-11-25T13:00:00Z",
    "ends_at": "2026-11-25T14:00:00Z",
    "label": "Class 4B",
    "target_group": "nuoret",
    "rotate": 360,
}
SPAN = {"ends_after": "2026-11-25T12:00:00Z", "starts_before": "2026-11-26T12:00:00Z"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the application for changes."""
    with house(tmp_path) as made:
        await made.parts.dispatch.start()
        async with client(made.parts.admin) as connected:
            yield connected


async def test_an_event_is_planned_counted_and_cancelled(desk: httpx.AsyncClient) -> None:
    """Each answer is the event as it is then."""
    answer = await desk.post(EVENTS, json=EVENT)
    assert answer.status_code == 201
    made = answer.json()
    assert [each["message"] for each in made["changes"]] == [
        "Printer 1 is offline; it is told when it is back.",
        "PC 1 is offline; it is told when it is back.",
    ]
    assert [(turn["name"], turn["purpose"], turn["party_size"]) for turn in made["turns"]] == [
        ("PC 1", "event", None),
        ("Printer 1", "event", None),
    ]
    assert (made["participants"], made["counted"], made["corrected"]) == (None, True, False)
    path = f"{EVENTS}/{made['id']}"
    told = (await desk.put(f"{path}/participants", json={"under_18": 22, "over_18": 2})).json()
    assert told["participants"] == {
        "at": "2026-11-25T12:00:00.000Z",
        "role": "staff",
        "under_18": 22,
        "over_18": 2,
        "unknown": 0,
        "estimated": True,
        "why": None,
    }
    refused = await desk.put(f"{path}/participants", json={"under_18": 20})
    assert refused.json()["error"].startswith("The figures were told before: say why")
    body = {"under_18": 20, "why": "two were ill"}
    again = (await desk.put(f"{path}/participants", json=body)).json()
    assert (again["corrected"], len(again["told"])) == (True, 2)
    body = {"counted": False, "why": "hobby club"}
    assert (await desk.put(f"{path}/counted", json=body)).json()["not_counted"] == "hobby club"
    assert (await desk.get(path)).json()["use"] == {
        "sessions": 0,
        "active_seconds": 0,
        "idle_seconds": 0,
    }
    gone = (await desk.delete(path, params={"why": "ill"})).json()
    assert (gone["state"], {turn["state"] for turn in gone["turns"]}) == (
        "cancelled",
        {"cancelled"},
    )
    (listed,) = (await desk.get(EVENTS, params=SPAN)).json()
    assert listed["state"] == "cancelled"


async def test_a_conflict_is_told_of_each_device(desk: httpx.AsyncClient) -> None:
    """And nothing is booked."""
    first = (await desk.post(EVENTS, json=EVENT)).json()
    refused = await desk.post(EVENTS, json=EVENT | {"label": "Another"})
    assert refused.status_code == 409
    assert refused.json() == {
        "error": "Printer 1 is booked from 2026-11-25 15:00 to 16:00; "
        "PC 1 is booked from 2026-11-25 15:00 to 16:00."
    }
    assert len((await desk.get(EVENTS, params=SPAN)).json()) == 1
    moved = await desk.post(
        f"{EVENTS}/{first['id']}/devices", json={"device": "pc-1", "to": "printer-1"}
    )
    assert moved.json() == {"error": "Printer 1 is part of the event already."}


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"devices": []}, 422, "devices: Tuple should have at least 1 item"),
        ({"devices": ["xyz"]}, 404, "There is no device 'xyz'"),
        ({"teacher": "x"}, 422, "teacher: Extra inputs are not permitted"),
        ({"label": ""}, 422, "Give the event a short label."),
        ({"label": "x" * 61}, 422, "An event's label is at most 60 letters long."),
        ({"starts_at": "2026-11-25T13:00:00"}, 422, "starts_at: Input should have timezone info"),
        ({"rotate": 1}, 422, "Places are changed at most every 30 s."),
        ({"people": {"under_18": -1}}, 422, "Each figure is from 0 to 10000, not -1."),
    ],
)
async def test_what_can_not_be_done_is_said_in_a_sentence(
    desk: httpx.AsyncClient, change: dict[str, object], code: int, sentence: str
) -> None:
    """Never a stack trace."""
    answer = await desk.post(EVENTS, json=EVENT | change)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(sentence)


async def test_an_event_that_is_not_there_is_not_found(desk: httpx.AsyncClient) -> None:
    """By its id."""
    answer = await desk.get(f"{EVENTS}/e9")
    assert (answer.status_code, answer.json()) == (404, {"error": "There is no event 'e9'."})
