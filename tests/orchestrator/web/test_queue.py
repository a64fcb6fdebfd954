"""The queue over HTTP, with the orchestrator's own parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mqtt_schemas.base import DeviceState
from tests.eventually import eventually_async
from tests.orchestrator.fakes import status
from tests.orchestrator.parts import House, client, house

QUEUE = "/api/v1/queue"


@dataclass(frozen=True, slots=True)
class Desk:
    """A client, and the house that it asks."""

    http: httpx.AsyncClient
    house: House

    async def ask(self, path: str, **body: object) -> httpx.Response:
        """Give a command."""
        return await self.http.post(f"{QUEUE}{path}", json=body)

    async def offered(self) -> list[dict[str, object]]:
        """Return the turns that are held now."""
        listed = (await self.http.get(QUEUE)).json()
        turns = [each["turn"] for each in listed if each["turn"]]
        return [turn for turn in turns if turn["state"] == "offered"]

    def printer(self, state: DeviceState) -> None:
        """Let the printer report."""
        self.house.report(status().model_copy(update={"state": state}))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Return a client of the application for changes."""
    with house(tmp_path) as made:
        await made.parts.dispatch.start()
        async with client(made.parts.admin) as connected:
            yield Desk(connected, made)


async def test_a_device_that_reports_itself_free_is_offered(desk: Desk) -> None:
    """To the first in line, by the queue's keeper; the plan has it as a turn."""
    desk.printer(DeviceState.IN_USE)
    answer = await desk.ask("", kind="printer", target_group="nuoret", party_size=2)
    assert answer.status_code == 201
    joined = answer.json()
    assert len(joined.pop("code").split()) == 3
    assert joined == {
        "site": "paja",
        "kind": "printer",
        "number": 1,
        "state": "waiting",
        "joined_at": "2026-11-25T12:00:00.000Z",
        "target_group": "nuoret",
        "party_size": 2,
        "expected_at": None,
        "wait_seconds": None,
        "turn": None,
    }
    desk.printer(DeviceState.FREE)
    await desk.house.parts.queue_keeper.step()
    (listed,) = (await desk.http.get(QUEUE)).json()
    assert (listed["number"], listed["state"]) == (1, "offered")
    turn = listed["turn"]
    assert (turn["name"], turn["state"], turn["by"]) == ("Printer 1", "offered", "queue")
    assert turn["hold_until"] == "2026-11-25T12:10:00.000Z"
    await desk.house.parts.dispatch.step()
    plan = desk.house.parts.twins.of(desk.house.parts.services.bookings.device("printer-1").address)
    assert plan.desired is not None
    assert [each.id for each in plan.desired.turns] == [turn["id"]]


async def test_whoever_waits_is_heard_of_by_all_that_frees_a_device(desk: Desk) -> None:
    """A device's status, a booking that is cancelled: each wakes the keeper by itself."""
    desk.printer(DeviceState.IN_USE)
    await desk.ask("", kind="printer")
    keeper = asyncio.create_task(desk.house.parts.queue_keeper.run())
    try:
        await asyncio.sleep(0.1)
        desk.printer(DeviceState.FREE)
        (turn,) = await eventually_async(desk.offered, 20)
        await desk.ask("", kind="printer")
        gone = await desk.http.delete(f"/api/v1/bookings/{turn['id']}")
        assert gone.status_code == 200
        (again,) = await eventually_async(desk.offered, 20)
        assert again["id"] != turn["id"]
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


async def test_the_next_in_line_gets_what_nobody_took(desk: Desk) -> None:
    """The device tells that nobody came, the offer lapses, and the queue moves on."""
    desk.printer(DeviceState.FREE)
    first = (await desk.ask("", kind="printer")).json()
    second = (await desk.ask("", kind="printer")).json()
    assert (first["state"], second["state"]) == ("offered", "waiting")
    assert second["wait_seconds"] == 7200
    desk.house.clock.pass_by(600)
    await desk.house.parts.turn_keeper.step()
    assert len((await desk.http.get(QUEUE)).json()) == 2
    desk.house.clock.pass_by(2)
    desk.printer(DeviceState.FREE)
    await desk.house.parts.turn_keeper.step()
    await desk.house.parts.queue_keeper.step()
    (listed,) = (await desk.http.get(QUEUE, params={"kind": "paja/printer"})).json()
    assert (listed["number"], listed["state"]) == (2, "offered")


async def test_an_offer_is_accepted_left_and_skipped(desk: Desk) -> None:
    """Each answer is the number, or the booking, as it is then."""
    desk.printer(DeviceState.FREE)
    for _ in range(3):
        await desk.ask("", kind="printer")
    skipped = (await desk.ask("/1/skip", kind="printer")).json()
    assert (skipped["state"], skipped["turn"]["state"]) == ("expired", "released")
    left = (await desk.ask("/2/leave", kind="printer")).json()
    assert (left["state"], left["turn"]["state"]) == ("left", "released")
    accepted = (await desk.ask("/3/accept", kind="printer")).json()
    assert accepted["booking"]["state"] == "checked_in"
    assert (await desk.http.get(QUEUE)).json() == []
    refused = await desk.ask("/call", kind="printer")
    assert (refused.status_code, refused.json()) == (422, {"error": "Nobody waits for printer."})


async def test_staff_calls_the_next(desk: Desk) -> None:
    """The answer is whom to call."""
    desk.printer(DeviceState.IN_USE)
    await desk.ask("", kind="printer")
    desk.printer(DeviceState.FREE)
    called = (await desk.ask("/call", kind="printer")).json()
    assert [each["number"] for each in called] == [1]


async def test_nobody_who_waits_is_passed_by_a_walk_in(desk: Desk) -> None:
    """Nor by more time for somebody else."""
    desk.printer(DeviceState.IN_USE)
    await desk.ask("", kind="printer")
    order = {"device": "printer-1", "target_group": "nuoret"}
    refused = await desk.http.post("/api/v1/bookings/walk-ins", json=order)
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": "Others wait in the queue for a device like Printer 1."},
    )


@pytest.mark.parametrize(
    ("path", "body", "code", "sentence"),
    [
        ("", {"kind": "xyz"}, 404, "There is no device of the kind 'xyz'"),
        ("", {}, 422, "kind: Field required"),
        ("", {"kind": "pc", "name": "x"}, 422, "name: Extra inputs are not permitted"),
        ("/7/accept", {"kind": "pc"}, 404, "There is no number 7 for pc today"),
        ("/0/leave", {"kind": "pc"}, 422, "number: Input should be greater than"),
        ("/x/skip", {"kind": "pc"}, 422, "number: Input should be a valid integer"),
    ],
)
async def test_what_can_not_be_done_is_said_in_a_sentence(
    desk: Desk, path: str, body: dict[str, object], code: int, sentence: str
) -> None:
    """Never a stack trace."""
    answer = await desk.ask(path, **body)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(sentence)
