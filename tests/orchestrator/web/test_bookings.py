"""Series, blocks, walk-ins, check-in, moves, codes and the audit log over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from tests.orchestrator.parts import client, house

BOOKINGS = "/api/v1/bookings"
START, END = "2026-11-25T13:00:00Z", "2026-11-25T14:00:00Z"
ORDER = {"device": "printer-1", "starts_at": START, "ends_at": END, "target_group": "nuoret"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the application for changes."""
    with house(tmp_path) as made:
        await made.parts.dispatch.start()
        async with client(made.parts.admin) as connected:
            yield connected


async def post(desk: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return the answer to what was done."""
    answer = await desk.post(f"{BOOKINGS}{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def test_a_series_is_answered_whole(desk: httpx.AsyncClient) -> None:
    """Each turn, what was not booked, and the series to cancel it by."""
    weekly = ORDER | {"every": "week", "times": 3}
    made = await post(desk, "/series", weekly)
    assert [each["booking"]["starts_at"][:10] for each in made["bookings"]] == [
        "2026-11-25",
        "2026-12-02",
        "2026-12-09",
    ]
    assert (made["refused"], made["code"]) == ([], None)
    answer = await desk.post(f"{BOOKINGS}/series", json=weekly)
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("3 of 3 turns can't be booked: 2026-11-25 15:00: ")
    gone = await desk.delete(f"{BOOKINGS}/series/{made['series']}", params={"why": "ended"})
    assert [each["booking"]["state"] for each in gone.json()] == ["cancelled"] * 3


async def test_devices_are_blocked_for_a_time(desk: httpx.AsyncClient) -> None:
    """Together."""
    block = {"devices": ["printer-1", "pc-1"], "starts_at": START, "ends_at": END, "why": "moving"}
    made = await post(desk, "/blocks", block)
    assert [each["booking"]["purpose"] for each in made] == ["block", "block"]
    assert len({each["booking"]["series"] for each in made}) == 1


async def test_who_comes_checks_in_and_may_move(desk: httpx.AsyncClient) -> None:
    """With the words of the booking's state."""
    booking = (await post(desk, "", ORDER))["booking"]["id"]
    came = await post(desk, f"/{booking}/check-in", {"old_enough": True})
    assert came["booking"]["state"] == "checked_in"
    moved = await post(desk, f"/{booking}/move", {"device": "pc-1", "why": "broken"})
    assert (moved["booking"]["device"], moved["ended"]) == ("pc-1", None)
    refused = await desk.post(f"{BOOKINGS}/{booking}/code")
    assert (refused.status_code, refused.json()["error"]) == (
        422,
        "PC 1 is not checked in to by code.",
    )


async def test_a_walk_in_is_refused_where_there_are_none(desk: httpx.AsyncClient) -> None:
    """And for a kind as for a device."""
    for place in ({"device": "pc-1"}, {"kind": "pc"}):
        answer = await desk.post(f"{BOOKINGS}/walk-ins", json=place)
        assert answer.json()["error"] == "PC 1 is not used without a booking."
    answer = await desk.post(f"{BOOKINGS}/walk-ins", json={})
    assert answer.json()["error"] == "Name either a device or a kind of devices."


async def test_the_audit_log_tells_who_did_what(desk: httpx.AsyncClient) -> None:
    """By role, with why; in a span."""
    booking = (await post(desk, "", ORDER | {"why": "by phone"}))["booking"]["id"]
    span = {"from": "2026-11-25T00:00:00Z", "to": "2026-11-26T00:00:00Z"}
    [entry] = (await desk.get("/api/v1/audit", params=span)).json()
    assert entry == {
        "at": "2026-11-25T12:00:00.000Z",
        "role": "staff",
        "what": "booking_added",
        "target": booking,
        "details": {"device": "paja/printer-1"},
        "why": "by phone",
    }
    assert (await desk.get("/api/v1/audit")).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", ORDER | {"card": "x" * 81}),
        ("/walk-ins", {"device": "pc-1", "card": "x" * 81}),
        ("", ORDER | {"card": {"number": "4711-4711"}}),
    ],
)
async def test_a_card_is_never_answered(
    desk: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    """Not even where it is refused."""
    answer = await desk.post(f"{BOOKINGS}{path}", json=body)
    assert answer.status_code == 422
    assert "xxx" not in answer.text
    assert "4711" not in answer.text


async def test_the_description_of_all_routes_is_valid_openapi(desk: httpx.AsyncClient) -> None:
    """Every reference leads somewhere, and every operation has a name of its own."""
    document = (await desk.get("/openapi.json")).json()
    OpenAPI.model_validate(document)
    names = []
    for path in document["paths"].values():
        for operation in path.values():
            names.append(operation["operationId"])
            assert operation["description"]
    assert len(names) == len(set(names))

    def look(part: object) -> None:
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                assert (
                    reference.removeprefix("#/components/schemas/")
                    in (document["components"]["schemas"])
                )
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(document)
