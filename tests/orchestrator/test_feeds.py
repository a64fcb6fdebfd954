"""Feeds of other systems, from a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog
from pydantic import SecretStr

from orchestrator.calendars import reading
from orchestrator.calendars.model import Parsed
from orchestrator.calendars.reading import Job
from orchestrator.config_feeds import FeedSection
from orchestrator.domain.bookings import Booking, BookingRefused
from orchestrator.feeds import Feeds, FeedState, source_of
from orchestrator.fetch import fetch
from orchestrator.import_service import ImportService
from orchestrator.store import bookings
from orchestrator.store.database import Database
from tests.eventually import eventually
from tests.orchestrator.calendars.frames import calendar, fixture
from tests.orchestrator.fakes import NOW, PRINTER, FakeClock, office
from tests.orchestrator.feed_server import FeedServer, answer, ok, serving, with_etag
from tests.orchestrator.test_fetch import direct

ONE = "UID:1\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z\nLOCATION:Printer 1"
TWO = "UID:2\nDTSTART:20261126T110000Z\nDTEND:20261126T120000Z\nLOCATION:Printer 1"
BROKEN = "UID:3\nDTSTART:20261126T100000Z\nLOCATION:Printer 1"


class World:
    """One feed, read when a test says so."""

    def __init__(self, database: Database, server: FeedServer) -> None:
        self.database = database
        self.server = server
        self.clock = FakeClock()
        self.reads = 0
        self.hours: list[tuple[str, bytes]] = []
        self.feeds = self.made()

    def made(self, **changes: object) -> Feeds:
        """Return feeds of one feed."""
        section = FeedSection(id="respa", site="paja", url=SecretStr(self.server.url())).model_copy(
            update=changes
        )
        service = ImportService(office(self.database, now=self.clock.now), self.parse)
        self.feeds = Feeds(
            feeds=[section],
            database=self.database,
            imports=service,
            now=self.clock.now,
            zone=ZoneInfo("Europe/Helsinki"),
            take_hours=self.take_hours,
            fetch=partial(fetch, client=direct, within=5),
        )
        return self.feeds

    async def parse(self, data: bytes, job: Job) -> Parsed:
        """Read a file in this process, and count that."""
        self.reads += 1
        return reading.parse(data, job, limited=False)

    async def take_hours(self, site: str, data: bytes, *, partial: bool) -> int:  # noqa: ARG002 - its name is asked for
        """Take a site's hours; of empty files none, and one fault of `half`."""
        if not data:
            raise BookingRefused("There are no hours in it.")
        self.hours.append((site, data))
        return 1 if data == b"half" else 0

    async def read(self) -> tuple[float, FeedState]:
        """Read the feed once; return the seconds until the next time, and how it stands."""
        seconds = await self.feeds.read("respa")
        (state,) = self.feeds.states()
        return seconds, state

    async def bookings(self) -> list[Booking]:
        """Return the live bookings."""
        found = await self.database.read(
            lambda rows: bookings.between(
                rows, ends_after=NOW, starts_before=NOW + timedelta(days=500)
            )
        )
        return [each for each in found if each.live]


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """Return a feed whose server has one entry, with an entity tag."""
    async with serving() as server:
        server.answers["/feed"] = with_etag(calendar(ONE))
        yield World(database, server)


async def test_a_feed_is_taken_and_asked_for_again_by_its_tag(world: World) -> None:
    """What has not changed is neither sent nor read again."""
    assert await world.read() == (900, FeedState("respa", "bookings", NOW))
    assert len(await world.bookings()) == 1
    world.clock.pass_by(900)
    assert await world.read() == (900, FeedState("respa", "bookings", world.clock.now()))
    assert world.reads == 1
    assert world.server.requests[1].headers["if-none-match"] == '"1"'


async def test_what_a_feed_says_anew_is_done(world: World) -> None:
    """Moved, added, cancelled."""
    await world.read()
    (before,) = await world.bookings()
    moved = ONE.replace("T1", "T2")
    world.server.answers["/feed"] = with_etag(calendar(moved, TWO), '"2"')
    await world.read()
    one, two = sorted(await world.bookings(), key=lambda each: each.starts_at)
    assert two.id == before.id
    world.server.answers["/feed"] = ok(calendar(TWO))
    await world.read()
    assert await world.bookings() == [one]


async def test_a_server_without_tags_is_read_only_where_something_changed(world: World) -> None:
    """By the bytes."""
    world.server.answers["/feed"] = ok(calendar(ONE))
    await world.read()
    await world.read()
    assert (world.reads, len(world.server.requests)) == (1, 2)


async def test_each_day_a_feed_is_read_as_a_whole(world: World) -> None:
    """What recurs for ever reaches a day further then."""
    world.server.answers["/feed"] = with_etag(calendar(f"{ONE}\nRRULE:FREQ=DAILY"))
    await world.read()
    count = len(await world.bookings())
    world.clock.pass_by(86_400)
    await world.read()
    assert "if-none-match" not in world.server.requests[1].headers
    assert len(await world.bookings()) == count + 1


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer("500 Internal Server Error"), "It answers with HTTP status 500."),
        (ok(b"<html>Example Person, log in</html>"), "This is no table of bookings: its first"),
        (ok(calendar(TWO)[:-30]), "Nothing was changed: 2 entries can't be taken."),
        (ok(calendar(TWO, BROKEN)), "Nothing was changed: 1 entry can't be taken."),
        (b"", "Its answer is broken (RemoteProtocolError)."),
    ],
)
async def test_a_feed_that_is_down_changes_nothing(world: World, said: bytes, problem: str) -> None:
    """Its last good import stays, and its state says why and since when."""
    await world.read()
    before = await world.bookings()
    world.server.answers["/feed"] = said
    world.clock.pass_by(900)
    with structlog.testing.capture_logs() as logs:
        _, state = await world.read()
        await world.read()
    assert (state.problem or "").startswith(problem)
    assert state.last_good == NOW
    assert await world.bookings() == before
    # Said once, and neither the URL nor what came is in it.
    warnings = [log for log in logs if log["log_level"] == "warning"]
    assert len(warnings) == 1
    assert "127.0.0.1" not in str(logs)
    assert "Example Person" not in str(logs)
    world.server.answers["/feed"] = with_etag(calendar(ONE))
    _, state = await world.read()
    assert (state.problem, state.last_good) == (None, world.clock.now())


async def test_what_nobody_thought_of_ends_nothing(world: World) -> None:
    """It is a problem of the feed, of which only the kind is told."""

    async def broken(_: bytes, __: Job) -> Parsed:
        raise RuntimeError("hush")

    world.parse = broken  # type: ignore[assignment, method-assign] # as a mistake of ours would
    world.made()
    _, state = await world.read()
    assert state.problem == "Reading it failed (RuntimeError)."


async def test_failures_are_asked_ever_more_seldom(world: World) -> None:
    """Up to once an hour; or as seldom as the server asks for."""
    world.server.answers["/feed"] = answer("500 Internal Server Error")
    world.made(every=60)
    assert [(await world.read())[0] for _ in range(8)] == [
        120, 240, 480, 960, 1920, 3600, 3600, 3600,
    ]  # fmt: skip
    world.server.answers["/feed"] = answer("429 Too Many Requests", Retry_After="7200")
    assert (await world.read())[0] == 7200
    world.server.answers["/feed"] = ok(calendar(ONE))
    assert (await world.read())[0] == 60
    world.made(every=86_400)
    world.server.answers["/feed"] = answer("500 Internal Server Error")
    assert (await world.read())[0] == 86_400


async def test_a_faulty_feed_is_read_again_although_it_did_not_change(world: World) -> None:
    """What was in the way here may be gone by then."""
    blocker = Booking("staff", PRINTER.address, NOW, NOW + timedelta(days=2))
    await world.database.write(lambda rows: bookings.insert(rows, blocker, created=NOW))
    _, state = await world.read()
    assert (state.problem, state.faults) == ("Nothing was changed: 1 entry can't be taken.", 1)
    shorter = Booking("staff", PRINTER.address, NOW, NOW + timedelta(hours=1))
    await world.database.write(lambda rows: bookings.change(rows, shorter))
    _, state = await world.read()
    assert (state.problem, state.faults) == (None, 0)
    assert len(await world.bookings()) == 2


async def test_a_partial_feed_is_well_with_faults(world: World) -> None:
    """They are counted."""
    world.made(partial=True)
    world.server.answers["/feed"] = ok(calendar(ONE, BROKEN))
    _, state = await world.read()
    assert (state.problem, state.faults, state.last_good) == (None, 1, NOW)
    assert len(await world.bookings()) == 1


async def test_equal_readings_write_nothing_within_the_hour(world: World) -> None:
    """And once an hour only that all is well, for after a restart."""
    world.server.answers["/feed"] = ok(calendar(ONE))
    await world.read()
    before = await world.database.write(lambda rows: rows.total_changes)
    world.clock.pass_by(3000)
    await world.read()
    assert await world.database.write(lambda rows: rows.total_changes) == before
    world.clock.pass_by(1000)
    await world.read()
    feeds = world.made()
    await feeds.load()
    assert next(feeds.states()).last_good == world.clock.now()


async def test_the_url_is_read_from_its_file_each_time(world: World, tmp_path: Path) -> None:
    """So that a new one needs no restart."""
    file = tmp_path / "feed.url"
    world.made(url=None, url_file=file)
    _, state = await world.read()
    assert state.problem == "Its url_file can't be read: No such file or directory."
    file.write_text(f"{world.server.url()}\n")
    _, state = await world.read()
    assert state.problem is None
    file.write_bytes(b"\xff")
    _, state = await world.read()
    assert state.problem == "Its url_file is no text."


async def test_hours_are_of_a_site(world: World) -> None:
    """And go to who knows hours."""
    world.made(kind="hours")
    for data, problem, faults in (
        (b"hours", None, 0),
        (b"half", "1 of its days can't be taken.", 1),
        (b"", "There are no hours in it.", 1),
    ):
        world.server.answers["/feed"] = ok(data)
        _, state = await world.read()
        assert (state.kind, state.problem, state.faults) == ("hours", problem, faults)
    assert world.hours == [("paja", b"hours"), ("paja", b"half")]


async def test_partial_hours_are_well_with_faults(world: World) -> None:
    """As bookings are; a file of which nothing can be taken is refused by who knows hours."""
    world.made(kind="hours", partial=True)
    world.server.answers["/feed"] = ok(b"half")
    _, state = await world.read()
    assert (state.problem, state.faults, state.last_good) == (None, 1, NOW)


async def test_feeds_run_side_by_side_for_ever(world: World) -> None:
    """One that hangs holds up no other, and all of it ends when it is told to."""
    hanging = FeedSection(id="hangs", site="paja", url=SecretStr(world.server.url("/hangs")))
    world.server.answers["/hangs"] = None
    world.feeds._feeds.insert(0, type(world.feeds._feeds[0])(hanging, FeedState("hangs", "x")))
    task = asyncio.create_task(world.feeds.run())
    await eventually(lambda: list(world.feeds.states())[1].last_good is not None)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_a_feed_is_a_source_as_it_is_configured() -> None:
    """Its device and places are those of its site."""
    section = FeedSection(
        id="f",
        site="paja",
        url=SecretStr("https://x/"),
        places={"Room 1": "pc-1"},
        format="csv",
        free="block",
    )
    source = source_of(section)
    assert (source.name, source.site, source.device) == ("f", "paja", None)
    assert source.places == {"Room 1": "paja/pc-1"}
    assert (source.format, source.free) == ("csv", "block")
    one = section.model_copy(update={"device": "pc-1"})
    assert source_of(one).device == "paja/pc-1"


async def test_nothing_personal_and_no_url_is_logged(world: World) -> None:
    """Whatever a real calendar holds."""
    world.made(partial=True, places={"VR station": "printer-1", "vr-1": "pc-1"})
    world.server.answers["/feed"] = ok(fixture("outlook.ics"))
    with structlog.testing.capture_logs() as logs:
        _, state = await world.read()
    assert [log["event"] for log in logs] == ["feed_read"]
    assert "Example" not in f"{logs}{state}"
    assert "127.0.0.1" not in f"{logs}{state}"
    assert isinstance(state.last_good, datetime)
