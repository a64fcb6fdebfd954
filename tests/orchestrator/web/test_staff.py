"""Staff's words and attended turns over HTTP, with an orchestrator's real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.config import load
from orchestrator.places import DATABASE
from orchestrator.store.database import Database
from tests.orchestrator.fakes import status
from tests.orchestrator.parts import CONFIG, House, client

CORNER = """
[[device]]
site = "paja"
id = "corner"
kind = "attended"
name = "Motion corner"

[device.policy]
walk_in = 1800
grace = 120
"""
CORNER_AT = "/api/v1/attended/paja/corner"
PRINTER_AT = "/api/v1/service/paja/printer-1"


class Library:
    """The parts of an orchestrator that also serves an attended corner."""

    def __init__(self, folder: Path, database: Database) -> None:
        path = folder / "laitevuoro.toml"
        path.write_text(CONFIG + CORNER)
        self.house = House(load(path, {}), database)
        self.parts = self.house.parts


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """Return a library whose orchestrator has begun."""
    (tmp_path / "state").mkdir()
    database = Database.open(tmp_path / "state" / DATABASE)
    try:
        found = Library(tmp_path, database)
        await found.parts.ingest.load()
        await found.parts.dispatch.start()
        yield found
    finally:
        database.close()


async def test_an_attended_turn_is_seen_at_once(library: Library) -> None:
    """In the devices' list, then in totals and metrics: apart, as staff's word."""
    async with client(library.parts.admin) as desk, client(library.parts.public) as visitor:
        new = {"target_group": "nuoret", "seconds": 1200, "request": "r1"}
        answer = await desk.post(f"{CORNER_AT}/start", json=new)
        assert (answer.status_code, answer.json()["delivery"]) == (201, "at_desk")
        corner = (await visitor.get("/api/v1/devices")).json()[0]
        assert (corner["device"], corner["link"], corner["state"]) == ("corner", "none", "in_use")
        assert (corner["turn"]["phase"], corner["seconds_left"]) == ("open", 1200)
        answer = await desk.post(f"{CORNER_AT}/extend", json={"more_seconds": 300})
        assert answer.status_code == 200
        library.house.clock.pass_by(1530)
        corner = (await visitor.get("/api/v1/devices")).json()[0]
        assert (corner["turn"]["phase"], corner["seconds_left"]) == ("grace", 0)
        answer = await desk.post(f"{CORNER_AT}/end", json={"request": "r2"})
        assert answer.json()["booking"]["state"] == "used"
        totals = (await visitor.get("/api/v1/totals")).json()["devices"]["paja/corner"]
        assert (totals["sessions"], totals["staff_entered"]["sessions"]) == (1, 1)
        assert totals["ended_by_turn"] == 1
        text = (await visitor.get("/metrics")).text
        labels = 'device="corner",kind="attended",site="paja",source="staff",target_group="nuoret"'
        assert f"laitevuoro_sessions_total{{{labels}}} 1.0" in text
        assert 'laitevuoro_agent_up{device="corner"' not in text


async def test_an_attended_device_is_never_away(library: Library) -> None:
    """It has no plan, no alarm, no user at the broker; health counts it apart."""
    corner = Address("paja", "corner")
    assert library.parts.twins.of(corner).desired is None
    library.house.clock.pass_by(86_400)
    assert await library.parts.alarms.look() == ()
    async with client(library.parts.public) as visitor:
        devices = (await visitor.get("/healthz")).json()["devices"]
        assert (devices["total"], devices["attended"]) == (2, 1)


async def test_what_is_refused_is_a_sentence(library: Library) -> None:
    """With the status that tells what kind of no it is."""
    async with client(library.parts.admin) as desk:
        answer = await desk.post(f"{CORNER_AT}/end", json={})
        assert answer.status_code == 422
        assert answer.json() == {"error": "No turn has begun at Motion corner."}
        for _ in range(2):
            answer = await desk.post(f"{CORNER_AT}/start", json={})
        assert answer.status_code == 409
        answer = await desk.post("/api/v1/attended/paja/cornet/start", json={})
        assert answer.status_code == 404
        answer = await desk.post(f"{PRINTER_AT}/out", json={"reason": "tired"})
        assert (answer.status_code, list(answer.json())) == (422, ["error"])


async def test_staffs_words_become_the_devices_plan(library: Library) -> None:
    """Each answer tells how far it has come; the plan that is wanted has it."""
    printer = Address("paja", "printer-1")
    async with client(library.parts.admin) as desk:
        answer = await desk.post(f"{PRINTER_AT}/out", json={"reason": "cleaning"})
        assert answer.json() == {
            "site": "paja",
            "device": "printer-1",
            "name": "Printer 1",
            "out_of_service": "cleaning",
            "notices": [],
            "delivery": "offline",
            "message": "Printer 1 is offline; it is told when it is back.",
        }
        plan = library.parts.twins.of(printer).desired
        assert plan is not None
        assert plan.outside_turns == "out_of_service"
        await desk.post(f"{PRINTER_AT}/back", json={})
        library.house.report(status().model_copy(update={"to_be_cleared": "s7"}))
        assert (await desk.post(f"{PRINTER_AT}/clear", json={})).status_code == 200
        until = "2026-11-25T13:00:00Z"
        new = {"phrase": "come_to_desk", "until": until}
        answer = await desk.post(f"{PRINTER_AT}/notices", json=new)
        [notice] = answer.json()["notices"]
        plan = library.parts.twins.of(printer).desired
        assert plan is not None
        assert (plan.outside_turns, plan.cleared) == ("closed", "s7")
        assert [each.id for each in plan.notices] == [notice["id"]]
        listed = (await desk.get("/api/v1/service")).json()
        assert [each["notices"] for each in listed] == [[notice]]
        await desk.delete(f"{PRINTER_AT}/notices/{notice['id']}")
        assert (await desk.get("/api/v1/service")).json() == []


async def test_the_staff_code_is_in_the_plan(library: Library) -> None:
    """As a hash; the words are shown at the desk only."""
    await library.parts.staff_codes.step()
    async with client(library.parts.admin) as desk:
        shown = (await desk.post("/api/v1/staff-codes/paja")).json()
        assert (shown["site"], shown["day"]) == ("paja", "2026-11-25")
    await library.parts.dispatch.step()
    plan = library.parts.twins.of(Address("paja", "printer-1")).desired
    assert plan is not None
    assert plan.staff_code is not None
    assert shown["words"] not in plan.model_dump_json()
