"""Bookings over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.orchestrator.parts import House, client, house

BOOKINGS = "/api/v1/bookings"
ORDER = {
    "device": "printer-1",
    "starts_at": "2026-11-25T15:00:00+02:00",
    "ends_at": "2026-11-25T14:00:00Z",
    "target_group": "nuoret",
    "party_size": 2,
}
SPAN = {"ends_after": "2026-11-25T12:00:00Z", "starts_before": "2026-11-26T12:00:00Z"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the application for changes."""
    with house(tmp_path) as made:
        await made.parts.dispatch.start()
        async with client(made.parts.admin) as connected:
            yield connected


async def test_a_turn_is_booked_listed_changed_and_cancelled(desk: httpx.AsyncClient) -> None:
    """Each answer is the booking as it is now, and how far the change has come."""
    answer = await desk.post(BOOKINGS, json=ORDER)
    assert answer.status_code == 201
    made = answer.json()
    assert made["delivery"] == "offline"
    assert made["message"] == "Printer 1 is offline; it is told when it is back."
    booking = made["booking"]
    assert booking == {
        "id": booking["id"],
        "site": "paja",
        "device": "printer-1",
        "name": "Printer 1",
        "starts_at": "2026-11-25T13:00:00.000Z",
        "ends_at": "2026-11-25T14:00:00.000Z",
        "target_group": "nuoret",
        "party_size": 2,
        "state": "booked",
        "purpose": "turn",
        "by": "staff",
        "group_assumed": False,
        "series": None,
        "event": None,
        "walk_in": False,
        "over_closing": False,
        "check_in": "none",
        "hold_until": None,
    }
    assert made["code"] is None
    assert (await desk.get(BOOKINGS, params=SPAN)).json() == [booking]
    one = f"{BOOKINGS}/{booking['id']}"
    later = (await desk.patch(one, json={"more_seconds": 900})).json()["booking"]
    assert later["ends_at"] == "2026-11-25T14:15:00.000Z"
    earlier = (await desk.patch(one, json={"ends_at": "2026-11-25T13:30:00Z"})).json()["booking"]
    assert earlier["ends_at"] == "2026-11-25T13:30:00.000Z"
    assert (await desk.delete(one)).json()["booking"]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"device": "nope"}, 404, "There is no device 'nope'."),
        ({"target_group": "xyz"}, 404, "There is no target group 'xyz'; there are lapset, "),
        ({"ends_at": "2026-11-25T12:00:00Z"}, 422, "The end, 2026-11-25 14:00, is not after"),
        ({"ends_at": "2026-11-25T15:00:00"}, 422, "ends_at: Input should have timezone info."),
        ({"starts_at": "soon"}, 422, "starts_at: Input should be a valid datetime"),
        ({"party_size": 0}, 422, "A party is 1 to 1000 people, not 0."),
        ({"customer": "somebody"}, 422, "customer: Extra inputs are not permitted."),
        ({"device": "x" * 99}, 422, "device: String should have at most 81 characters."),
    ],
)
async def test_a_wrong_order_is_refused_in_a_sentence(
    desk: httpx.AsyncClient, change: dict[str, object], code: int, sentence: str
) -> None:
    """With the code that tells programs what kind of mistake it is."""
    answer = await desk.post(BOOKINGS, json=ORDER | change)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(sentence)


async def test_what_is_taken_is_a_conflict(desk: httpx.AsyncClient) -> None:
    """409, with the nearest free turns."""
    await desk.post(BOOKINGS, json=ORDER)
    answer = await desk.post(BOOKINGS, json=ORDER)
    assert answer.status_code == 409
    assert "the nearest free turns of 1 h start at 14:00, 16:00 and" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Field required."),
        (b"{", "1: JSON decode error."),
        (b"[]", "Input should be a valid dictionary"),
        (b"\xff\xfe", ""),
    ],
)
async def test_a_body_that_is_no_order_is_refused(
    desk: httpx.AsyncClient, body: bytes, sentence: str
) -> None:
    """Whatever bytes they are."""
    answer = await desk.post(BOOKINGS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"].startswith(sentence)


async def test_an_end_is_given_one_way_or_the_other(desk: httpx.AsyncClient) -> None:
    """Neither, both and an unknown booking are refused."""
    for body in ({}, {"more_seconds": 1, "ends_at": ORDER["ends_at"]}):
        answer = await desk.patch(f"{BOOKINGS}/x", json=body)
        assert answer.json()["error"] == "give either ends_at or more_seconds."
    answer = await desk.patch(f"{BOOKINGS}/x", json={"more_seconds": 60})
    assert (answer.status_code, answer.json()["error"]) == (404, "There is no booking 'x'.")


async def test_a_list_is_of_a_span(desk: httpx.AsyncClient) -> None:
    """Without one the question is refused, not answered with everything."""
    answer = await desk.get(BOOKINGS)
    assert answer.json()["error"] == "ends_after: Field required."
    answer = await desk.get(BOOKINGS, params=SPAN | {"device": "pc-1"})
    assert answer.json() == []


async def test_a_full_disk_is_said_and_nothing_is_booked(tmp_path: Path) -> None:
    """503: asking again may help."""

    def closed(made: House) -> None:
        made.database.close()

    with house(tmp_path) as made:
        closed(made)
        async with client(made.parts.admin) as connected:
            answer = await connected.post(BOOKINGS, json=ORDER)
    assert (answer.status_code, answer.json()["error"]) == (503, "The database is closed.")
