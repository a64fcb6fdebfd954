"""A feed of another system, from its server through the orchestrator to a device's plan."""

from __future__ import annotations

import json
import signal
from asyncio.subprocess import Process
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.places import HTTP_URL
from tests.e2e.test_serve import Library, next_plan
from tests.eventually import eventually_async
from tests.orchestrator.calendars.frames import calendar
from tests.orchestrator.feed_server import answer, serving, with_etag

pytestmark = pytest.mark.e2e

#: Tomorrow, so that a plan reaches it at any hour of the day.
START = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=20)
ENTRY = (
    f"UID:example.person@example.org\nDTSTART:{START:%Y%m%dT%H%M%SZ}\nDURATION:PT1H\n"
    "LOCATION:Room 1\nSUMMARY:Example Person prints\n"
    "ATTENDEE;CN=Example Person:mailto:example.person@example.org"
)
FEED = """
[[feed]]
id = "rooms"
site = "paja"
url_file = "rooms.url"
places = {"Room 1" = "printer-1"}
"""
PATH = "/private-hush/basic.ics"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library with a feed, whose URL is yet to be written."""
    made = Library(tmp_path)
    made.config.write_text(made.config.read_text() + FEED)
    return made


async def feed_of(library: Library) -> dict[str, Any]:
    """Return how the feed stands, by /healthz."""
    url = (library.state / HTTP_URL).read_text().strip()
    async with httpx.AsyncClient(trust_env=False) as reader:
        health = (await reader.get(f"{url}/healthz")).json()
        metrics = (await reader.get(f"{url}/metrics")).text
    (found,) = health["feeds"]
    well = 'laitevuoro_feed_well{feed="rooms",kind="bookings"}'
    found["metric"] = float(metrics.split(well)[1].split()[0])
    return dict(found)


async def told(library: Library, key: str) -> dict[str, Any]:
    """Wait until something is said of the feed; return how it stands then."""

    async def settled() -> dict[str, Any] | None:
        found = await feed_of(library)
        return found if found[key] else None

    found = await eventually_async(settled)
    assert found is not None
    return found


async def starts(library: Library) -> list[datetime]:
    """Wait for a plan with turns to reach the device; return when these start."""
    async with library.printer() as printer:
        plan = await next_plan(printer)
        while not plan.turns:
            plan = await next_plan(printer)
    return [turn.starts_at for turn in plan.turns]


async def stopped(process: Process) -> str:
    """Stop the orchestrator; return what it logged."""
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    assert process.returncode == 0
    return err.decode()


async def test_a_feed_becomes_turns_and_outlives_its_source(library: Library) -> None:
    """The device gets the turn; with the source down and after a restart it keeps it.

    No name, no mail address and no URL is on the disk or in a log.
    """
    async with serving() as server:
        (library.folder / "rooms.url").write_text(server.url(PATH))
        server.answers[PATH] = with_etag(calendar(ENTRY))
        async with library.serving() as process:
            found = await told(library, "last_good")
            assert (found["problem"], found["faults"], found["metric"]) == (None, 0, 1)
            assert await starts(library) == [START]
            logs = await stopped(process)
        last_good = found["last_good"]

        server.answers[PATH] = answer("500 Internal Server Error", b"Example Person")
        async with library.serving() as process:
            found = await told(library, "problem")
            assert found["problem"] == "It answers with HTTP status 500."
            assert (found["last_good"], found["metric"]) == (last_good, 0)
            assert await starts(library) == [START]
            code, out, _ = await library.run("booking", "list", "--json")
            assert (code, len(json.loads(out))) == (0, 1)
            logs += await stopped(process)
    assert "feed_problem" in logs
    kept = b"".join(path.read_bytes() for path in library.state.rglob("*") if path.is_file())
    for secret in ("Example Person", "example.person", "hush"):
        assert secret not in logs
        assert secret.encode() not in kept
