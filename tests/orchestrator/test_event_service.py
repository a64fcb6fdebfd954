"""Commands on group events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import (
    Booking,
    BookingRefused,
    BookingState,
    NoRoom,
    NotKnown,
    Purpose,
)
from orchestrator.domain.devices import Device
from orchestrator.domain.group_events import EventState
from orchestrator.domain.local_time import say_moment
from orchestrator.domain.opening_hours import LocalSpan, SiteHours
from orchestrator.event_service import EventService, NewEvent, People, Sheet
from orchestrator.store import audit, bookings, group_events
from orchestrator.store.database import Database
from tests.orchestrator.domain.queues import POLICY
from tests.orchestrator.fakes import NOW, FakeClock, office

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
OPEN = (LocalSpan(8 * 3600, 18 * 3600, staffed=False),)
VR = [Device(Address("paja", f"vr-{n}"), "vr", POLICY, f"VR {n}") for n in (1, 2, 3)]
ELSEWHERE = Device(Address("sivu", "vr-9"), "vr", POLICY, "VR 9")


class Desk:
    """A service with a real store, and whom it told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock()
        self.told: list[Address] = []
        self.office = office(
            database,
            now=self.clock.now,
            devices={each.address: each for each in [*VR, ELSEWHERE]},
            deliver=self.deliver,
        )
        self.service = EventService(Bookkeeping(self.office))

    async def deliver(self, address: Address, _: datetime | None) -> Delivery:
        """Note who is told."""
        self.told.append(address)
        return Delivery.IN_FORCE

    async def add(self, *devices: str, **other: object) -> Sheet:
        """Plan an event in an hour, of an hour."""
        new = NewEvent(
            devices=devices or ("vr-1", "vr-2"),
            starts_at=NOW + HOUR,
            ends_at=NOW + 2 * HOUR,
            label="Class 4B",
        )
        return await self.service.add(replace(new, **other))  # type: ignore[arg-type] # a test's shorthand

    async def book(self, device: Device, first: timedelta, last: timedelta) -> Booking:
        """Book a device for somebody else."""
        booking = Booking(f"x{first}", device.address, NOW + first, NOW + last)
        await self.database.write(lambda rows: bookings.insert(rows, booking, created=NOW))
        return booking

    async def live(self) -> list[tuple[str, Purpose, datetime, datetime]]:
        """Return what takes time of the devices."""
        found = await self.database.read(
            lambda rows: bookings.between(
                rows, ends_after=NOW - HOUR, starts_before=NOW + timedelta(days=2)
            )
        )
        return sorted(
            (each.address.device, each.purpose, each.starts_at, each.ends_at)
            for each in found
            if each.live
        )

    async def audited(self) -> list[audit.Entry]:
        """Return the audit log."""
        return await self.database.read(
            lambda rows: audit.between(rows, NOW - HOUR, NOW + timedelta(days=2))
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk with nothing planned."""
    database = Database.open(tmp_path / "store.db")
    yield Desk(database)
    database.close()


async def test_an_event_holds_all_its_devices(desk: Desk) -> None:
    """Each has a turn with the event's rotation, and no people of its own."""
    sheet = await desk.add(target_group="nuoret", rotate=360)
    assert sheet.event.label == "Class 4B"
    assert [turn.address for turn in sheet.turns] == [VR[0].address, VR[1].address]
    for turn in sheet.turns:
        assert (turn.purpose, turn.event, turn.rotate) == (Purpose.EVENT, sheet.event.id, 360)
        assert (turn.party_size, turn.target_group) == (None, "nuoret")
        assert (turn.starts_at, turn.ends_at) == (NOW + HOUR, NOW + 2 * HOUR)
    assert sorted(desk.told) == [VR[0].address, VR[1].address]
    assert [change.delivery for change in sheet.changes] == [Delivery.IN_FORCE] * 2
    (entry,) = await desk.audited()
    assert (entry.what, entry.role, entry.target) == ("event_added", "staff", sheet.event.id)
    assert "Class 4B" not in str(entry)


async def test_all_or_nothing(desk: Desk) -> None:
    """What is in the way is told of each device; nothing is kept."""
    await desk.book(VR[0], 90 * MINUTE, 100 * MINUTE)
    await desk.book(VR[2], 2 * HOUR, 3 * HOUR)
    with pytest.raises(NoRoom) as refused:
        await desk.add("vr-1", "vr-2", "vr-3")
    assert str(refused.value) == (
        "VR 1 is booked from 2026-11-25 15:30 to 15:40; "
        "VR 3 is booked from 2026-11-25 16:00 to 17:00 and needs 5 min between turns."
    )
    assert len(await desk.live()) == 2
    assert await desk.service.between(NOW, NOW + 9 * HOUR) == []
    assert desk.told == []


async def test_an_event_may_need_a_longer_pause_than_its_devices(desk: Desk) -> None:
    """A block after it; who books next is refused until it is over."""
    sheet = await desk.add("vr-1", buffer=1800)
    ends_at = NOW + 2 * HOUR
    assert await desk.live() == [
        ("vr-1", Purpose.BLOCK, ends_at + MINUTE, ends_at + 26 * MINUTE),
        ("vr-1", Purpose.EVENT, NOW + HOUR, ends_at),
    ]
    assert [turn.purpose for turn in sheet.turns] == [Purpose.EVENT]
    with pytest.raises(NoRoom):
        await desk.add("vr-1", starts_at=ends_at + 30 * MINUTE, ends_at=ends_at + HOUR)
    await desk.add("vr-1", starts_at=ends_at + 31 * MINUTE, ends_at=ends_at + HOUR)
    with pytest.raises(NoRoom, match="VR 2 needs a pause of at least 4 min after each use"):
        await desk.add("vr-2", buffer=60)


async def test_a_pause_needs_room_too(desk: Desk) -> None:
    """Somebody's booking is not moved for it."""
    await desk.book(VR[0], 2 * HOUR + 20 * MINUTE, 3 * HOUR)
    await desk.add("vr-1", starts_at=NOW, ends_at=NOW + HOUR)
    with pytest.raises(NoRoom, match="VR 1 is booked from"):
        await desk.add("vr-1", starts_at=NOW + 70 * MINUTE, buffer=3600)


async def test_participants_are_counted_once_and_corrected_with_a_reason(desk: Desk) -> None:
    """As expected before it begins; every figure stays on record."""
    sheet = await desk.add(people=People(under_18=25, over_18=2))
    assert [(count.total, count.estimated) for count in sheet.told] == [(27, True)]
    desk.clock.pass_by(2 * 3600)
    with pytest.raises(BookingRefused, match="say why they are corrected"):
        await desk.service.set_participants(sheet.event.id, People(22, 2, 0))
    told = await desk.service.set_participants(sheet.event.id, People(22, 2), why="at the door")
    assert [(count.total, count.estimated, count.why) for count in told.told] == [
        (27, True, None),
        (24, False, "at the door"),
    ]
    (found,) = await desk.database.read(
        lambda rows: group_events.participants(rows, "paja", NOW, NOW + timedelta(days=1))
    )
    assert found.count == told.told[-1]
    assert (found.corrected, found.estimated, found.counted) == (True, False, True)
    assert [entry.what for entry in await desk.audited()] == [
        "event_added",
        "participants_told",
        "participants_corrected",
    ]
    assert (await desk.audited())[-1].details["before"] == 27


async def test_an_event_that_is_counted_elsewhere_is_marked(desk: Desk) -> None:
    """With a reason; and back again."""
    sheet = await desk.add()
    with pytest.raises(BookingRefused, match="Say why"):
        await desk.service.set_counted(sheet.event.id, counted=False, why=None)
    marked = await desk.service.set_counted(sheet.event.id, counted=False, why="hobby club")
    assert marked.event.not_counted == "hobby club"
    back = await desk.service.set_counted(sheet.event.id, counted=True, why="not in its figures")
    assert back.event.not_counted is None
    with pytest.raises(BookingRefused, match="counted already"):
        await desk.service.set_counted(sheet.event.id, counted=True, why="again")
    planned = await desk.add("vr-3", not_counted="hobby club")
    assert planned.event.not_counted == "hobby club"


async def test_a_cancelled_event_gives_its_devices_back(desk: Desk) -> None:
    """The pauses too; it stays on record, and in no report."""
    sheet = await desk.add(buffer=1800)
    gone = await desk.service.cancel(sheet.event.id, why="the class is ill")
    assert gone.event.state is EventState.CANCELLED
    assert {turn.state for turn in gone.turns} == {BookingState.CANCELLED}
    assert await desk.live() == []
    assert len(gone.changes) == 2
    with pytest.raises(BookingRefused, match="The event is cancelled already"):
        await desk.service.cancel(sheet.event.id)
    with pytest.raises(BookingRefused, match="nobody took part"):
        await desk.service.set_participants(sheet.event.id, People(1))
    assert not await desk.database.read(
        lambda rows: group_events.participants(rows, "paja", NOW, NOW + timedelta(days=1))
    )


async def test_an_event_that_has_begun_ends_and_is_counted(desk: Desk) -> None:
    """Its turns were used until now, and the devices are cleaned from now on."""
    sheet = await desk.add("vr-1", buffer=1800)
    desk.clock.pass_by(90 * 60)
    ended = await desk.service.cancel(sheet.event.id)
    now = NOW + 90 * MINUTE
    assert (ended.event.state, ended.event.ends_at) == (EventState.PLANNED, now)
    assert await desk.live() == [
        ("vr-1", Purpose.BLOCK, now + MINUTE, now + 26 * MINUTE),
        ("vr-1", Purpose.EVENT, NOW + HOUR, now),
    ]
    assert [turn.state for turn in ended.turns] == [BookingState.USED]
    await desk.service.set_participants(sheet.event.id, People(unknown=9))
    with pytest.raises(BookingRefused, match="The event is over"):
        await desk.service.cancel(sheet.event.id)


async def test_a_device_that_breaks_before_an_event_is_replaced(desk: Desk) -> None:
    """The same turn on another device, with its pause."""
    sheet = await desk.add("vr-1", "vr-2", buffer=1800)
    moved = await desk.service.move_device(sheet.event.id, device="vr-2", to="vr-3", why="broken")
    assert {turn.id for turn in moved.turns} == {turn.id for turn in sheet.turns}
    assert [device for device, *_ in await desk.live()] == ["vr-1", "vr-1", "vr-3", "vr-3"]
    assert [change.booking.address for change in moved.changes] == [VR[2].address]


async def test_a_device_that_breaks_during_an_event_is_replaced_for_the_rest(desk: Desk) -> None:
    """Its turn ends, and another one with what is left begins."""
    sheet = await desk.add("vr-1", rotate=360)
    desk.clock.pass_by(90 * 60)
    moved = await desk.service.move_device(sheet.event.id, device="vr-1", to="vr-2")
    now = NOW + 90 * MINUTE
    old, new = moved.turns
    assert (old.address, old.ends_at, old.state) == (VR[0].address, now, BookingState.USED)
    assert (new.address, new.starts_at, new.ends_at) == (VR[1].address, now, NOW + 2 * HOUR)
    assert (new.state, new.rotate, new.event) == (BookingState.BOOKED, 360, sheet.event.id)
    assert new.id != old.id


@pytest.mark.parametrize(
    ("device", "to", "sentence"),
    [
        ("vr-3", "vr-2", "VR 3 has no turn left in the event"),
        ("vr-1", "vr-2", "VR 2 is part of the event already"),
        ("vr-1", "vr-1", "VR 1 is part of the event already"),
        ("vr-1", "vr-9", "VR 9 is at another site"),
        ("vr-1", "xyz", "There is no device 'xyz'"),
        ("vr-1", "vr-3", "VR 3 is booked from 2026-11-25 15:00 to 15:30"),
    ],
)
async def test_a_device_is_not_replaced_by_one_that_will_not_do(
    desk: Desk, device: str, to: str, sentence: str
) -> None:
    """And nothing is changed."""
    await desk.book(VR[2], HOUR, 90 * MINUTE)
    sheet = await desk.add()
    before = await desk.live()
    with pytest.raises(BookingRefused, match=sentence):
        await desk.service.move_device(sheet.event.id, device=device, to=to)
    assert await desk.live() == before


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"devices": ()}, "An event is on 1 to 200 devices"),
        ({"devices": ("vr-1", "vr-9")}, "The devices of an event are all at one site"),
        ({"devices": ("xyz",)}, "There is no device 'xyz'"),
        ({"label": " \n "}, "Give the event a short label"),
        ({"target_group": "kissat"}, "There is no target group 'kissat'"),
        ({"ends_at": NOW}, "The end of the event is not after its start"),
        ({"starts_at": NOW - HOUR}, "The start of the event is in the past"),
        ({"starts_at": datetime(1969, 1, 1).astimezone()}, "outside the years 1970 to 9999"),
        (
            {
                "starts_at": datetime(9999, 12, 31, 22, tzinfo=UTC),
                "ends_at": datetime(9999, 12, 31, 23, tzinfo=UTC),
                "buffer": 86_400,
            },
            "VR 1 can be booked at most 366 days ahead",
        ),
        ({"not_counted": ""}, "Say why"),
        ({"people": People(under_18=-1)}, "Each figure is from 0 to 10000, not -1"),
    ],
)
async def test_a_wrong_wish_is_refused(desk: Desk, wrong: dict[str, object], sentence: str) -> None:
    """With one sentence, and nothing is kept."""
    new = NewEvent(
        devices=("vr-1",), starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR, label="Class 4B"
    )
    with pytest.raises(BookingRefused, match=sentence):
        await desk.service.add(replace(new, **wrong))  # type: ignore[arg-type] # of the table
    assert await desk.live() == []


async def test_a_device_named_twice_is_one(desk: Desk) -> None:
    """By its id and by site and id."""
    sheet = await desk.add("vr-1", "paja/vr-1")
    assert len(sheet.turns) == 1


async def test_an_event_outside_the_opening_hours_is_said_to_be(tmp_path: Path) -> None:
    """Staff opens the library for it; what a policy takes away of the hours is no matter."""
    database = Database.open(tmp_path / "hours.db")
    desk = Desk(database)
    desk.office = replace(
        desk.office,
        hours={"paja": SiteHours(weekly=(OPEN,) * 7)},
        devices={
            each.address: replace(each, policy=replace(POLICY, staffed_only=True)) for each in VR
        },
    )
    desk.service = EventService(Bookkeeping(desk.office))
    try:
        assert say_moment(NOW, desk.office.zone) == "2026-11-25 14:00"
        await desk.add("vr-1", starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
        late = {"starts_at": NOW + 3 * HOUR, "ends_at": NOW + 5 * HOUR}
        with pytest.raises(BookingRefused, match="The library is closed then, or for a part"):
            await desk.add("vr-1", **late)
        sheet = await desk.add("vr-1", **late, outside_hours=True)
        assert [turn.over_closing for turn in sheet.turns] == [True]
    finally:
        database.close()


async def test_what_is_not_there_is_said(desk: Desk) -> None:
    """Each command on an event that nobody planned."""
    for asked in (
        desk.service.sheet("e9"),
        desk.service.cancel("e9"),
        desk.service.set_participants("e9", People(1)),
        desk.service.set_counted("e9", counted=False, why="x"),
        desk.service.move_device("e9", device="vr-1", to="vr-2"),
    ):
        with pytest.raises(NotKnown, match="There is no event 'e9'"):
            await asked
