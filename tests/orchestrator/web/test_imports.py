"""Imports over HTTP, and calendars of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.calendars.model import MAX_SIZE
from tests.orchestrator.calendars.frames import calendar
from tests.orchestrator.parts import House, client, house

IMPORT = "/api/v1/bookings/import"
ONE = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z\nLOCATION:Printer 1"
SPAN = {"ends_after": "2026-11-25T00:00:00Z", "starts_before": "2026-12-25T00:00:00Z"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[House]:
    """Return the parts of an orchestrator."""
    with house(tmp_path) as made:
        yield made


async def post(running: House, body: bytes, **params: str | list[str]) -> httpx.Response:
    """Import a file."""
    async with client(running.parts.admin) as desk:
        return await desk.post(IMPORT, content=body, params={"source": "respa", **params})


async def get(running: House, path: str, **headers: str) -> httpx.Response:
    """Read what everybody may."""
    async with client(running.parts.public) as reader:
        return await reader.get(path, headers=headers)


async def test_a_file_is_imported(running: House) -> None:
    """It is the request's body; the answer says what was done."""
    answer = await post(running, calendar(ONE))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "done": True,
            "added": 1,
            "changed": 0,
            "removed": 0,
            "same": 0,
            "cancelled": 0,
            "free": 0,
            "outside": 0,
            "past": 0,
            "fault_count": 0,
            "faults": [],
            "message": "1 booking added, 0 changed, 0 cancelled; 0 as before.",
        },
    )
    again = (await post(running, calendar(ONE))).json()
    assert (again["same"], again["added"]) == (1, 0)


async def test_options_are_of_the_query(running: House) -> None:
    """Device, places, format, free, partial, a dry run."""
    table = b"device,start,end\nRoom 1,2026-11-26 10:00,2026-11-26 11:00\nx,,\n"
    answer = (await post(running, table, place=["Room 1=pc-1"], format="csv")).json()
    assert (answer["done"], answer["faults"]) == (
        False,
        ["line 3: the device's name is that of no device here."],
    )
    answer = (await post(running, table, place=["Room 1=pc-1"], dry_run="true")).json()
    assert (answer["done"], answer["added"]) == (False, 1)
    answer = (await post(running, table, place=["Room 1=pc-1"], partial="true")).json()
    assert (answer["done"], answer["added"]) == (True, 1)
    free = f"{ONE}\nTRANSP:TRANSPARENT"
    assert (await post(running, calendar(free), source="b")).json()["free"] == 1
    answer = (await post(running, calendar(free), source="b", free="block", device="pc-1")).json()
    assert answer["added"] == 1


@pytest.mark.parametrize(
    ("body", "params", "code", "sentence"),
    [
        (b"<html>", {}, 422, "This is no table of bookings"),
        (b"x" * (MAX_SIZE + 1), {}, 413, "The file is larger than 10 MB."),
        (b"", {"source": "../x"}, 422, "source: "),
        (b"", {"device": "x9"}, 404, "There is no device 'x9'."),
        (b"", {"place": "Room 1"}, 422, "A place is written as its name there, =, and the"),
        (b"", {"place": "Room 1=x9"}, 404, "There is no device 'x9'."),
        (b"", {"format": "pdf"}, 422, "format: "),
        (b"", {"free": "maybe"}, 422, "free: "),
    ],
)
async def test_what_is_wrong_is_a_sentence(
    running: House, body: bytes, params: dict[str, str], code: int, sentence: str
) -> None:
    """With the code that tells programs what kind of mistake it is."""
    answer = await post(running, body, **params)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(sentence)


async def test_the_file_stands_in_the_description_of_the_interface(running: House) -> None:
    """OpenAPI says that the body is the file."""
    async with client(running.parts.admin) as desk:
        described = (await desk.get("/openapi.json")).json()["paths"][IMPORT]["post"]
    assert "text/calendar" in described["requestBody"]["content"]
    assert {each["name"] for each in described["parameters"]} >= {"source", "device", "partial"}


async def test_of_very_many_faults_the_first_are_told(running: House) -> None:
    """And how many there are."""
    table = b"device,start,end\n" + b"x,,\n" * 300
    answer = (await post(running, table)).json()
    assert (len(answer["faults"]), answer["fault_count"]) == (200, 300)


async def test_bookings_are_exported(running: House) -> None:
    """Of a span, of one device where asked."""
    await post(running, calendar(ONE))
    async with client(running.parts.admin) as desk:
        for only, count in (({}, 1), ({"device": "printer-1"}, 1), ({"device": "pc-1"}, 0)):
            answer = (await desk.get("/api/v1/calendar", params=SPAN | only)).json()
            assert answer["bookings"] == count
            assert answer["calendar"].count("BEGIN:VEVENT") == count
        answer = await desk.get("/api/v1/calendar", params=SPAN | {"device": "x9"})
        assert answer.status_code == 404
        year_one = SPAN | {"ends_after": "0001-01-01T00:00:00+02:00"}
        answer = await desk.get("/api/v1/calendar", params=year_one)
        assert answer.json() == {"error": "The time is outside the years 1970 to 9999."}


async def test_others_subscribe_to_a_devices_calendar(running: House) -> None:
    """And are told by its tag that nothing has changed."""
    path = "/api/v1/calendar/paja/printer-1.ics"
    empty = await get(running, path)
    await post(running, calendar(ONE))
    answer = await get(running, path)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert b"SUMMARY:Printer 1: varattu\r\n" in answer.content
    tag = answer.headers["etag"]
    assert tag != empty.headers["etag"]
    other = await get(running, path, **{"If-None-Match": empty.headers["etag"]})
    assert other.content == answer.content
    for known in (tag, f'"x", W/{tag}', "*"):
        again = await get(running, path, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    running.clock.pass_by(3600)
    assert (await get(running, path)).headers["etag"] == tag


@pytest.mark.parametrize("path", ["paja/x9", "x/printer-1", "orchestrator/main"])
async def test_of_no_device_there_is_no_calendar(running: House, path: str) -> None:
    """A sentence, and 404."""
    answer = await get(running, f"/api/v1/calendar/{path}.ics")
    assert (answer.status_code, answer.json()) == (404, {"error": f"There is no device {path}."})


async def test_health_and_metrics_know_no_feeds_where_there_are_none(running: House) -> None:
    """The families are there all the same."""
    assert (await get(running, "/healthz")).json()["feeds"] == []
    assert "laitevuoro_feed_well" in (await get(running, "/metrics")).text
