"""Staff's words, over a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mqtt_schemas.topics import Address
from orchestrator.attended_service import AttendedService, Start
from orchestrator.booking_service import BookingService, Order
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.check_in_service import CheckInService, WalkIn
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import BookingRefused, NoRoom, NotKnown
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.staff_words import MOST_NOTICES, StaffWords
from orchestrator.staff_service import StaffService
from orchestrator.store import audit, staff_words
from orchestrator.store.audit import Entry
from orchestrator.store.database import Database
from tests.orchestrator.fakes import NOW, PC, PRINTER, FakeClock, office

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WALKED_IN = replace(PRINTER.policy, walk_in=1800)
STATION = Device(Address("paja", "vr-1"), "vr", WALKED_IN, "VR 1")
CONSOLE = Device(Address("paja", "konsoli"), ATTENDED, WALKED_IN, "Konsoli")


class Desk:
    """A desk, what devices were told, and the part that the printer tells of."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.told: list[Address] = []
        self.part: str | None = None
        self.database = database
        devices = {each.address: each for each in (PRINTER, PC, STATION, CONSOLE)}
        made = office(database, now=self.clock.now, deliver=self.deliver, devices=devices)
        books = Bookkeeping(replace(made, to_clear=lambda _: self.part), lambda _, __, ___: 0)
        self.attended = AttendedService(books)
        self.staff = StaffService(books, self.attended)
        self.bookings, self.check_ins = BookingService(books), CheckInService(books)

    async def deliver(self, address: Address, _: datetime | None) -> Delivery:
        """Note who is told."""
        self.told.append(address)
        return Delivery.IN_FORCE

    async def words(self, device: Device = PRINTER) -> StaffWords:
        """Return what staff says of a device, as it is kept."""
        return await self.database.read(lambda rows: staff_words.of_device(rows, device.address))

    async def noted(self) -> list[Entry]:
        """Return what stands in the audit log."""
        return await self.database.read(lambda rows: audit.between(rows, NOW, NOW + 9 * HOUR))


@pytest.fixture
def desk(database: Database) -> Desk:
    """Return a desk at which nothing was said."""
    return Desk(database)


async def test_a_device_goes_out_of_service_and_comes_back(desk: Desk) -> None:
    """With a reason; what staff adds is in the audit log only. Said again it changes nothing."""
    for _ in range(2):
        said = await desk.staff.out("printer-1", "fault", why="nozzle is blocked")
        assert (said.words.out_of_service, said.delivery) == ("fault", Delivery.IN_FORCE)
    assert await desk.words() == StaffWords("fault")
    assert [(device.name, words) for device, words in await desk.staff.listed()] == [
        ("Printer 1", StaffWords("fault"))
    ]
    await desk.staff.back("printer-1")
    await desk.staff.back("printer-1")
    assert await desk.words() == StaffWords()
    assert await desk.staff.listed() == []
    assert desk.told == [PRINTER.address] * 4
    assert [(each.what, each.target, each.why) for each in await desk.noted()] == [
        ("out_of_service", "paja/printer-1", "nozzle is blocked"),
        ("back_in_service", "paja/printer-1", None),
    ]


async def test_an_unknown_reason_or_device_is_refused(desk: Desk) -> None:
    """And nobody is told of anything."""
    with pytest.raises(BookingRefused, match="fault, maintenance, cleaning, other"):
        await desk.staff.out("printer-1", "tired")
    with pytest.raises(NotKnown, match="did you mean"):
        await desk.staff.out("printer-9", "fault")
    assert desk.told == []
    assert await desk.noted() == []


async def test_nobody_walks_in_out_of_service(desk: Desk) -> None:
    """Neither at a device with an agent nor at an attended one."""
    for name in ("vr-1", "konsoli"):
        await desk.staff.out(name, "cleaning")
    with pytest.raises(NoRoom, match="VR 1 is out of service"):
        await desk.check_ins.walk_in(WalkIn("vr-1"))
    with pytest.raises(NoRoom, match="Konsoli is out of service"):
        await desk.attended.start(Start("konsoli"))


async def test_the_part_that_the_device_tells_of_is_cleared(desk: Desk) -> None:
    """By its session, so that it can't be the next one's; or the one that staff names."""
    with pytest.raises(BookingRefused, match="told of nothing"):
        await desk.staff.clear("printer-1")
    desk.part = "s7"
    assert (await desk.staff.clear("printer-1")).words.cleared == "s7"
    assert (await desk.staff.clear("printer-1", session="s8")).words.cleared == "s8"
    assert [each.details for each in await desk.noted()] == [{"session": "s7"}, {"session": "s8"}]


async def test_notices_come_and_go(desk: Desk) -> None:
    """Phrases with an end; those whose time is over make room for others."""
    first = await desk.staff.notice("printer-1", "closes_in", NOW + HOUR, seconds=900)
    [notice] = first.words.notices
    assert (notice.phrase, notice.arguments) == ("closes_in", {"seconds": 900})
    await desk.staff.withdraw("printer-1", notice.id)
    assert (await desk.words()).notices == ()
    with pytest.raises(NotKnown, match="no notice"):
        await desk.staff.withdraw("printer-1", notice.id)
    for _ in range(MOST_NOTICES):
        await desk.staff.notice("printer-1", "come_to_desk", NOW + HOUR)
    with pytest.raises(BookingRefused, match="At most 10"):
        await desk.staff.notice("printer-1", "come_to_desk", NOW + HOUR)
    desk.clock.pass_by(3600)
    assert await desk.staff.listed() == []
    last = await desk.staff.notice("printer-1", "come_to_desk", desk.clock.now() + HOUR)
    assert len(last.words.notices) == 1


async def test_a_running_turn_ends_at_once(desk: Desk) -> None:
    """Its booking ends now, and its plan has no grace; the time after it is free."""
    order = Order("printer-1", NOW, NOW + HOUR)
    booking = (await desk.bookings.add(order)).booking
    desk.clock.pass_by(600)
    change = await desk.staff.end_now("printer-1", why="fire drill")
    assert change.booking.id == booking.id
    assert change.booking.ends_at == NOW + 10 * MINUTE
    assert (await desk.words()).ended == booking.id
    assert (await desk.noted())[-1].details == {"device": "paja/printer-1", "seconds": -3000}
    desk.clock.pass_by(120)
    with pytest.raises(BookingRefused, match="No turn runs at Printer 1"):
        await desk.staff.end_now("printer-1")
    later = Order("printer-1", NOW + 15 * MINUTE, NOW + HOUR)
    await desk.bookings.add(later)


async def test_in_its_grace_a_turn_gets_no_more_time_by_being_ended(desk: Desk) -> None:
    """Its planned end stays; only the grace goes."""
    booking = (await desk.bookings.add(Order("printer-1", NOW, NOW + HOUR))).booking
    desk.clock.pass_by(3630)
    change = await desk.staff.end_now("printer-1")
    assert change.booking.ends_at == booking.ends_at


async def test_a_block_is_nobodys_turn(desk: Desk) -> None:
    """It is cancelled instead."""
    await desk.bookings.block(["printer-1"], NOW, NOW + HOUR, why=None)
    with pytest.raises(BookingRefused, match="No turn runs"):
        await desk.staff.end_now("printer-1")


async def test_an_attended_turn_is_ended_by_staffs_word(desk: Desk) -> None:
    """There is nobody to tell but the people at the desk."""
    await desk.attended.start(Start("konsoli"))
    desk.clock.pass_by(60)
    assert (await desk.staff.end_now("konsoli")).delivery is Delivery.AT_DESK
    with pytest.raises(BookingRefused, match="No turn has begun"):
        await desk.staff.end_now("konsoli")


async def test_the_code_of_the_day_is_shown_and_that_is_noted(desk: Desk) -> None:
    """The same all day, by sites; its words are not in the audit log."""
    code = await desk.staff.code("paja")
    assert len(code.words.split()) == 3
    assert await desk.staff.code("paja") == code
    assert [each.what for each in await desk.noted()] == ["staff_code_shown"] * 2
    assert code.words not in str(await desk.noted())
    with pytest.raises(NotKnown, match="no site 'xyz'; there are paja"):
        await desk.staff.code("xyz")
