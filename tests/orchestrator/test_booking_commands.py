"""No sequence of commands makes two turns of a device overlap."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mqtt_schemas.events import CheckedIn, TurnOpened, TurnSource
from orchestrator.check_in_service import WalkIn
from orchestrator.domain.bookings import LIVE, Booking, BookingRefused, BookingState
from orchestrator.domain.check_in import Answers
from orchestrator.domain.devices import CheckInBy
from orchestrator.domain.series import Every
from orchestrator.store.database import Connection, Database
from orchestrator.store.turns_seen import TurnsLedger
from orchestrator.turn_changes import TurnChanges
from orchestrator.turn_keeper import TurnKeeper
from tests.orchestrator.desk import HOUR, MINUTE, DeskOf, game, order
from tests.orchestrator.fakes import NOW

T = TypeVar("T")
DEVICES = (game(1), game(2, check_in=CheckInBy.STAFF, buffer=0, grid=600))
starts = st.integers(-10, 300).map(lambda minutes: minutes * MINUTE)
lengths = st.sampled_from([10, 30, 55, 60, 120, 121]).map(lambda minutes: minutes * MINUTE)
devices = st.sampled_from([device.address.device for device in DEVICES])
picks = st.integers(0, 10**6)


class Commands(RuleBasedStateMachine):
    """A desk, its devices' events and the passing of time, over one real store."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database.open(Path(self.folder.name) / "store.db")
        self.desk = DeskOf(self.database, *DEVICES)
        self.keeper = TurnKeeper(
            changes=TurnChanges(self.desk.bookings._books),
            office=self.desk.office,
            told_until=lambda _: self.desk.clock.now(),
            replan=lambda _: None,
        )
        self.before: dict[str, Booking] = {}
        self.turns = 0

    def teardown(self) -> None:
        """Let go of the store."""
        self.database.close()
        self.folder.cleanup()
        self.loop.close()

    def run(self, command: Coroutine[Any, Any, T]) -> T | None:
        """Give a command; a refusal is a sentence."""
        try:
            return self.loop.run_until_complete(command)
        except BookingRefused as refusal:
            text = str(refusal)
            assert text.endswith(".")
            assert ".." not in text
            return None

    def all(self) -> list[Booking]:
        """Return every booking there is."""
        found = self.run(self.desk.bookings.between(NOW - 99 * HOUR, NOW + 9999 * HOUR))
        return found or []

    def pick(self, number: int) -> Booking:
        """Return one of the bookings."""
        found = self.all()
        return found[number % len(found)]

    @rule(start=starts, length=lengths, device=devices | st.none())
    def add(self, *, start: timedelta, length: timedelta, device: str | None) -> None:
        """Book a device, or any of the kind."""
        at = self.desk.clock.wall - NOW + start
        kind = {"kind": "game"} if device is None else {}
        self.run(self.desk.bookings.add(order(at, length, device=device, **kind)))

    @rule(start=starts, length=lengths, every=st.sampled_from(Every), partial=st.booleans())
    def add_series(
        self, *, start: timedelta, length: timedelta, every: Every, partial: bool
    ) -> None:
        """Book a series."""
        at = self.desk.clock.wall - NOW + start
        series = self.desk.bookings.add_series(order(at, length), every, 3, partial=partial)
        self.run(series)

    @rule(start=starts, length=lengths, names=st.lists(devices, min_size=1, max_size=3))
    def block(self, *, start: timedelta, length: timedelta, names: list[str]) -> None:
        """Block devices."""
        at = self.desk.clock.wall + start
        self.run(self.desk.bookings.block(names, at, at + length, why=None))

    @rule(device=devices | st.none(), length=lengths | st.none())
    def walk_in(self, *, device: str | None, length: timedelta | None) -> None:
        """Begin a turn at the desk."""
        kind = "game" if device is None else None
        self.run(self.desk.check_ins.walk_in(WalkIn(device, kind, length=length)))

    @rule(number=picks, more=st.integers(-90, 150))
    @precondition(lambda self: self.all())
    def set_end(self, *, number: int, more: int) -> None:
        """Extend or shorten a turn."""
        self.run(self.desk.bookings.set_end(self.pick(number).id, more * MINUTE))

    @rule(number=picks)
    @precondition(lambda self: self.all())
    def cancel(self, *, number: int) -> None:
        """Cancel a booking."""
        self.run(self.desk.bookings.cancel(self.pick(number).id))

    @rule(number=picks)
    @precondition(lambda self: self.all())
    def check_in(self, *, number: int) -> None:
        """Let a customer come."""
        self.run(self.desk.check_ins.check_in(self.pick(number).id, Answers()))

    @rule(number=picks, device=devices | st.none())
    @precondition(lambda self: self.all())
    def move(self, *, number: int, device: str | None) -> None:
        """Move a booking, or what is left of it."""
        self.run(self.desk.moves.move(self.pick(number).id, device=device))

    @rule(minutes=st.integers(0, 90))
    def pass_by(self, *, minutes: int) -> None:
        """Let time pass, and the keeper do what is due."""
        self.desk.clock.pass_by(minutes * 60)
        self.keeper.look_at([device.address for device in DEVICES])
        self.loop.run_until_complete(self.keeper.step())

    @rule(device=st.sampled_from(DEVICES), ago=st.integers(0, 30), length=st.integers(1, 60))
    def walk_in_at_the_device(self, *, device: Any, ago: int, length: int) -> None:  # noqa: ANN401 - a device
        """Hear, maybe late, of a turn that a device began."""
        self.turns += 1
        begun = self.desk.clock.wall - ago * MINUTE
        event = TurnOpened(
            turn=f"w{self.turns}",
            rule="pc/1",
            wall=begun,
            boot_id="00000000-0000-4000-8000-000000000000",
            boot_ms=1,
            offset_ms=0,
            source=TurnSource.WALK_IN,
            ends_at=begun + length * MINUTE,
        )
        self.hear(device, event)

    @rule(number=picks)
    @precondition(lambda self: self.all())
    def check_in_at_the_device(self, *, number: int) -> None:
        """Hear of somebody who gave their code, maybe of a turn that was released."""
        booking = self.pick(number)
        event = CheckedIn(
            turn=booking.id,
            rule="pc/1",
            wall=self.desk.clock.wall,
            boot_id="00000000-0000-4000-8000-000000000000",
            boot_ms=1,
            offset_ms=0,
        )
        self.hear(self.desk.office.devices[booking.address], event)

    def hear(self, device: Any, event: TurnOpened | CheckedIn) -> None:  # noqa: ANN401 - a device
        """Take an event in, and let the keeper look."""

        def take(rows: Connection) -> None:
            ledger = TurnsLedger(rows)
            ledger.take(device.address, event)
            ledger.write()

        self.loop.run_until_complete(self.database.write(take))
        self.keeper.look_at([device.address])
        self.loop.run_until_complete(self.keeper.step())

    @invariant()
    def no_two_turns_of_a_device_overlap(self) -> None:
        """Whatever was said and heard, in whichever order."""
        for device in DEVICES:
            found = [each for each in self.all() if each.address == device.address]
            live = [booking for booking in found if booking.live]
            for earlier, later in pairwise(live):
                assert earlier.ends_at <= later.starts_at, (earlier, later)
            assert all(booking.starts_at <= booking.ends_at for booking in live)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        """Nothing that was given back or cancelled takes time again, but who had come."""
        now = {booking.id: booking for booking in self.all()}
        for name, booking in self.before.items():
            if booking.state in (BookingState.CANCELLED, BookingState.RELEASED):
                assert now[name].state is booking.state
            if booking.state is BookingState.NO_SHOW:
                assert now[name].state in {BookingState.NO_SHOW, *LIVE}
        self.before = now


TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
