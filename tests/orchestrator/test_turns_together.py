"""Bookings, events, intake, keeper and plan together, on a real store and without a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mqtt_schemas.events import CheckedIn, EventBody, ExtensionRequested, TurnOpened, TurnSource
from mqtt_schemas.messages import OutboxState
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address
from orchestrator.config import load
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.places import DATABASE
from orchestrator.store import bookings, rebuild
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW, status
from tests.orchestrator.histories import History
from tests.orchestrator.parts import CONFIG, House, client

MINUTE = timedelta(minutes=1)
PC = Address("paja", "pc-1")
RULES = """
[kind.pc.policy]
check_in = "code"
check_in_within = 900
extension = 900
extension_in_last = 0
"""


@dataclass(slots=True)
class Library:
    """A library whose PC is checked in to by code, and what the PC has told."""

    house: House
    http: httpx.AsyncClient
    history: History = field(default_factory=lambda: History(PC))

    async def book(self, start: int, end: int) -> str:
        """Book the PC, in minutes after noon. Returns the booking's id."""
        body = {
            "device": "pc-1",
            "starts_at": (NOW + start * MINUTE).isoformat(),
            "ends_at": (NOW + end * MINUTE).isoformat(),
        }
        answer = await self.http.post("/api/v1/bookings", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.json()["code"]
        return str(answer.json()["booking"]["id"])

    async def tell(self, kind: type[EventBody], turn: str, **more: Any) -> None:  # noqa: ANN401 - any event
        """Let the PC tell what happens now; all is committed."""
        clock = self.house.clock
        self.history.add(
            kind(
                turn=turn,
                rule="pc/1",
                wall=clock.wall,
                boot_id="00000000-0000-4000-8000-000000000000",
                boot_ms=round(clock.monotonic * 1000),
                offset_ms=0,
                **more,
            )
        )
        number = len(self.history.events)
        ingest = self.house.parts.ingest
        ingest.receive(self.history.topic, self.history.payload(number))
        await ingest._commit()
        await self.keep()

    async def keep(self) -> None:
        """Let the keeper and dispatch do what is due."""
        await self.house.parts.turn_keeper.step()
        await self.house.parts.dispatch.step()

    async def beat(self, *, waiting: int = 0) -> None:
        """Let the PC report; `waiting` events of it are not told yet."""
        told = len(self.history.events)
        outbox = OutboxState(
            log=self.history.log,
            first_kept=1 if told else 0,
            last=told + waiting,
            oldest_age_ms=0 if waiting else None,
        )
        self.house.report(status().model_copy(update={"outbox": outbox}), address=PC)
        await self.keep()

    async def booking(self, name: str) -> Booking:
        """Return a booking as it is kept."""
        found = await self.house.database.read(lambda rows: bookings.find(rows, name))
        assert found is not None
        return found

    def plan(self) -> Plan:
        """Return what the PC is to carry out."""
        plan = self.house.parts.twins.of(PC).desired
        assert plan is not None
        return plan


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """Return a library at noon with nothing booked."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG + RULES)
    config = load(path, {})
    config.orchestrator.state_dir.mkdir()
    with closing(Database.open(config.orchestrator.state_dir / DATABASE)) as database:
        house = House(config, database)
        await house.parts.ingest.load()
        await house.parts.dispatch.start()
        async with client(house.parts.admin) as http:
            yield Library(house, http)


async def test_who_does_not_come_is_released_once_the_device_has_told_all(
    library: Library,
) -> None:
    """A heartbeat after the deadline, with nothing untold, decides; the plan has it no more."""
    name = await library.book(10, 70)
    library.house.clock.pass_by(26 * 60)
    await library.keep()
    assert (await library.booking(name)).state is BookingState.BOOKED
    await library.beat(waiting=1)
    assert (await library.booking(name)).state is BookingState.BOOKED
    await library.beat()
    assert (await library.booking(name)).state is BookingState.NO_SHOW
    assert library.plan().turns == ()


async def test_who_gave_the_code_in_time_is_known_by_the_event(library: Library) -> None:
    """Though it comes after the deadline; and the turn is used in the end."""
    name = await library.book(10, 70)
    library.house.clock.pass_by(24 * 60)
    at_the_device = library.house.clock.wall
    library.house.clock.pass_by(5 * 60)
    await library.beat(waiting=2)
    library.house.clock.wall = at_the_device
    await library.tell(TurnOpened, name)
    await library.tell(CheckedIn, name)
    library.house.clock.wall = at_the_device + 6 * MINUTE
    await library.beat()
    assert (await library.booking(name)).state is BookingState.CHECKED_IN
    library.house.clock.pass_by(60 * 60)
    await library.keep()
    assert (await library.booking(name)).state is BookingState.USED


async def test_a_turn_that_the_device_began_is_in_the_plan_like_others(library: Library) -> None:
    """Nobody books over it, and `rebuild` does not make it again."""
    until = NOW + 30 * MINUTE
    await library.tell(TurnOpened, "w-1", source=TurnSource.WALK_IN, ends_at=until)
    assert [turn.id for turn in library.plan().turns] == ["w-1"]
    body = {
        "device": "pc-1",
        "starts_at": NOW.isoformat(),
        "ends_at": (NOW + 20 * MINUTE).isoformat(),
    }
    assert (await library.http.post("/api/v1/bookings", json=body)).status_code == 409
    before = await library.booking("w-1")
    zone = library.house.config.zone
    await library.house.database.write(lambda rows: rebuild.rebuild(rows, zone))
    assert await library.booking("w-1") == before


async def test_more_time_is_asked_for_at_the_device_and_planned(library: Library) -> None:
    """The plan has the later end; where there is none, a notice."""
    name = await library.book(0, 60)
    await library.tell(CheckedIn, name)
    library.house.clock.pass_by(50 * 60)
    await library.tell(ExtensionRequested, name, seconds=900)
    assert [turn.ends_at for turn in library.plan().turns] == [NOW + 75 * MINUTE]
    assert library.plan().notices == ()
    await library.book(75, 100)
    library.house.clock.pass_by(10)
    await library.tell(ExtensionRequested, name, seconds=900)
    assert library.plan().turns[0].ends_at == NOW + 75 * MINUTE
    assert [notice.phrase for notice in library.plan().notices] == ["no_extension"]
    [entry, *_] = (
        await library.http.get(
            "/api/v1/audit",
            params={
                "from": (NOW + 49 * MINUTE).isoformat(),
                "to": (NOW + 51 * MINUTE).isoformat(),
            },
        )
    ).json()
    assert (entry["role"], entry["what"], entry["details"]["seconds"]) == (
        "device",
        "extended",
        900,
    )


async def test_who_waits_in_the_queue_is_not_passed(library: Library) -> None:
    """Neither by the customer at the device nor by staff, but where staff says so."""
    name = await library.book(0, 60)
    await library.tell(CheckedIn, name)
    library.house.clock.pass_by(50 * 60)
    joined = await library.http.post("/api/v1/queue", json={"kind": "pc"})
    assert joined.json()["state"] == "waiting"
    await library.tell(ExtensionRequested, name, seconds=900)
    assert library.plan().turns[0].ends_at == NOW + 60 * MINUTE
    notices = [notice.phrase for notice in library.plan().notices]
    assert notices == ["no_extension"]
    one = f"/api/v1/bookings/{name}"
    refused = await library.http.patch(one, json={"more_seconds": 600})
    assert refused.status_code == 409
    assert refused.json()["error"].startswith("Somebody waits in the queue")
    body = {"more_seconds": 600, "although_waiting": True}
    assert (await library.http.patch(one, json=body)).is_success
    assert library.plan().turns[0].ends_at == NOW + 70 * MINUTE
